/** Whether a token of Entra speaks for a user or for an app. Total: an odd shape shows nothing. Pure. */

import type { Claims } from '../claims/principal.js'
import { isSent, text, words } from '../claims/read.js'
import { type Refusal, refusal } from '../refusals/refusal.js'

/** What a token shows of its caller. A token of the `unknown` kind is refused, so that no principal is made of one. */
export type CallerKind = 'user' | 'app' | 'unknown'

/**
 * `idtyp` decides where it is sent (an optional claim; Microsoft: "Optional claims reference"): `user` or `app`, and any other value, such as
 * `device`, shows neither. Else a scope shows a delegated token, as an app has none. Else `oid` and `sub` do: an app's are equal, and a user's
 * `sub` is pairwise and differs (Microsoft: "Protected web API: verify scopes and app roles"), so that a user's roles are not taken for
 * an app's permissions in a token that came without `scp`.
 */
export function callerKindOf(claims: Claims): CallerKind {
  const { idtyp, scp, sub } = claims
  if (isSent(idtyp)) return idtyp === 'user' || idtyp === 'app' ? idtyp : 'unknown'
  if (scopesOf(claims).length > 0) return 'user'
  const oid = text(claims.oid)
  if (oid === undefined) return 'unknown'
  if (oid !== sub) return 'user'
  // A scope that cannot be read may be a user's.
  return isSent(scp) && typeof scp !== 'string' ? 'unknown' : 'app'
}

/** Why a token of neither kind opens no route: what a guard requires of a user, or of an app, cannot be asked of its caller. */
export function callerKindRefusal(claims: Claims): Refusal | undefined {
  return callerKindOf(claims) === 'unknown' ? refusal('caller_kind_unknown') : undefined
}

/** `scp` is one string; a lone slash has been seen where there are none. */
export function scopesOf({ scp }: Claims): readonly string[] {
  const scopes = words(scp)
  return scopes.includes('/') ? scopes.filter((scope) => scope !== '/') : scopes
}
