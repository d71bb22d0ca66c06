/** Looks up the groups of users who are in more groups than fit into a token, and caches them for the lifetime of the token. */

import type { UserPrincipal } from '../claims/principal.js'
import { subjectOf } from '../lib/bounded-calls.js'
import type { Clock } from '../lib/clock.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import type { ExchangeJson } from '../lib/json-client.js'
import { LookupCache } from '../lib/lookup-cache.js'
import { needsDownstream } from '../lib/marks.js'
import { hasOwn } from '../lib/own.js'
import { functionOf } from '../lib/validate.js'
import type { GroupsOf } from './authorize.js'
import type { Context, Rule } from './rules.js'

/** Microsoft Graph, for lookups about one user. */
export interface GraphAccess {
  /** The origin of Graph in the cloud of the user's tenant. */
  readonly url: string
  /** One HTTP exchange, bounded in time and size. */
  readonly exchangeJson: ExchangeJson
  /** A token for this API itself, from the user's tenant. */
  tokenForApp(scope: string): Promise<string>
  /** A token for the user. */
  tokenOnBehalfOf(scopes: readonly string[]): Promise<string>
}

/** What a lookup is given. */
export interface GroupsQuestion {
  /** The groups that guards of this app require, and the guard that is evaluated; others may be left out. */
  readonly groupIds: readonly string[]
  /** Present when the option `downstream` is set. */
  readonly graph?: GraphAccess
  /** Aborted after `keysTimeoutSeconds`, when no request waits for the result any more. Pass it to `fetch`. */
  readonly signal: AbortSignal
}

/**
 * Looks up the object IDs of all groups of a user, for example with `POST /users/{oid}/getMemberObjects` of Microsoft Graph. Called when a
 * guard requires a group and the token indicates groups overage. If it throws, or takes longer than `keysTimeoutSeconds`, the route
 * responds with 503.
 */
export type GroupsResolver = (principal: UserPrincipal, question: GroupsQuestion) => Promise<readonly string[]>

/** How groups that did not fit into a token are looked up, for any issuer. */
export interface GroupsOptions {
  /** Looks up all groups of a user. Default: none; a guard that requires a lookup then responds with 503. */
  groups?: GroupsResolver
}

/**
 * Checks the option.
 *
 * @throws EntraConfigurationError when it is not a function, or requires a credential that no tenant has
 */
export function resolverOf(given: GroupsResolver | undefined, hasClient: boolean): GroupsResolver | undefined {
  const groups = functionOf('groups', given)
  if (!groups || !Object.hasOwn(groups, needsDownstream) || hasClient) return groups
  throw new EntraConfigurationError(
    'groups calls Microsoft Graph, which requires a credential; give the option downstream'
  )
}

/** Dependencies of a lookup. */
export interface GroupsDependencies {
  readonly timeoutSeconds: number
  readonly clock: Clock
  /** The rules of declared guards, complete once the app is ready. */
  readonly rules: readonly Rule[]
  readonly graphFor: (principal: UserPrincipal, request: Context, signal: AbortSignal) => GraphAccess | undefined
}

/** Creates the lookup that guards call. Results are cached by token (`tid`, `oid`, `uti`), never shared between tokens. */
export function createGroupsOf(
  resolve: GroupsResolver,
  { timeoutSeconds, clock, rules, graphFor }: GroupsDependencies
): GroupsOf {
  const answers = new LookupCache<readonly string[]>('groups', { timeoutSeconds, clock })
  return async (principal, request, rule) => {
    const { tenantId, id, claims } = principal
    const declared = groupIdsOf(rules)
    // Guards outside routes may name further groups, which may come from a request: asked for with this guard alone, and not kept.
    const others = groupIdsOf([rule]).filter((group) => !declared.includes(group))
    const groupIds = [...declared, ...others]
    const token = [tenantId, id, claims.uti ?? claims.jti, claims.iat, claims.exp]
    const about = JSON.stringify([...token, declared.length, others])
    const seconds = Math.max(1, Number(claims.exp) - Date.now() / 1000) // within the tolerance, `exp` may be past
    const { value } = await answers.get({ about, ...subjectOf(principal) }, seconds, async (signal) => {
      const graph = graphFor(principal, request, signal)
      return listOf(await resolve(principal, { groupIds, signal, ...(graph && { graph }) }))
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

/** A resolver that returns anything else has failed: treating it as an empty list would be a denial. */
function listOf(groups: unknown): readonly string[] {
  if (Array.isArray(groups) && groups.every((each) => typeof each === 'string')) return Object.freeze([...groups])
  throw new Error('the option "groups" returned no list of group IDs')
}
