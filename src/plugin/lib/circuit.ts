/** One circuit of a circuit breaker: closed, open, or half-open. */
import { maxWaitSeconds } from './outages.js'

/** The number of distinct keys whose calls failed. */
export const failuresBeforeOpening = 5
/** Seconds for which it stays open; longer if `Retry-After` said so to all keys that were counted. */
const openSeconds = 5
/** Milliseconds for which keys that failed leave the next probe to others; otherwise one caller's hanging lookup could be every probe. */
const othersFirstMs = 1000
const maxSuspects = 100

/** A call within one circuit. */
export interface Attempt {
  readonly answersBefore: number
}

/** A call that failed. */
interface Failure {
  readonly key: string
  readonly directory: string
  readonly retryAfterSeconds: number
  readonly now: number
}

/**
 * Closed: all calls are made. Open: none until a deadline. Half-open, after it: one at a time, and its outcome closes or opens the circuit.
 */
export class Circuit {
  readonly #maxOfOneDirectory: number
  /** `Retry-After` by key, by directory, since the last success. */
  readonly #failed = new Map<string, Map<string, number>>()
  readonly #suspects = new Set<string>()
  #answers = 0
  #openUntil: number | undefined
  #openSeconds = openSeconds
  #probe: Attempt | undefined

  constructor(maxOfOneDirectory: number) {
    this.#maxOfOneDirectory = maxOfOneDirectory
  }

  /** Seconds for which a key must wait; 0 when its call may begin. */
  secondsToWait(key: string, now: number): number {
    if (this.#openUntil === undefined) return 0
    if (now < this.#openUntil) return (this.#openUntil - now) / 1000
    const isProbed = this.#probe !== undefined || (this.#suspects.has(key) && now < this.#openUntil + othersFirstMs)
    return isProbed ? othersFirstMs / 1000 : 0
  }

  begin(): Attempt {
    const attempt = { answersBefore: this.#answers }
    if (this.#openUntil !== undefined) this.#probe = attempt
    return attempt
  }

  /** @returns whether that closed it */
  answered(): boolean {
    const wasOpen = this.#openUntil !== undefined
    this.#answers += 1
    this.#failed.clear()
    this.#suspects.clear()
    this.#openUntil = undefined
    this.#probe = undefined
    return wasOpen
  }

  /** The outcome of the call does not show whether the service is down. */
  ended(attempt: Attempt): void {
    if (this.#probe === attempt) this.#probe = undefined
  }

  /** @returns for how many seconds that opened it; 0 if it did not */
  failed(attempt: Attempt, failure: Failure): number {
    const isProbe = this.#probe === attempt
    this.ended(attempt)
    if (this.#answers !== attempt.answersBefore) return 0
    this.#suspect(failure.key)
    // No longer than `Retry-After` said to all that were counted: the probe is one caller's.
    if (isProbe) return this.#open(failure.now, Math.min(this.#openSeconds, failure.retryAfterSeconds))
    return this.#openUntil === undefined ? this.#count(failure) : 0
  }

  #count({ key, directory, retryAfterSeconds, now }: Failure): number {
    const keys = this.#failed.get(directory) ?? new Map<string, number>()
    this.#failed.set(directory, keys)
    if (keys.size < this.#maxOfOneDirectory) keys.set(key, retryAfterSeconds)
    const said = [...this.#failed.values()].flatMap((each) => [...each.values()])
    return said.length >= failuresBeforeOpening ? this.#open(now, Math.min(...said)) : 0
  }

  #open(now: number, seconds: number): number {
    this.#openSeconds = Math.min(maxWaitSeconds, Math.max(openSeconds, seconds))
    this.#openUntil = now + this.#openSeconds * 1000
    this.#failed.clear()
    return this.#openSeconds
  }

  #suspect(key: string): void {
    this.#suspects.add(key)
    dropOldest(this.#suspects, maxSuspects)
  }
}

/** Keeps the newest entries, by the time of their first use. */
export function dropOldest(kept: Set<string> | Map<string, unknown>, max: number): void {
  const [oldest = ''] = kept.keys()
  if (kept.size > max) kept.delete(oldest)
}
