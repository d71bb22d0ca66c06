/** Whether a token that was valid is still valid: the checks of its next request, without the token. */
import type { Principal } from '../claims/principal.js'
import { timeRefusal } from '../claims/times.js'
import type { Logger } from '../lib/logger.js'
import { isRefusal, type Refusal, refusal } from '../refusals/refusal.js'
import { revocationRefusal } from '../revocation/is-revoked.js'
import { admissionRefusal } from './admit.js'
import { keyNameIn } from './jose-header.js'
import type { Grounds } from './verified-principals.js'
import { profileRefusal, type VerifierState } from './verify.js'

/**
 * The refusal that a request with the token would get now: it has expired, its key was withdrawn, its directory is no longer allowed, or it is
 * revoked. `undefined` while it is valid.
 *
 * @param principal one that was verified with this state
 * @param log for functions of the application that fail
 */
export async function lapseOf(principal: Principal, state: VerifierState, log: Logger): Promise<Refusal | undefined> {
  const { isRevoked, keysTimeoutSeconds } = state
  const grounds = state.verified.groundsOf(principal) as Grounds
  const expired = timeRefusal(principal.claims, state.clockToleranceSeconds)
  if (expired) return expired
  const why =
    (isKeyHeld(grounds) ? undefined : await keyRefusal(principal, grounds, state)) ??
    (await admissionRefusal(principal, grounds.issuer.settings.profile, log))
  return why ?? (isRevoked && (await revocationRefusal({ isRevoked, keysTimeoutSeconds }, principal, log)))
}

/** Whether the issuer still publishes the key under the name by which it was found, for the same issuer. Fetches nothing. */
export function isKeyHeld({ issuer, issuerName, key, keyOwner, header }: Grounds): boolean {
  const { kid, alg } = keyNameIn({ header })
  return issuer.name === issuerName && issuer.keys.peek(kid, alg) === key && issuer.namedIssuer(key) === keyOwner
}

/** The key is looked up as for a request, which may wait for a refresh; one that left the set and came back is the same. */
async function keyRefusal(
  { claims }: Principal,
  { key, header, keyOwner }: Grounds,
  { issuers }: VerifierState
): Promise<Refusal | undefined> {
  const found = await issuers.findKey(claims.iss, keyNameIn({ header }), claims)
  if (isRefusal(found)) return found
  if (found.key.pem !== key.pem) return refusal('unknown_key')
  return profileRefusal({ ...found, decoded: { header }, keyOwner }, claims)
}
