/** `exp`, `nbf` and `iat`, with a tolerance for clock skew. */
import { type Refusal, refusal } from '../refusals/refusal.js'
import type { Claims } from './principal.js'

/**
 * "On or after" `exp` (RFC 7519 §4.1.4); fast-jwt accepts the exact millisecond. Also refuses a token from the future (`iat`, §4.1.6): a
 * clock or the issuer is wrong, with or without `nbf`.
 */
export function timeRefusal({ exp, nbf = 0, iat = 0 }: Claims, toleranceSeconds: number): Refusal | undefined {
  const now = Date.now()
  // Written so that a value that is not a number is refused.
  if (!(now < (asNumber(exp) + toleranceSeconds) * 1000)) return refusal('token_expired')
  const validFrom = Math.max(asNumber(nbf), asNumber(iat))
  return now >= (validFrom - toleranceSeconds) * 1000 ? undefined : refusal('token_not_yet_valid')
}

/** `Number()` throws for an object that has no prototype, and claims have none. */
const asNumber = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN)
