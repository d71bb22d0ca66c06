/** Who is a member of the directory, and who is a guest. Total: an odd shape shows nothing. Pure. */
import type { Claims, Membership } from '../claims/principal.js'
import { asText, isSent, text, words } from '../claims/read.js'
import { tenantIdOf } from './checks.js'
import { clouds } from './clouds.js'

/**
 * What the token shows of a user's membership in the directory. `acct` decides where it is sent (an optional claim; Microsoft: "Optional
 * claims reference"): 0 for a member, also for one whom another directory signs in (an external member by cross-tenant synchronization), 1
 * for a guest. Else `idp` does. `xms_idrel` only takes away: it makes nobody a member.
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
 * `idp` is who authenticated the user, where that is not the issuer itself (Microsoft: "Access token claims reference"); other words for
 * the same directory, as v1's in a v2 token, are a member's.
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
 * that are documented but 1, 3 and 27. Even numbers have no meaning, and others are to be ignored.
 */
const relationshipsOfOthers: ReadonlySet<string> = new Set([
  ...['5', '7', '9', '11', '13', '15', '17', '19', '21', '23', '25', '29', '31', '33']
])

const isRelatedOtherwise = ({ xms_idrel }: Claims) => words(xms_idrel).some((each) => relationshipsOfOthers.has(each))

/** True but for members, and for users of whom the token says nothing at all: what it says and cannot be read is no member's. */
export function isGuest({ acct, idp }: Claims, membership: Membership): boolean {
  return membership === 'guest' || (membership === 'unknown' && (isSent(acct) || isSent(idp)))
}

/** Who can name a directory beside whoever issued the token. */
const microsoftOrigins: ReadonlySet<string | undefined> = new Set(
  Object.values(clouds).flatMap(({ authority, v1Issuer }) => [authority, v1Issuer])
)

const originOf = (url: string) => /^https?:\/\/[^/]+(?=\/)/.exec(url)?.[0]
