/** Caches results of the application's functions, or of services behind them: shared, bounded, with a deadline and a lifetime. */
import { LRUCache } from 'lru-cache'
import { BoundedCalls, type Bounds } from './bounded-calls.js'
import type { Subject } from './circuit-breaker.js'
import type { Clock } from './clock.js'
import { lookups } from './lookup-channels.js'
import { ThrottledError } from './outages.js'
import { traced } from './traced.js'

const maxAnswers = 10_000

/**
 * Further lookups of a caller wait for a place; few legitimate callers have more at once. The limit per directory is its share of the
 * connections (`fetch-json`), and enough for a thousand results a second that take 100 ms each.
 */
const places = { perCaller: 4, perDirectory: 128 }

/** A lookup, and its subject. */
export interface Question extends Subject {
  /** The cache key of the result. */
  readonly about: string
}

/** The limits of the calls of {@link LookupCache}. */
export type LookupBounds = Pick<Bounds, 'timeoutSeconds' | 'clock'> & Partial<Bounds>

/** A result, and its expiry. */
export interface Answer<T> {
  readonly value: T
  /** Seconds, as `exp`. */
  readonly until: number
}

interface Asked<T> {
  readonly value: Promise<T>
  until: number
  /** By the monotonic clock. */
  staleAt: number
}

/** Caches results by key. Failures are not cached. */
export class LookupCache<T> {
  readonly #name: string
  readonly #clock: Clock
  readonly #calls: BoundedCalls
  readonly #asked: LRUCache<string, Asked<T>>
  /** Until when a throttled lookup is not made, by key. */
  readonly #throttledUntil: LRUCache<string, number>

  /**
   * @param name of the service, or of the option that is called, for errors
   * @param max cached results; the least recently used is evicted first
   */
  constructor(name: string, bounds: LookupBounds, max = maxAnswers) {
    this.#name = name
    this.#clock = bounds.clock
    this.#calls = new BoundedCalls(name, { ...places, ...bounds })
    this.#asked = new LRUCache({ max })
    this.#throttledUntil = new LRUCache({ max })
  }

  /**
   * Returns a cached result, or makes the call. Concurrent lookups of a key share one call.
   *
   * @param forSeconds lifetime of a new result; a function if the result determines it
   * @param ask gets a signal that is aborted when no request waits for the result any more
   * @throws as {@link BoundedCalls.call}; a {@link ThrottledError} while this lookup is throttled
   */
  async get(
    question: Question,
    forSeconds: number | ((value: T) => number),
    ask: (signal: AbortSignal) => T | Promise<T>
  ): Promise<Answer<T>> {
    const { about } = question
    const found = this.#asked.get(about)
    const isFresh = found !== undefined && this.#clock.now() < found.staleAt
    const asked = isFresh ? found : this.#remember(about, forSeconds, this.#ask(question, ask))
    try {
      return { value: await asked.value, until: asked.until }
    } catch (error) {
      if (this.#asked.get(about) === asked) this.#asked.delete(about)
      throw error
    }
  }

  /** Drops all cached results. */
  forget(): void {
    this.#asked.clear()
  }

  /** Drops one result that is no longer valid, unless it was replaced meanwhile. */
  async forgetOne(about: string, isIt: (value: T) => boolean): Promise<void> {
    const asked = this.#asked.get(about)
    const isStale = await asked?.value.then(isIt, () => false)
    if (isStale && this.#asked.get(about) === asked) this.#asked.delete(about)
  }

  #remember(about: string, forSeconds: number | ((value: T) => number), answer: Promise<T>): Asked<T> {
    const lasting = (seconds: number) => ({
      until: Date.now() / 1000 + seconds,
      staleAt: this.#clock.now() + seconds * 1000
    })
    if (typeof forSeconds === 'number') {
      const asked = { value: answer, ...lasting(forSeconds) }
      this.#asked.set(about, asked)
      return asked
    }
    const value = answer.then((settled) => {
      Object.assign(asked, lasting(forSeconds(settled)))
      return settled
    })
    const asked = { value, ...lasting(Number.POSITIVE_INFINITY) }
    this.#asked.set(about, asked)
    return asked
  }

  async #ask(question: Question, ask: (signal: AbortSignal) => T | Promise<T>): Promise<T> {
    const { about } = question
    const throttledFor = ((this.#throttledUntil.get(about) ?? Number.NEGATIVE_INFINITY) - this.#clock.now()) / 1000
    if (throttledFor > 0) throw new ThrottledError(`${this.#name} is throttled`, Math.ceil(throttledFor))
    try {
      return await traced(lookups, { name: this.#name }, () => this.#calls.call(question, ask))
    } catch (error) {
      if (error instanceof ThrottledError)
        this.#throttledUntil.set(about, this.#clock.now() + error.retryAfterSeconds * 1000)
      throw error
    }
  }
}
