/** What Entra says of a caller beside who it is: membership, client authentication, agents. Total: an odd shape shows nothing. Pure. */

import type { AgentFacts, Claims, ClientAuth, Membership } from '../claims/principal.js'
import { asText, isSent, text, words } from '../claims/read.js'
import { tenantIdOf } from './checks.js'
import { clouds } from './clouds.js'

/** Microsoft: "Access token claims reference", `azpacr` and `appidacr`. */
const clientAuths: ReadonlyMap<unknown, ClientAuth> = new Map([
  ['0', 'none'],
  ['1', 'secret'],
  ['2', 'certificate']
])

/** How the client proved who it is. */
export function clientAuthOf({ ver, azpacr, appidacr }: Claims): ClientAuth | undefined {
  return clientAuths.get(ver === '1.0' ? appidacr : azpacr)
}

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

/** Facets of agents: AgentIdentity, and AgentIDUser. */
const agentFacets: ReadonlySet<string> = new Set(['11', '13'])

/**
 * Microsoft: "Token claims reference for agent IDs". Facets are one string of numbers, and tokens of ordinary users and apps have some as
 * well; an agent has one of its own, or a parent application, which only agents have.
 */
export function agentOf({ xms_act_fct, xms_sub_fct, xms_par_app_azp }: Claims): AgentFacts | undefined {
  const [actorFacets, subjectFacets] = [words(xms_act_fct), words(xms_sub_fct)]
  const facets = [...actorFacets, ...subjectFacets]
  const isAgents = facets.some((each) => agentFacets.has(each)) || text(xms_par_app_azp) !== undefined
  return isAgents ? { actorFacets, subjectFacets } : undefined
}

/** Groups overage (Microsoft: "Access token claims reference"): a claim that is elsewhere, or, in the implicit flow, a mark. */
export function hasMoreGroups({ _claim_names: names, hasgroups }: Claims): boolean {
  const isElsewhere = typeof names === 'object' && names !== null && Object.hasOwn(names, 'groups')
  return isElsewhere || hasgroups === true || hasgroups === 'true'
}
