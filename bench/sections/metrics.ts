/** What metrics cost a known token: what they add in one process, as a share of what the request costs a server over sockets. */
import { costOfGood } from '../harness/measure.js'
import { aside } from '../harness/variants.js'
import { warmTokens } from '../harness/workloads.js'
import type { World } from '../harness/world.js'
import { type Median, medianOf, spread } from '../report/stats.js'
import type { MetricsJob, MetricsResult } from '../types.js'

export interface MetricsCost {
  readonly library: MetricsJob['library']
  /** Microseconds of CPU, of a request with a known token to a route with one guard. */
  readonly addedMicros: Median | undefined
  /** The same over sockets, as a share of the request: of the medians. */
  readonly share: number
}

const libraries = ['prom-client', 'OpenTelemetry'] as const

/** Microseconds of CPU of a known token over sockets, without metrics and on a route without a guard, which costs less. */
const costOfKnown = (world: World) =>
  costOfGood(world, aside('ours'), { tokens: { ...world.pools.good, count: warmTokens } })

export async function runMetrics(world: World): Promise<readonly MetricsCost[]> {
  const { pace } = world
  const known: number[] = []
  const added = new Map<MetricsJob['library'], number[]>(libraries.map((library) => [library, []]))
  for (let round = 0; round < pace.rounds; round += 1) {
    known.push(await costOfKnown(world))
    for (const library of libraries) {
      const child = await world.startPinned('children/metrics.js')
      const job: MetricsJob = { library, requests: Math.round(10_000 * pace.seconds), turns: 11 }
      added.get(library)?.push(...(await child.ask<MetricsResult>(job)).added)
      await child.stop()
    }
  }
  const request = spread(known)?.median ?? Number.NaN
  return libraries.map((library) => {
    const addedMicros = medianOf(added.get(library) ?? [])
    return { library, addedMicros, share: (addedMicros?.median ?? Number.NaN) / request }
  })
}
