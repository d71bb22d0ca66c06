/** Whether a token of Entra is a delegated or an app-only token. Never throws: a claim of an unexpected type is ignored. Pure. */

import type { Claims } from '../claims/principal.js'
import { isSent, text, words } from '../claims/read.js'
import { type Refusal, refusal } from '../refusals/refusal.js'

/** The kind of a token's caller. A token of the kind `unknown` is refused, so that no principal is built from it. */
export type CallerKind = 'user' | 'app' | 'unknown'

/**
 * `idtyp` decides if present (an optional claim; Microsoft: "Optional claims reference"): `user` or `app`; any other value, such as
 * `device`, is neither. Otherwise a scope marks a delegated token, as an app has none. Otherwise `oid` and `sub` decide: an app's are
 * equal, and a user's `sub` is pairwise and differs (Microsoft: "Protected web API: verify scopes and app roles"), so that a user's roles
 * in a token without `scp` are not taken for an app's permissions.
 */
export function callerKindOf(claims: Claims): CallerKind {
  const { idtyp, scp, sub } = claims
  if (isSent(idtyp)) return idtyp === 'user' || idtyp === 'app' ? idtyp : 'unknown'
  if (scopesOf(claims).length > 0) return 'user'
  const oid = text(claims.oid)
  if (oid === undefined) return 'unknown'
  if (oid !== sub) return 'user'
  // An unreadable scope may be a user's.
  return isSent(scp) && typeof scp !== 'string' ? 'unknown' : 'app'
}

/** The refusal of a token of neither kind: guards for users, and guards for apps, cannot be evaluated for its caller. */
export function callerKindRefusal(claims: Claims): Refusal | undefined {
  return callerKindOf(claims) === 'unknown' ? refusal('caller_kind_unknown') : undefined
}

/** `scp` is one string; a lone slash has been observed when there are no scopes. */
export function scopesOf({ scp }: Claims): readonly string[] {
  const scopes = words(scp)
  return scopes.includes('/') ? scopes.filter((scope) => scope !== '/') : scopes
}
