/** What Entra says of a caller beside who it is: guest, client authentication, agents. Total: an odd shape says nothing. Pure. */
import { words } from './claims.js'
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
 * `acct` is an optional claim: 0 for a member, 1 for a guest. `idp` is who authenticated the user, where that is not the issuer
 * itself (Microsoft: "Access token claims reference"); other words for the same directory, as v1's in a v2 token, are no guest's.
 * An `idp` that cannot be read is no member's: what is not known must not open a route.
 */
export function isGuest({ acct, idp, tid }: Claims): boolean {
  if (acct === 1 || acct === '1') return true
  return idp !== undefined && (typeof idp !== 'string' || tenantIdOf(idp) !== tid)
}

/** Microsoft: "Access token claims in agent tokens": one string of numbers; those that are unknown are to be left alone. */
export function agentOf({ xms_act_fct, xms_sub_fct }: Claims): AgentFacts | undefined {
  const [actorFacets, subjectFacets] = [words(xms_act_fct), words(xms_sub_fct)]
  return actorFacets.length + subjectFacets.length > 0 ? { actorFacets, subjectFacets } : undefined
}
