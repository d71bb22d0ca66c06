/** Errors that say that a function or service is down, too slow, or asks to wait; and an answer within a deadline. */

import type { Clock } from './clock.js'
import { systemClock } from './clock.js'

/** Seconds. Nobody waits for longer, whatever `Retry-After` says. */
export const maxWaitSeconds = 60

/** A function or service is down, or too slow. */
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
 * A service wants no more of this one question for a while: 429, RFC 6585 §4. That is between the service and the caller whom the question is
 * about, so the others go on.
 */
export class ThrottledError extends OutageError {
  override readonly retryAfterSeconds: number
  /** @param retryAfterSeconds as `Retry-After` said, if it did; from 1 to 60 are kept */
  constructor(message: string, retryAfterSeconds = 1) {
    super(message)
    this.retryAfterSeconds = Math.min(maxWaitSeconds, Math.max(1, retryAfterSeconds))
  }
}

/** Refused without a call, as the circuit breaker is open: this proves nothing new about the service. */
export class CircuitOpenError extends OutageError {}

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
    const cancel = clock.after(timeoutSeconds * 1000, () => reject(tooLate(name, timeoutSeconds)))
    void answer.then(resolve, reject).finally(cancel)
  })
}

/** The error of a deadline that passed. */
export function tooLate(name: string, timeoutSeconds: number): OutageError {
  return new OutageError(`${name} took longer than ${timeoutSeconds} seconds`)
}
