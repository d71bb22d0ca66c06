/** Verifies a token from any source with all checks, and audits the result. */
import type { Audit } from '../audit/audit.js'
import { verificationStarted } from '../audit/verification-channel.js'
import { withFrozenClaims } from '../claims/freeze.js'
import type { Principal } from '../claims/principal.js'
import { completedFor } from '../issuers/claims-challenge.js'
import type { Logger } from '../lib/logger.js'
import { isRefusal, type Refusal, refusal } from '../refusals/refusal.js'
import { TokenRefusedError } from '../refusals/refusal-error.js'
import { revocationRefusal } from '../revocation/is-revoked.js'
import { admit } from './admit.js'
import { type VerifierState, verifyToken } from './verify.js'

/**
 * Verifies an access token that did not come with a request, but in a message of a queue or WebSocket. It makes all checks of a request
 * except those of guards: check the principal. There are no keys until the instance is ready (`app.ready()`).
 *
 * @param token the token alone, without `Bearer`
 * @returns the principal
 * @throws TokenRefusedError with the `code` and the status that a request with this token would get
 */
export type VerifyToken = (token: string) => Promise<Principal>

/** Creates a {@link VerifyToken}. */
export function createVerifyToken(
  state: VerifierState,
  audit: Pick<Audit, 'refused' | 'authenticated'>,
  log: Logger
): VerifyToken {
  const { cache, isRevoked, keysTimeoutSeconds, issuers } = state
  const identify = async (token: unknown): Promise<Principal | Refusal> => {
    if (typeof token !== 'string') return refusal('token_malformed')
    const answer = await verifyToken(token, state)
    return isRefusal(answer) ? answer : ((await admit(answer, state, log)) ?? withFrozenClaims(answer.principal))
  }
  const occasion = (principal?: Principal) => ({ log, where: undefined, principal })
  const refuse = (why: Refusal, principal?: Principal) => {
    audit.refused(occasion(principal), why)
    return new TokenRefusedError(completedFor(why, principal, issuers))
  }
  return async (token) => {
    const publish = verificationStarted()
    const remembered = typeof token === 'string' ? cache?.find(`Bearer ${token}`) : undefined
    const principal = remembered ?? (await identify(token))
    const unknown = isRefusal(principal) ? principal : undefined
    const why =
      unknown ??
      (isRevoked && (await revocationRefusal({ isRevoked, keysTimeoutSeconds }, principal as Principal, log)))
    publish?.(remembered !== undefined, why?.code)
    if (why) throw refuse(why, unknown ? undefined : (principal as Principal))
    audit.authenticated(occasion(principal as Principal))
    return principal as Principal
  }
}
