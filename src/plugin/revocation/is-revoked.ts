/** Tokens that are taken back before they expire: a function of the application says which, and its answer is asked for at every request. */

import { revokedRefusal } from '../authorization/step-up.js'
import type { Principal } from '../claims/principal.js'
import { callAbout } from '../lib/bounded-calls.js'
import { loggedError } from '../lib/logged-error.js'
import type { Logger } from '../lib/logger.js'
import { type Refusal, refusal } from '../refusals/refusal.js'

/**
 * Says whether a valid token is taken back. `true`, or a promise of it, refuses the request with 401; Entra's clients that understand it
 * (`cp1`) are challenged to get a newer token (Microsoft: "Continuous access evaluation"). Anything but `false` or `true`, what it
 * throws, and what takes longer than `keysTimeoutSeconds`, is a 503: a token that may be taken back opens nothing. Called at every request, so it should be fast.
 */
export type IsRevoked = (principal: Principal) => boolean | Promise<boolean>

const unknown = refusal('admission_unavailable', {
  detail: 'This API cannot determine at the moment whether the token is revoked. Try again later.',
  retryAfterSeconds: 1
})

/** Whom to ask, and for how long to wait. */
export interface Revocation {
  readonly isRevoked: IsRevoked
  readonly keysTimeoutSeconds: number
}

/** Why a token that was taken back is refused; `undefined` where it was not. At once, where the function answers at once. */
export function revocationRefusal(
  { isRevoked, keysTimeoutSeconds }: Revocation,
  principal: Principal,
  log: Logger
): Refusal | undefined | Promise<Refusal | undefined> {
  const failed = (error: unknown) => {
    log.error({ err: loggedError(error) }, 'isRevoked failed')
    return unknown
  }
  const told = (answer: unknown) => {
    if (typeof answer !== 'boolean') return failed(new Error('isRevoked returned neither true nor false'))
    return answer ? revokedRefusal(principal) : undefined
  }
  try {
    const bounds = { what: isRevoked, name: 'isRevoked', timeoutSeconds: keysTimeoutSeconds }
    const answer = callAbout(principal, bounds, () => isRevoked(principal))
    return answer instanceof Promise ? answer.then(told).catch(failed) : told(answer)
  } catch (error) {
    return failed(error)
  }
}
