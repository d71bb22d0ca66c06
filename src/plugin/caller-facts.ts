/** What Entra says of a caller beside who it is: guest, client authentication, agents. Total: an odd shape says nothing. Pure. */
import { words } from './claims.js'
import { clouds } from './clouds.js'
import { tenantIdOf } from './tenant.js'
import type { AgentFacts, Claims, ClientAuth } from './types.js'

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
 * `acct` is an optional claim: 0 for a member, 1 for a guest; what else it may be is no member's. `idp` is who authenticated the user, where that is not the issuer
 * itself (Microsoft: "Access token claims reference"); other words for the same directory, as v1's in a v2 token, are no guest's.
 * An `idp` that cannot be read is no member's: what is not known must not open a route.
 */
export function isGuest({ acct, idp, iss, tid }: Claims): boolean {
  if (acct !== undefined && acct !== 0 && acct !== '0') return true
  if (idp === undefined) return false
  if (typeof idp !== 'string' || tenantIdOf(idp) !== tid) return true
  const origin = originOf(idp)
  return origin === undefined || !(microsoftOrigins.has(origin) || origin === originOf(String(iss)))
}

/** Who can name a directory beside whoever issued the token. */
const microsoftOrigins: ReadonlySet<string | undefined> = new Set(
  Object.values(clouds).flatMap(({ authority, v1Issuer }) => [authority, v1Issuer])
)

const originOf = (url: string) => /^https?:\/\/[^/]+(?=\/)/.exec(url)?.[0]

/** Microsoft: "Access token claims in agent tokens": one string of numbers; those that are unknown are to be left alone. */
export function agentOf({ xms_act_fct, xms_sub_fct }: Claims): AgentFacts | undefined {
  const [actorFacets, subjectFacets] = [words(xms_act_fct), words(xms_sub_fct)]
  return actorFacets.length + subjectFacets.length > 0 ? { actorFacets, subjectFacets } : undefined
}

/** Groups overage (Microsoft: "Access token claims reference"): a claim that is elsewhere, or, in the implicit flow, a mark. */
export function hasMoreGroups({ _claim_names: names, hasgroups }: Claims): boolean {
  const isElsewhere = typeof names === 'object' && names !== null && Object.hasOwn(names, 'groups')
  return isElsewhere || hasgroups === true || hasgroups === 'true'
}
