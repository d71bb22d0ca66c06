/** Verifies a token from any source with all checks, and audits the result. */
import type { Audit, Occasion } from '../audit/audit.js'
import { publishVerification, verificationStarted } from '../audit/verification-channel.js'
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

/** Where a token came from, for the audit and the log. */
type Source = Pick<Occasion, 'log' | 'where'>

/** Verifies a token, as {@link VerifyToken} does, for the audit of its source. */
export type IdentifyToken = (token: unknown, from: Source) => Promise<Principal>

/** Creates a {@link VerifyToken}. */
export function createVerifyToken(identifyToken: IdentifyToken, log: Logger): VerifyToken {
  return async (token) => identifyToken(token, { log, where: undefined })
}

/** Characters, as many as the longest header that the server accepts: messages have no such bound, and a token of 50 MB takes seconds to decode. */
const maxLength = 1_048_576
const tooLong = refusal('token_malformed', {
  detail: `The token is longer than ${maxLength} characters. Configure its issuer to put less into it.`
})

/** Of what is not even decoded. */
function formRefusal(token: unknown): Refusal | undefined {
  if (typeof token !== 'string') return refusal('token_malformed')
  return token.length > maxLength ? tooLong : undefined
}

/** Creates an {@link IdentifyToken}. */
export function createIdentifyToken(
  state: VerifierState,
  audit: Pick<Audit, 'refused' | 'authenticated'>
): IdentifyToken {
  const { cache, isRevoked, keysTimeoutSeconds, issuers } = state
  const identify = async (token: string, log: Logger): Promise<Principal | Refusal> => {
    const answer = await verifyToken(token, state)
    return isRefusal(answer) ? answer : ((await admit(answer, state, log)) ?? withFrozenClaims(answer.principal))
  }
  return async (token, { log, where }) => {
    const refuse = (why: Refusal, principal?: Principal) => {
      audit.refused({ log, where, principal }, why)
      return new TokenRefusedError(completedFor(why, principal, issuers))
    }
    const started = verificationStarted()
    const unreadable = formRefusal(token)
    const remembered = unreadable ? undefined : cache?.find(`Bearer ${token}`)
    const principal = unreadable ?? remembered ?? (await identify(token as string, log))
    const unknown = isRefusal(principal) ? principal : undefined
    const why =
      unknown ??
      (isRevoked && (await revocationRefusal({ isRevoked, keysTimeoutSeconds }, principal as Principal, log)))
    publishVerification(started, remembered !== undefined, why?.code)
    if (why) throw refuse(why, unknown ? undefined : (principal as Principal))
    audit.authenticated({ log, where, principal: principal as Principal })
    return principal as Principal
  }
}
