/** The contests as tables and goals: what a request costs more than without authentication, compared within each round. */
import { aws, type ContestName, contests, jose, noAuth, ours, telemetry } from '../harness/contests.js'
import { variants } from '../harness/variants.js'
import type { ContestSample } from '../sections/contests.js'
import type { Goal } from './results.js'
import { type Median, medianOf, shown, shownMedian, table } from './stats.js'

type Value = (sample: ContestSample) => number
const cpu: Value = ({ cpuMicros }) => cpuMicros
const p99: Value = (sample) => sample.p99

export class ContestFigures {
  readonly #all: readonly ContestSample[]

  constructor(all: readonly ContestSample[]) {
    this.#all = all
  }

  has(contest: ContestName): boolean {
    return this.#all.some((sample) => sample.contest === contest)
  }

  of(contest: ContestName, variant: string): readonly ContestSample[] {
    return this.#all.filter((sample) => sample.contest === contest && sample.variant === variant)
  }

  median(contest: ContestName, variant: string, value: Value): Median | undefined {
    return medianOf(this.of(contest, variant).map(value))
  }

  /** CPU of a request over that of a server without authentication, µs. */
  over(contest: ContestName, variant: string): Median | undefined {
    return medianOf([...this.#overs(contest, variant).values()])
  }

  /** Of what two servers cost more than one without authentication. */
  overRatio(contest: ContestName, one: string, other: string): Median | undefined {
    return ratios(this.#overs(contest, one), this.#overs(contest, other))
  }

  ratio(contest: ContestName, one: string, other: string, value: Value): Median | undefined {
    return ratios(this.#byRound(contest, one, value), this.#byRound(contest, other, value))
  }

  #overs(contest: ContestName, variant: string): ReadonlyMap<number, number> {
    const free = this.#byRound(contest, noAuth, cpu)
    const found = [...this.#byRound(contest, variant, cpu)]
    return new Map(found.map(([round, micros]) => [round, micros - (free.get(round) ?? Number.NaN)]))
  }

  #byRound(contest: ContestName, variant: string, value: Value): ReadonlyMap<number, number> {
    return new Map(this.of(contest, variant).map((sample) => [sample.round, value(sample)]))
  }
}

/** Rounds are compared one by one, as the machine of one round is not that of the next. */
function ratios(some: ReadonlyMap<number, number>, others: ReadonlyMap<number, number>): Median | undefined {
  return medianOf([...some].map(([round, value]) => value / (others.get(round) ?? Number.NaN)))
}

const head = ['', 'rounds', 'CPU µs', 'over no-auth µs', 'of jose', 'of aws-jwt-verify', 'p99 ms', 'p99 of jose']

function rowOf(figures: ContestFigures, contest: ContestName, variant: string): readonly string[] {
  const isFree = variant === noAuth
  const compared = [jose, aws].map((peer) => figures.overRatio(contest, variant, peer))
  const wrong = figures.of(contest, variant).reduce((sum, sample) => sum + sample.wrong, 0)
  return [
    (variants.find(({ name }) => name === variant)?.what ?? variant) + (wrong > 0 ? ` **${wrong} wrong**` : ''),
    String(figures.of(contest, variant).length),
    shownMedian(figures.median(contest, variant, cpu)),
    ...(isFree ? ['', '', ''] : [figures.over(contest, variant), ...compared].map(shownMedian)),
    shownMedian(figures.median(contest, variant, p99)),
    isFree ? '' : shownMedian(figures.ratio(contest, variant, jose, p99))
  ]
}

const explained =
  'Medians of the rounds, with the interval that holds the true median with at least 95 % probability. "Of" compares what two servers cost over no-auth, in the same round.'

/** A section of the page for each contest that was run. */
export function contestsOf(samples: readonly ContestSample[] = []): readonly string[] {
  const figures = new ContestFigures(samples)
  return contests
    .filter(({ name }) => figures.has(name))
    .flatMap(({ name, what, variants: all }) => {
      const rows = all.filter((variant) => figures.of(name, variant).length > 0)
      const body = rows.map((variant) => rowOf(figures, name, variant))
      return [`## Contest "${name}": ${what}`, explained, table(head, body)]
    })
}

function judged(named: Pick<Goal, 'name' | 'goal'>, found: Median | undefined, most: number): Goal {
  if (!found) return { ...named, measured: 'not measured' }
  return { ...named, measured: shownMedian(found), met: found.median <= most }
}

/** Each goal in both modes: Entra's, and another provider's. */
export function contestGoals(samples: readonly ContestSample[] = []): readonly Goal[] {
  const figures = new ContestFigures(samples)
  const measured = telemetry.map((variant) =>
    judged(
      { name: `${variant}: a known token, over sockets`, goal: '≤ 1.03 × ours' },
      figures.ratio('known', variant, 'ours', cpu),
      1.03
    )
  )
  const verified = ours.flatMap((variant) => {
    const over = (contest: ContestName, peer: string, most: number, words: string): Goal =>
      judged(
        { name: `${variant}: ${words}`, goal: `≤ ${shown(most)} × ${peer}, over no-auth` },
        figures.overRatio(contest, variant, peer),
        most
      )
    return [
      over('new', jose, 0.85, 'a new token'),
      over('new', aws, 1.1, 'a new token'),
      over('deploy', jose, 1, 'the first seconds of a process'),
      judged(
        { name: `${variant}: p99 of the first seconds`, goal: `≤ 1 × ${jose}` },
        figures.ratio('deploy', variant, jose, p99),
        1
      ),
      judged(
        { name: `${variant}: a known token`, goal: '≤ 1.2 × no-auth' },
        figures.ratio('known', variant, noAuth, cpu),
        1.2
      ),
      over('forged', jose, 1, 'a forged token')
    ]
  })
  return [...verified, ...measured]
}
