/** The built-in lookup for groups overage: all groups of a user, from Microsoft Graph. */

import type { GraphAccess, GroupsResolver } from '../authorization/groups.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { type JsonAnswer, reasonOf } from '../lib/json-client.js'
import { needsDownstream } from '../lib/marks.js'
import { OutageError } from '../lib/outages.js'
import { ownProperties } from '../lib/own.js'
import { guid, isOn, rejectUnknown, secureOrigin, shown } from '../lib/validate.js'
import { refuseOutage } from './token-error.js'

/** Options of {@link graphGroups}. */
export interface GraphGroupsOptions {
  /**
   * Whose permission is used: this API's own (`app`: the application permissions `GroupMember.Read.All` and `User.ReadBasic.All`), or the
   * user's (`user`: on-behalf-of, with the delegated permissions that `scopes` names). Default: `app`.
   */
  as?: 'app' | 'user'
  /** Delegated permissions to request, with `as: 'user'`. Default: all that have consent (`.default`). */
  scopes?: readonly string[]
  /** Whether only security groups count, as with `groupMembershipClaims: 'SecurityGroup'`. Default: true. */
  securityEnabledOnly?: boolean
  /** Origin of Microsoft Graph, such as `https://dod-graph.microsoft.us`. Default: that of the tenant's cloud. */
  url?: string
}

/** Microsoft Graph: "directoryObject: checkMemberGroups", at most 20 a call. */
const batchSize = 20
/** Concurrent calls of one lookup; all callers share the connections to Graph. */
const batchesAtOnce = 4

/**
 * Looks up groups that did not fit into a token (`getMemberObjects`; when there are more than Graph lists, `checkMemberGroups` for those
 * that guards require). Set it as the option `groups`, together with `downstream`.
 *
 * @throws EntraConfigurationError when an option is unknown or invalid
 */
export function graphGroups(options: GraphGroupsOptions = {}): GroupsResolver {
  const { as, scopes, securityEnabledOnly, url } = checked(options)
  const resolve: GroupsResolver = async (principal, { groupIds, graph }) => {
    if (!graph)
      throw new Error('the tenant of this user has no option "downstream", and Microsoft Graph requires a credential')
    // An ID that is not a GUID could be another path, and yield another user's groups (a token without `oid` has the `sub` there).
    if (!guid.test(principal.id)) throw new Error('the ID of this user is not a GUID, so Microsoft Graph is not called')
    const origin = url ?? graph.url
    const wanted = scopes ?? [`${origin}/.default`]
    const token = await (as === 'user' ? graph.tokenOnBehalfOf(wanted) : graph.tokenForApp(String(wanted[0])))
    const ask = asker(graph, token, `${origin}/v1.0/users/${principal.id}`)
    return (await allOf(ask, securityEnabledOnly)) ?? (await thoseOf(ask, groupIds))
  }
  return Object.assign(resolve, { [needsDownstream]: true })
}

type Ask = (action: string, body: object) => Promise<JsonAnswer>

function asker({ exchangeJson }: GraphAccess, token: string, user: string): Ask {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return async (action, body) => {
    const init = { method: 'POST', headers, body: JSON.stringify(body) } as const
    const answer = await exchangeJson(`${user}/${action}`, init).catch((error: unknown) => {
      throw new OutageError(`Microsoft Graph: ${reasonOf(error)}`)
    })
    refuseOutage('Microsoft Graph', answer)
    return answer
  }
}

/** `undefined`: there are too many for Graph ("directoryObject: getMemberObjects", 11,000), or there is a next page. */
async function allOf(ask: Ask, securityEnabledOnly: boolean): Promise<readonly string[] | undefined> {
  const answer = await ask('getMemberObjects', { securityEnabledOnly })
  if (answer.status === 400 && codeOf(answer) === 'Directory_ResultSizeLimitExceeded') return undefined
  return '@odata.nextLink' in Object(answer.body) ? undefined : idsIn(answer)
}

async function thoseOf(ask: Ask, groupIds: readonly string[]): Promise<readonly string[]> {
  const ids = groupIds.filter((id) => guid.test(id)) // Graph refuses the whole request for one invalid ID
  const batches = Array.from({ length: Math.ceil(ids.length / batchSize) }, (_, at) =>
    ids.slice(at * batchSize, (at + 1) * batchSize)
  )
  const found: string[] = []
  for (let at = 0; at < batches.length; at += batchesAtOnce) {
    const some = batches.slice(at, at + batchesAtOnce).map((batch) => ask('checkMemberGroups', { groupIds: batch }))
    found.push(...(await Promise.all(some)).flatMap(idsIn))
  }
  return found
}

function idsIn(answer: JsonAnswer): readonly string[] {
  const { value } = Object(answer.body) as { value?: unknown }
  if (answer.status === 200 && Array.isArray(value) && value.every((each) => typeof each === 'string'))
    return value.map((id: string) => id.toLowerCase())
  throw new Error(`Microsoft Graph answered ${answer.status} ${codeOf(answer)}`)
}

function codeOf({ body }: JsonAnswer): string {
  const { error } = Object(body) as { error?: unknown }
  return String(Object(error).code).slice(0, 100)
}

const names: readonly string[] = ['as', 'scopes', 'securityEnabledOnly', 'url']

function checked(options: GraphGroupsOptions) {
  const { as = 'app', scopes, securityEnabledOnly = true, url } = ownProperties(options)
  rejectUnknown('graphGroups', options, names)
  if (as !== 'app' && as !== 'user')
    throw new EntraConfigurationError(`graphGroups: as ${shown(as)} is not allowed; give app or user`)
  if (scopes !== undefined && (as === 'app' || !Array.isArray(scopes) || scopes.length === 0))
    throw new EntraConfigurationError(
      `graphGroups: scopes ${shown(scopes)} is not allowed; with as "user" give a list of one or more, otherwise leave it out`
    )
  const origin = url === undefined ? undefined : secureOrigin('graphGroups: url', url, 'https://graph.microsoft.com')
  return { as, scopes, url: origin, securityEnabledOnly: isOn('securityEnabledOnly', securityEnabledOnly) }
}
