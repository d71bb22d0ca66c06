/** A claims challenge says where the user signs in again: the part of it that only the caller's issuer knows. */

import type { Principal } from '../claims/principal.js'
import type { Refusal } from '../refusals/refusal.js'
import type { TrustedIssuers } from './trusted-issuers.js'

/**
 * Completes a claims challenge (Microsoft: "Claims challenges, claims requests and client capabilities", header format): `authorization_uri`
 * is required, and `realm` is the directory that it names. Other refusals are returned as they are.
 *
 * @param principal the refused caller, if known
 */
export function completedFor(
  why: Refusal,
  principal: Principal | null | undefined,
  issuers: Pick<TrustedIssuers, 'named'>
): Refusal {
  if (why.error !== 'insufficient_claims' || !principal) return why
  const { tenantId, issuer } = principal
  const authorizationUri = issuers.named(issuer)?.settings.profile.authorizationUri
  if (!authorizationUri) return why
  return { ...why, challenge: { realm: tenantId, authorization_uri: authorizationUri(tenantId), ...why.challenge } }
}
