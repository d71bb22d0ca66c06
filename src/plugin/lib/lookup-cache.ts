/** Answers of the application's own functions, or of services behind them: shared, bounded, in time, and remembered for a while. */
import { tracingChannel } from 'node:diagnostics_channel'
import { LRUCache } from 'lru-cache'
import { BoundedCalls, type Bounds } from './bounded-calls.js'
import type { Subject } from './circuit-breaker.js'
import type { Clock } from './clock.js'
import { ThrottledError } from './outages.js'
import { traced } from './traced.js'

const maxAnswers = 10_000

/**
 * A caller's next questions wait for a place; of good callers few have more at once. For a directory it is the share of the connections that
 * one may have (`fetch-json`), and enough for a thousand answers a second that take 100 ms.
 */
const places = { perCaller: 4, perDirectory: 128 }

/** Name of the tracing channel (Node: `TracingChannel`) of every lookup that is made; what is remembered makes none. */
export const lookupChannelName = 'fastify-entra.lookup'

/** What its messages say of a lookup, beside `error`: never whom it is about. */
export interface LookupMessage {
  /** `groups`, `allowedTenants`, `Redis`, or the token endpoint that is called for a token. */
  readonly name: string
}

const lookups = tracingChannel<string, LookupMessage>(lookupChannelName)

/** What is asked, and whom it is about. */
export interface Question extends Subject {
  /** What the answer is remembered by. */
  readonly about: string
}

/** What bounds the calls of {@link Answers}. */
export type AnswerBounds = Pick<Bounds, 'timeoutSeconds' | 'clock'> & Partial<Bounds>

/** An answer, and until when it counts. */
export interface Answer<T> {
  readonly value: T
  /** Seconds, as `exp`. */
  readonly until: number
}

interface Asked<T> {
  readonly value: Promise<T>
  until: number
  /** By the clock that only goes forward. */
  staleAt: number
}

/** Remembers what was answered, by what it was asked about. A failure is not remembered. */
export class Answers<T> {
  readonly #name: string
  readonly #clock: Clock
  readonly #calls: BoundedCalls
  readonly #asked: LRUCache<string, Asked<T>>
  /** Until when a question is not asked, by what it is about. */
  readonly #throttledUntil: LRUCache<string, number>

  /**
   * @param name of the service, or of the option that says whom to ask, for errors
   * @param max answers that are remembered; the one that was not asked for the longest goes first
   */
  constructor(name: string, bounds: AnswerBounds, max = maxAnswers) {
    this.#name = name
    this.#clock = bounds.clock
    this.#calls = new BoundedCalls(name, { ...places, ...bounds })
    this.#asked = new LRUCache({ max })
    this.#throttledUntil = new LRUCache({ max })
  }

  /**
   * What is answered, or was recently. Those who ask meanwhile share one call.
   *
   * @param forSeconds for which a new answer counts; a function where the answer says so itself
   * @param ask gets a signal that is aborted when nobody waits for its answer any more
   * @throws as {@link BoundedCalls.call}; a {@link ThrottledError} while this one question is not to be asked
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

  /** What was answered so far no longer counts. */
  forget(): void {
    this.#asked.clear()
  }

  /** Forgets one answer that turned out to count no longer, unless there is another one by now. */
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
    if (throttledFor > 0) throw new ThrottledError(`${this.#name} asked to wait`, Math.ceil(throttledFor))
    try {
      return await traced(lookups, { name: this.#name }, () => this.#calls.call(question, ask))
    } catch (error) {
      if (error instanceof ThrottledError)
        this.#throttledUntil.set(about, this.#clock.now() + error.retryAfterSeconds * 1000)
      throw error
    }
  }
}
