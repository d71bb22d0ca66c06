/** What happened in a soak: counts, latencies, events, samples, and every wrong answer with what is needed to find its cause. */
import type { Weather } from './history.js'
import type { ApiSample } from './settings.js'

export interface WrongAnswer {
  /** Seconds since the start. */
  readonly at: number
  readonly seed: number
  /** The conditions at that moment. */
  readonly phase: Readonly<Record<'tenant' | 'tokens' | 'redis', Weather>> & { readonly round: number }
  readonly what: string
  readonly expected: string
  readonly found: string
}

/** An interval of a soak. */
export interface Sample extends ApiSample {
  readonly at: number
  readonly requests: number
  /** Milliseconds, of all requests and of those whose token's key was held while Redis was up; `null` if there were none. */
  readonly p99: number | null
  readonly p99InGoodWeather: number | null
}

export interface Event {
  readonly at: number
  readonly kind: string
  readonly detail: string
}

/** The heap after a garbage collection, at the end of a round. */
export interface Checkpoint {
  readonly at: number
  readonly heapUsed: number
  /** Signals of streams that are still in memory, and streams that are open. */
  readonly signals: number
  readonly streams: number
}

/** What an API answers when one of its deadlines passed. */
const unavailable = /\b503 (x )?(tenant|admission|downstream)_unavailable\b/
/** Milliseconds: how often timers are looked at, how late one is on a machine that is too busy, and for how long its effects are excused. */
const [tickMs, stallMs, excusedMs] = [50, 300, 30_000]

export class SoakRecord {
  readonly seed: number
  readonly wrong: WrongAnswer[] = []
  readonly events: Event[] = []
  readonly samples: Sample[] = []
  readonly checkpoints: Checkpoint[] = []
  /** How often each kind of request had each outcome. */
  readonly counts: Record<string, Record<string, number>> = {}
  requests = 0
  readonly #startedAt = performance.now()
  readonly #phase: () => WrongAnswer['phase']
  #stalledAt = Number.NEGATIVE_INFINITY
  #latencies: number[] = []
  #latenciesInGoodWeather: number[] = []

  constructor(seed: number, phase: () => WrongAnswer['phase']) {
    this.seed = seed
    this.#phase = phase
  }

  /** Seconds since the start. */
  get at(): number {
    return Math.round(performance.now() - this.#startedAt) / 1000
  }

  count(kind: string, outcome: string): void {
    const outcomes = this.counts[kind] ?? {}
    this.counts[kind] = outcomes
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  }

  took(milliseconds: number, inGoodWeather: boolean): void {
    this.#latencies.push(milliseconds)
    if (inGoodWeather) this.#latenciesInGoodWeather.push(milliseconds)
  }

  event(kind: string, detail = ''): void {
    this.events.push({ at: this.at, kind, detail })
  }

  /** A wrong answer, or anything else that must not be. */
  isWrong(what: string, expected: string, found: string): void {
    this.wrong.push({ at: this.at, seed: this.seed, phase: this.#phase(), what, expected, found })
  }

  /**
   * An answer that is not right under the conditions. A documented 503 while the machine was too busy to keep deadlines is counted, and not wrong: it says
   * nothing about the API.
   */
  isUnexpected(what: string, expected: string, found: string): void {
    const isExcused = unavailable.test(found) && performance.now() - this.#stalledAt < excusedMs
    if (isExcused) this.count('too busy', found)
    else this.isWrong(what, expected, found)
  }

  /** Watches how late timers of this process are. Returns what stops it. */
  watchStalls(): () => void {
    let due = performance.now() + tickMs
    const timer = setInterval(() => {
      const now = performance.now()
      if (now - due > stallMs) this.#stalledAt = now
      due = now + tickMs
    }, tickMs)
    return () => clearInterval(timer)
  }

  sample(api: ApiSample): void {
    const requests = this.#latencies.length
    const [p99, p99InGoodWeather] = [percentile99(this.#latencies), percentile99(this.#latenciesInGoodWeather)]
    this.samples.push({ at: this.at, requests, p99, p99InGoodWeather, ...api })
    this.#latencies = []
    this.#latenciesInGoodWeather = []
  }
}

function percentile99(values: number[]): number | null {
  const sorted = values.sort((a, b) => a - b)
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? null
}
