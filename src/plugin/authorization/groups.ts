/** Groups of users who are in more than fit into a token: looked up, shared, and remembered for as long as the token lives. */

import type { UserPrincipal } from '../claims/principal.js'
import { subjectOf } from '../lib/bounded-calls.js'
import type { Clock } from '../lib/clock.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import type { ExchangeJson } from '../lib/json-client.js'
import { Answers } from '../lib/lookup-cache.js'
import { needsDownstream } from '../lib/marks.js'
import { hasOwn } from '../lib/own.js'
import { functionOf } from '../lib/validate.js'
import type { GroupsOf } from './authorize.js'
import type { Context, Rule } from './rules.js'

/** Microsoft Graph, as this API may ask it about one user. */
export interface GraphAccess {
  /** Its origin, in the cloud of the user's tenant. */
  readonly url: string
  /** One exchange, bounded in time and size. */
  readonly exchangeJson: ExchangeJson
  /** A token for this API itself, from the user's tenant. */
  tokenForApp(scope: string): Promise<string>
  /** A token for the user. */
  tokenOnBehalfOf(scopes: readonly string[]): Promise<string>
}

/** What a look-up has to answer, and may use. */
export interface GroupsQuestion {
  /** The groups that guards of this app ask for: of others nobody wants to know. */
  readonly groupIds: readonly string[]
  /** Present where the option `downstream` is. */
  readonly graph?: GraphAccess
  /** Aborted after `keysTimeoutSeconds`, when nobody waits for the answer any more. Hand it to `fetch`, and what hangs ends. */
  readonly signal: AbortSignal
}

/**
 * Looks up all groups of a user, by their object IDs, such as with `POST /users/{oid}/getMemberObjects` of Microsoft Graph. Called where a
 * guard asks for a group and the token says that there are more than it holds. What it throws, or takes longer for than
 * `keysTimeoutSeconds`, is a 503 for that route.
 */
export type GroupsResolver = (principal: UserPrincipal, question: GroupsQuestion) => Promise<readonly string[]>

/** Where groups that did not fit into a token are looked up, whoever issues the tokens. */
export interface GroupsOptions {
  /** Looks up all groups of a user. Default: none, and a guard that would need it answers 503. */
  groups?: GroupsResolver
}

/**
 * Checks the option.
 *
 * @throws EntraConfigurationError when it is no function, or needs a credential that no tenant has
 */
export function resolverOf(given: GroupsResolver | undefined, hasClient: boolean): GroupsResolver | undefined {
  const groups = functionOf('groups', given)
  if (!groups || !Object.hasOwn(groups, needsDownstream) || hasClient) return groups
  throw new EntraConfigurationError(
    'groups calls Microsoft Graph, which requires a credential; give the option downstream'
  )
}

/** What look-ups are made with. */
export interface GroupsSurroundings {
  readonly timeoutSeconds: number
  readonly clock: Clock
  /** Of all guards, complete once the app is ready. */
  readonly rules: readonly Rule[]
  readonly graphFor: (principal: UserPrincipal, request: Context, signal: AbortSignal) => GraphAccess | undefined
}

/** Makes what guards ask. One token's answer (`tid`, `oid`, `uti`) is never another's. */
export function createGroupsOf(
  resolve: GroupsResolver,
  { timeoutSeconds, clock, rules, graphFor }: GroupsSurroundings
): GroupsOf {
  const answers = new Answers<readonly string[]>('groups', { timeoutSeconds, clock })
  return async (principal, request) => {
    const { tenantId, id, claims } = principal
    const about = JSON.stringify([tenantId, id, claims.uti ?? claims.jti, claims.iat, claims.exp])
    const seconds = Math.max(1, Number(claims.exp) - Date.now() / 1000) // within the tolerance it is past
    const { value } = await answers.get({ about, ...subjectOf(principal) }, seconds, async (signal) => {
      const graph = graphFor(principal, request, signal)
      return listOf(await resolve(principal, { groupIds: groupIdsOf(rules), signal, ...(graph && { graph }) }))
    })
    return value
  }
}

/** The groups that these rules name. */
export function groupIdsOf(rules: readonly Rule[]): readonly string[] {
  const ids = (rule: Rule): readonly string[] =>
    hasOwn(rule, 'rules') ? rule.rules.flatMap(ids) : rule.kind === 'group' ? [rule.name] : []
  return [...new Set(rules.flatMap(ids))]
}

/** A resolver that answers something else is one that failed: an empty list would be a no. */
function listOf(groups: unknown): readonly string[] {
  if (Array.isArray(groups) && groups.every((each) => typeof each === 'string')) return Object.freeze([...groups])
  throw new Error('the option "groups" returned no list of group IDs')
}
