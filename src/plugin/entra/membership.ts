/** Whether a user is a member or a guest of the directory. Never throws: a claim of an unexpected type is ignored. Pure. */
import type { Claims, Membership } from '../claims/principal.js'
import { asText, isSent, text, words } from '../claims/read.js'
import { tenantIdOf } from './checks.js'
import { microsoftOrigins } from './clouds.js'

/**
 * A user's membership in the directory, as the token shows it. `acct` decides if present (an optional claim; Microsoft: "Optional claims
 * reference"): 0 for a member, also for one whom another directory signs in (an external member by cross-tenant synchronization), 1 for a
 * guest. Otherwise `idp` decides. `xms_idrel` can only rule out membership.
 */
export function membershipOf(claims: Claims): Membership {
  const { acct, idp } = claims
  const shown = isSent(acct) ? (accountTypes.get(acct) ?? 'unknown') : isSent(idp) ? membershipByIdp(claims) : 'unknown'
  return shown === 'member' && isRelatedOtherwise(claims) ? 'guest' : shown
}

const accountTypes: ReadonlyMap<unknown, Membership> = new Map<unknown, Membership>([
  [0, 'member'],
  ['0', 'member'],
  [1, 'guest'],
  ['1', 'guest']
])

/**
 * `idp` names who authenticated the user, if that is not the issuer itself (Microsoft: "Access token claims reference"); another name of
 * the same directory, such as v1's in a v2 token, marks a member.
 */
function membershipByIdp({ idp, iss, tid }: Claims): Membership {
  const name = text(idp)
  if (name === undefined) return 'unknown'
  const origin = originOf(name)
  const isKnown = origin !== undefined && (microsoftOrigins.has(origin) || origin === originOf(asText(iss)))
  return isKnown && tenantIdOf(name) === tid ? 'member' : 'guest'
}

/**
 * Values of `xms_idrel`, the relationship to the directory, that no member has (Microsoft: "Token claims reference for agent IDs"): all
 * documented values except 1, 3 and 27. Even numbers have no meaning, and others are to be ignored.
 */
const relationshipsOfOthers: ReadonlySet<string> = new Set([
  ...['5', '7', '9', '11', '13', '15', '17', '19', '21', '23', '25', '29', '31', '33']
])

const isRelatedOtherwise = ({ xms_idrel }: Claims) => words(xms_idrel).some((each) => relationshipsOfOthers.has(each))

/** False for members, and for users about whom the token has neither claim; true otherwise, also for an unreadable claim. */
export function isGuest({ acct, idp }: Claims, membership: Membership): boolean {
  return membership === 'guest' || (membership === 'unknown' && (isSent(acct) || isSent(idp)))
}

const originOf = (url: string) => /^https?:\/\/[^/]+(?=\/)/.exec(url)?.[0]
