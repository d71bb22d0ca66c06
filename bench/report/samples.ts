/** Figures of variants, compared with each other within one round. */
import type { Sample } from '../harness/measure.js'
import { variants } from '../harness/variants.js'
import { type WorkloadName, workloads } from '../harness/workloads.js'
import { type Spread, spread } from './stats.js'

export interface Key {
  readonly variant: string
  readonly workload: WorkloadName
}

/** By requests a second, or by the CPU time of one: above 1 the first is better. */
export type By = 'throughput' | 'cpu'

export class Samples {
  readonly #all: readonly Sample[]

  constructor(all: readonly Sample[]) {
    this.#all = all
  }

  of({ variant, workload }: Key): readonly Sample[] {
    return this.#all.filter((sample) => sample.variant === variant && sample.workload === workload)
  }

  spread(key: Key, value: (sample: Sample) => number): Spread | undefined {
    return spread(this.of(key).map(value))
  }

  /** Rounds are compared one by one, as the machine of one round is not that of the next. */
  ratio(one: Key, other: Key, by: By): Spread | undefined {
    const others = new Map(this.of(other).map((sample) => [sample.round, sample]))
    return spread(this.of(one).map((sample) => compare(sample, others.get(sample.round), by)))
  }

  /** The share of its own framework that is left. */
  share(key: Key, by: By): Spread | undefined {
    const baseline = variants.find(({ name }) => name === key.variant)?.baseline ?? ''
    return this.ratio(key, { variant: baseline, workload: 'thousand' }, by)
  }

  /** The share of the limit that is reached. */
  ofLimit(key: Key, by: By): Spread | undefined {
    const limit = workloads.find(({ name }) => name === key.workload)?.limit
    return limit && this.ratio(key, limit, by)
  }
}

function compare(one: Sample, other: Sample | undefined, by: By): number {
  if (!other) return Number.NaN
  return by === 'cpu' ? other.cpuMicros / one.cpuMicros : one.requestsPerSecond / other.requestsPerSecond
}
