/** Answers of the application's own functions, or of services behind them: shared, bounded, in time, and remembered for a while. */
import { LRUCache } from 'lru-cache'
import { systemClock } from './clock.js'
import type { Clock } from './types.js'

const maxAnswers = 10_000
/**
 * So many outages in a row, and nobody is asked for so long: what hangs or is down is not helped by more of it. What fails otherwise costs
 * little, and may be one caller's fault, who must not close it for the others.
 */
const outagesBeforeRest = 5
const restSeconds = 5
/** Nobody is left alone for longer, whatever `Retry-After` says. */
export const maxRestSeconds = 60

/** Who was asked is down, or too slow, whoever asks. */
export class OutageError extends Error {
  override readonly name = 'OutageError'
  /** Seconds, as `Retry-After` said, if it did (RFC 9110 §10.2.3). */
  readonly retryAfterSeconds: number | undefined
  constructor(message: string, retryAfterSeconds?: number) {
    super(message)
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/**
 * Who was asked wants no more of this one question for a while: 429, RFC 6585 §4. That is between them and whom the question is about, so
 * the others go on.
 */
export class ThrottledError extends OutageError {
  override readonly retryAfterSeconds: number
  /** @param retryAfterSeconds as `Retry-After` said, if it did; from 1 to 60 are kept */
  constructor(message: string, retryAfterSeconds = 1) {
    super(message)
    this.retryAfterSeconds = Math.min(maxRestSeconds, Math.max(1, retryAfterSeconds))
  }
}

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
  readonly #timeoutSeconds: number
  readonly #clock: Clock
  readonly #asked: LRUCache<string, Asked<T>>
  /** Until when a question is not asked, by what it is about. */
  readonly #throttledUntil: LRUCache<string, number>
  #outagesInARow = 0
  #restsUntil = Number.NEGATIVE_INFINITY

  /**
   * @param name of whom to ask, or of the option that says it, for errors
   * @param max answers that are remembered; the one that was not asked for the longest goes first
   */
  constructor(name: string, timeoutSeconds: number, clock: Clock, max = maxAnswers) {
    this.#name = name
    this.#timeoutSeconds = timeoutSeconds
    this.#clock = clock
    this.#asked = new LRUCache({ max })
    this.#throttledUntil = new LRUCache({ max })
  }

  /**
   * What is answered, or was of late. Those who ask meanwhile share one call.
   *
   * @param forSeconds for which a new answer counts; a function where the answer says so itself
   * @throws whatever `ask` throws; an {@link OutageError} when it takes too long, or there were too many of these of late; a
   * {@link ThrottledError} while this one question is not to be asked
   */
  async get(about: string, forSeconds: number | ((value: T) => number), ask: () => T | Promise<T>): Promise<Answer<T>> {
    const found = this.#asked.get(about)
    const isFresh = found !== undefined && this.#clock.now() < found.staleAt
    const asked = isFresh ? found : this.#remember(about, forSeconds, this.#ask(about, ask))
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

  async #ask(about: string, ask: () => T | Promise<T>): Promise<T> {
    this.#refuseResting(about)
    const answered = async () => await ask() // so that what is thrown at once counts like what is rejected
    try {
      const value = await inTime(this.#name, this.#timeoutSeconds, answered(), this.#clock)
      this.#outagesInARow = 0
      return value
    } catch (error) {
      if (error instanceof ThrottledError)
        this.#throttledUntil.set(about, this.#clock.now() + error.retryAfterSeconds * 1000)
      else if (error instanceof OutageError) this.#failed(error)
      throw error
    }
  }

  #refuseResting(about: string): void {
    const throttledFor = ((this.#throttledUntil.get(about) ?? Number.NEGATIVE_INFINITY) - this.#clock.now()) / 1000
    if (throttledFor > 0) throw new ThrottledError(`${this.#name} asked to wait`, Math.ceil(throttledFor))
    const restsFor = (this.#restsUntil - this.#clock.now()) / 1000
    if (restsFor <= 0) return
    const why = `${this.#name} failed ${outagesBeforeRest} times in a row, and is left alone for a while`
    throw new OutageError(why, Math.ceil(restsFor))
  }

  #failed({ retryAfterSeconds = 0 }: OutageError): void {
    this.#outagesInARow += 1
    if (this.#outagesInARow < outagesBeforeRest) return
    const seconds = Math.min(maxRestSeconds, Math.max(restSeconds, retryAfterSeconds))
    this.#restsUntil = this.#clock.now() + seconds * 1000
  }
}

/**
 * An answer in time.
 *
 * @throws OutageError when it takes too long
 */
export function inTime<T>(
  name: string,
  timeoutSeconds: number,
  answer: Promise<T>,
  clock: Clock = systemClock
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeoutSeconds * 1000, () =>
      reject(new OutageError(`${name} took longer than ${timeoutSeconds} seconds`))
    )
    void answer.then(resolve, reject).finally(cancel)
  })
}
