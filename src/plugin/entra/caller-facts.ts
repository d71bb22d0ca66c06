/**
 * Facts about a caller beside its identity: client authentication, agents, groups overage. Never throws: a claim of an unexpected type is
 * ignored. Pure.
 */

import type { AgentFacts, AgentFlow, Claims, ClientAuth } from '../claims/principal.js'
import { isSent, text, words } from '../claims/read.js'
import type { CallerKind } from './caller-kind.js'

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
const [agentIdentity, agentUser] = ['11', '13']

const isOfAgent = (facet: string) => facet === agentIdentity || facet === agentUser

/**
 * Microsoft: "Token claims reference for agent IDs". Facets are one string of numbers, and tokens of ordinary users and apps have some as
 * well. An agent has a facet that only agents have, or a parent application.
 */
export function agentOf(claims: Claims, kind: CallerKind): AgentFacts | undefined {
  const { xms_act_fct, xms_sub_fct, xms_tnt_fct, xms_par_app_azp } = claims
  const [actorFacets, subjectFacets] = [words(xms_act_fct), words(xms_sub_fct)]
  const parentClientId = text(xms_par_app_azp)
  if (!showsAgent(claims) && parentClientId === undefined) return undefined
  const flow = flowOf(claims, kind)
  const facts = { flow, actorFacets, subjectFacets, tenantFacets: words(xms_tnt_fct) }
  return parentClientId === undefined ? facts : { ...facts, parentClientId }
}

const showsAgent = ({ xms_act_fct, xms_sub_fct }: Claims) =>
  words(xms_act_fct).some(isOfAgent) || words(xms_sub_fct).some(isOfAgent)

/** By the subject: an agent's user account, the agent itself, or a person, of whom the facets must show that it is neither. */
function flowOf({ xms_act_fct, xms_sub_fct }: Claims, kind: CallerKind): AgentFlow {
  const [actor, subject] = [words(xms_act_fct), words(xms_sub_fct)]
  const isUsers = kind === 'user'
  if (subject.includes(agentUser)) return isUsers ? 'agentUser' : 'unknown'
  if (!actor.includes(agentIdentity) && !subject.includes(agentIdentity)) return 'unknown'
  if (!isUsers) return 'autonomous'
  return areOrdinary(xms_sub_fct) ? 'onBehalfOf' : 'unknown'
}

/**
 * Whether an AI agent acts. Facets of agents show that one does. That none does is shown only by the facets of both client and subject, all
 * of which are known not to be an agent's, and where no parent is named, which only agents have.
 */
export function isAgent(claims: Claims): boolean | undefined {
  const { xms_act_fct, xms_sub_fct, xms_par_app_azp } = claims
  if (showsAgent(claims)) return true
  const isNone = areOrdinary(xms_act_fct) && areOrdinary(xms_sub_fct) && !isSent(xms_par_app_azp)
  return isNone ? false : undefined
}

/**
 * Facets that were in use when Microsoft added those of agents, and even numbers, which are none ("the valid values are always odd numbers").
 * Any other may one day be another kind of agent.
 */
const ordinaryFacet = /^(?:[13579]|\d*[02468])$/

function areOrdinary(facets: unknown): boolean {
  const all = words(facets)
  return all.length > 0 && all.every((facet) => ordinaryFacet.test(facet))
}

/** Groups overage (Microsoft: "Access token claims reference"): a distributed claim, or, in the implicit flow, a marker. */
export function hasMoreGroups({ _claim_names: names, hasgroups }: Claims): boolean {
  const isElsewhere = typeof names === 'object' && names !== null && Object.hasOwn(names, 'groups')
  return isElsewhere || hasgroups === true || hasgroups === 'true'
}
