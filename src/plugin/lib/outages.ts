/** Errors for a function or service that is down, too slow, or throttles; and deadlines. */

import type { Clock } from './clock.js'
import { systemClock } from './clock.js'

/** Seconds. The longest wait, whatever `Retry-After` says. */
export const maxWaitSeconds = 60

/** A function or service is down, or too slow. */
export class OutageError extends Error {
  override readonly name: string = 'OutageError'
  /** Seconds of `Retry-After`, if present (RFC 9110 §10.2.3). */
  readonly retryAfterSeconds: number | undefined
  constructor(message: string, retryAfterSeconds?: number) {
    super(message)
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** A service throttles this lookup: 429, RFC 6585 §4. That concerns only the caller whom the lookup is about, so other lookups continue. */
export class ThrottledError extends OutageError {
  override readonly name = 'ThrottledError'
  override readonly retryAfterSeconds: number
  /** @param retryAfterSeconds of `Retry-After`, if present; limited to 1 to 60 */
  constructor(message: string, retryAfterSeconds = 1) {
    super(message)
    this.retryAfterSeconds = Math.min(maxWaitSeconds, Math.max(1, retryAfterSeconds))
  }
}

/** Refused without a call, as the circuit breaker is open; it is no new failure of the service. */
export class CircuitOpenError extends OutageError {
  override readonly name = 'CircuitOpenError'
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
    const cancel = clock.after(timeoutSeconds * 1000, () => reject(tooLate(name, timeoutSeconds)))
    void answer.then(resolve, reject).finally(cancel)
  })
}

/** The error of a deadline that passed. */
export function tooLate(name: string, timeoutSeconds: number): OutageError {
  return new OutageError(`${name} took longer than ${timeoutSeconds} seconds`)
}
