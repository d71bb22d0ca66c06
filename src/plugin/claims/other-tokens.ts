/** Tokens that are not access tokens: ID tokens, logout tokens, security events. */
import type { Claims } from './principal.js'

/**
 * Claims that no access token carries: of an ID token, `nonce` and hashes (OpenID Connect Core §2, §3.3.2.11), of a security event or
 * logout token, `events` (RFC 8417 §2.2, OpenID Connect Back-Channel Logout §2.4).
 *
 * @param mayHaveNonce for a token that other claims identify as an access token
 */
export function isOtherToken(claims: Claims, mayHaveNonce = false): boolean {
  return (!mayHaveNonce && 'nonce' in claims) || 'at_hash' in claims || 'c_hash' in claims || 'events' in claims
}
