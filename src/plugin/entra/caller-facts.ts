/**
 * Facts about a caller beside its identity: client authentication, agents, groups overage. Never throws: a claim of an unexpected type is
 * ignored. Pure.
 */

import type { AgentFacts, Claims, ClientAuth } from '../claims/principal.js'
import { text, words } from '../claims/read.js'

/** Microsoft: "Access token claims reference", `azpacr` and `appidacr`; 2 stands for any client assertion ("Token claims reference for agent IDs"). */
const clientAuths: ReadonlyMap<unknown, ClientAuth> = new Map([
  ['0', 'none'],
  ['1', 'secret'],
  ['2', 'certificate']
])

/** How the client authenticated. */
export function clientAuthOf({ ver, azpacr, appidacr }: Claims): ClientAuth | undefined {
  return clientAuths.get(ver === '1.0' ? appidacr : azpacr)
}

/** Facets of agents: AgentIdentity, and AgentIDUser. */
const agentFacets: ReadonlySet<string> = new Set(['11', '13'])

/**
 * Microsoft: "Token claims reference for agent IDs". Facets are one string of numbers, and tokens of ordinary users and apps have some as
 * well. An agent has a facet that only agents have, or a parent application.
 */
export function agentOf({ xms_act_fct, xms_sub_fct, xms_par_app_azp }: Claims): AgentFacts | undefined {
  const [actorFacets, subjectFacets] = [words(xms_act_fct), words(xms_sub_fct)]
  const facets = [...actorFacets, ...subjectFacets]
  const parentClientId = text(xms_par_app_azp)
  const isAgents = facets.some((each) => agentFacets.has(each)) || parentClientId !== undefined
  if (!isAgents) return undefined
  return { actorFacets, subjectFacets, ...(parentClientId !== undefined && { parentClientId }) }
}

/** Groups overage (Microsoft: "Access token claims reference"): a distributed claim, or, in the implicit flow, a marker. */
export function hasMoreGroups({ _claim_names: names, hasgroups }: Claims): boolean {
  const isElsewhere = typeof names === 'object' && names !== null && Object.hasOwn(names, 'groups')
  return isElsewhere || hasgroups === true || hasgroups === 'true'
}
