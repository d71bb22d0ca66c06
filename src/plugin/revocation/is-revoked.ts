/** Revocation of tokens before they expire: a function of the application is called at every request. */

import { revokedRefusal } from '../authorization/step-up.js'
import { withFrozenClaims } from '../claims/freeze.js'
import type { Principal } from '../claims/principal.js'
import { callAbout } from '../lib/bounded-calls.js'
import { loggedError } from '../lib/logged-error.js'
import type { Logger } from '../lib/logger.js'
import { type Refusal, refusal } from '../refusals/refusal.js'

/**
 * Decides whether a valid token is revoked. Return `true`, or a promise of it, to refuse the request with 401; Entra's clients with the
 * capability `cp1` are challenged to get a newer token (Microsoft: "Continuous access evaluation"). Return `false` to accept the token. For
 * any other value, an error, or a result that takes longer than `keysTimeoutSeconds`, the plugin responds with 503, as the token may be
 * revoked. Called at every request, so it should be fast.
 */
export type IsRevoked = (principal: Principal) => boolean | Promise<boolean>

const unknown = refusal('admission_unavailable', {
  detail: 'This API cannot determine at the moment whether the token is revoked. Try again later.',
  retryAfterSeconds: 1
})

/** The function, and its deadline. */
export interface Revocation {
  readonly isRevoked: IsRevoked
  readonly keysTimeoutSeconds: number
}

/** The refusal of a revoked token; `undefined` if it is not revoked. Synchronous if the function is. */
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
    const answer = callAbout(principal, bounds, () => isRevoked(withFrozenClaims(principal)))
    return answer instanceof Promise ? answer.then(told).catch(failed) : told(answer)
  } catch (error) {
    return failed(error)
  }
}
