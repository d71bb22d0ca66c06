/** Answers of the application's own functions, or of services behind them: shared, bounded, in time, and remembered for a while. */
import { LRUCache } from 'lru-cache'
import { systemClock } from './clock.js'
import type { Clock } from './types.js'

const maxAnswers = 10_000
/**
 * So many that took too long in a row, and nobody is asked for so long: what hangs is not helped by more of it. What fails at once costs
 * little, and may be one caller's fault, who must not close it for the others.
 */
const lateBeforeRest = 5
const restSeconds = 5

/** An answer, and until when it counts. */
export interface Answer<T> {
  readonly value: T
  /** Seconds, as `exp`. */
  readonly until: number
}

interface Asked<T> {
  readonly value: Promise<T>
  readonly until: number
  /** By the clock that only goes forward. */
  readonly staleAt: number
}

/** Remembers what was answered, by what it was asked about. A failure is not remembered. */
export class Answers<T> {
  readonly #name: string
  readonly #timeoutSeconds: number
  readonly #clock: Clock
  readonly #asked = new LRUCache<string, Asked<T>>({ max: maxAnswers })
  #lateInARow = 0
  #restsUntil = Number.NEGATIVE_INFINITY

  /** @param name of the option that says whom to ask, for errors */
  constructor(name: string, timeoutSeconds: number, clock: Clock) {
    this.#name = name
    this.#timeoutSeconds = timeoutSeconds
    this.#clock = clock
  }

  /**
   * What is answered, or was of late. Those who ask meanwhile share one call.
   *
   * @param forSeconds for which a new answer counts
   * @throws whatever `ask` throws, or an error when it takes too long, or did so too often of late
   */
  async get(about: string, forSeconds: number, ask: () => T | Promise<T>): Promise<Answer<T>> {
    let asked = this.#asked.get(about)
    const now = this.#clock.now()
    if (!asked || now >= asked.staleAt) {
      const until = Date.now() / 1000 + forSeconds
      asked = { value: this.#ask(ask), until, staleAt: now + forSeconds * 1000 }
      this.#asked.set(about, asked)
    }
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

  async #ask(ask: () => T | Promise<T>): Promise<T> {
    if (this.#clock.now() < this.#restsUntil)
      throw new Error(`${this.#name} took too long ${lateBeforeRest} times in a row, and is left alone for a while`)
    const answered = async () => await ask() // so that what is thrown at once counts like what is rejected
    const value = await inTime(this.#name, this.#timeoutSeconds, answered(), this.#clock).catch(this.#failed)
    this.#lateInARow = 0
    return value
  }

  readonly #failed = (error: unknown): never => {
    if (error instanceof LateAnswer) this.#lateInARow += 1
    if (this.#lateInARow >= lateBeforeRest) this.#restsUntil = this.#clock.now() + restSeconds * 1000
    throw error
  }
}

/** No answer within the deadline. */
class LateAnswer extends Error {}

/**
 * An answer, or an error when it takes too long.
 *
 * @param name of who is asked, for the error
 */
export function inTime<T>(
  name: string,
  timeoutSeconds: number,
  answer: Promise<T>,
  clock: Clock = systemClock
): Promise<T> {
  return new Promise((resolve, reject) => {
    const tooLate = () => reject(new LateAnswer(`${name} took longer than ${timeoutSeconds} seconds`))
    const cancel = clock.after(timeoutSeconds * 1000, tooLate)
    void answer.then(resolve, reject).finally(cancel)
  })
}
