/** Stage 6: the functions that create guards for routes. */

import type {
  AgentPrincipal,
  AppPrincipal,
  ClientAuth,
  HumanPrincipal,
  Principal,
  UserPrincipal
} from '../claims/principal.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownProperties } from '../lib/own.js'
import { guid, shown, wholeNumber } from '../lib/validate.js'
import { type AllowedBy, type Guard, guard, guardMaker, isGuard, isGuardMaker } from './guard.js'
import type { Context, Policy, Rule } from './rules.js'

/**
 * Requires a delegated (user) token whose `scp` contains this scope.
 *
 * @param name the scope's own name, such as `Orders.Read`, without the App ID URI
 * @throws EntraConfigurationError when the name is not a scope-token (RFC 6749 §3.3), or includes the App ID URI, which `scp` does not
 */
export function requireScope(...names: [name: string]): Guard<UserPrincipal> {
  if (String(names[0]).includes('://')) {
    throw new EntraConfigurationError(
      `requireScope got ${shown(names[0])}, which includes the App ID URI; give the short name, such as Orders.Read`
    )
  }
  return guard({ kind: 'scope', name: named(names, 'requireScope') })
}

/**
 * Requires a **user** whose `roles` contains this app role. An application permission of the same name does not satisfy it.
 *
 * @throws EntraConfigurationError when the name is empty or has spaces
 */
export function requireRole(...names: [name: string]): Guard<UserPrincipal> {
  return guard({ kind: 'role', name: named(names, 'requireRole') })
}

/**
 * Requires an **app-only** token whose `roles` contains this application permission. A user's role of the same name does not satisfy it.
 *
 * @throws EntraConfigurationError when the name is empty or has spaces
 */
export function requireAppPermission(...names: [name: string]): Guard<AppPrincipal> {
  return guard({ kind: 'appPermission', name: named(names, 'requireAppPermission') })
}

/** Requires a delegated token: the client acts for a user. */
export function requireUser(...none: []): Guard<UserPrincipal> {
  return guard({ kind: without(none, 'requireUser', 'user') })
}

/** Requires an app-only token: the client acts for itself. */
export function requireApp(...none: []): Guard<AppPrincipal> {
  return guard({ kind: without(none, 'requireApp', 'app') })
}

/**
 * Requires a user whom the token shows to be a member of the directory (`acct`, else `idp`), not a guest (B2B) or an AI agent. If the token
 * shows neither member nor guest, the guard responds with 403 `membership_unknown`. If no issuer has guests, the guard throws at startup.
 */
export function requireMember(...none: []): Guard<UserPrincipal> {
  return guard({ kind: without(none, 'requireMember', 'member') })
}

/**
 * Requires an AI agent (Microsoft Entra Agent ID) that acts for itself, by its own user account or for a user: facets in the token show it
 * (Microsoft: "Token claims reference for agent IDs", `xms_act_fct`, `xms_sub_fct`). It restricts callers and grants nothing: combine it with
 * guards for what the caller may do. If the token does not show whether an agent acts, the guard responds with 403 `agent_unknown`. If no
 * issuer has agents, the guard throws at startup.
 */
export function requireAgent(...none: []): Guard<AgentPrincipal> {
  return guard({ kind: without(none, 'requireAgent', 'agent') })
}

/**
 * Requires a user of whom the token shows that no AI agent acts: neither for them, nor by a user account of its own (Microsoft: "Token claims
 * reference for agent IDs"). Guests are allowed. If the token does not show whether an agent acts, or has a facet that this version does not
 * know, the guard responds with 403 `agent_unknown`. If no issuer has agents, the guard throws at startup.
 */
export function requireHuman(...none: []): Guard<HumanPrincipal> {
  return guard({ kind: without(none, 'requireHuman', 'human') })
}

/**
 * Requires one client application, acting for users or for itself: `azp`/`appid`. It restricts callers and grants nothing: combine it with
 * guards for what the caller may do. A client ID is unique within its issuer: with several issuers, combine it with {@link requireTenant}.
 *
 * @throws EntraConfigurationError when the ID is empty or has spaces
 */
export function requireClient(...ids: [clientId: string]): Guard {
  return guard({ kind: 'client', name: identifier(ids, 'requireClient') })
}

/**
 * Requires a caller from one directory (`tid`); for another provider, from its issuer.
 *
 * @throws EntraConfigurationError when the ID is empty or has spaces
 */
export function requireTenant(...ids: [tenantId: string]): Guard {
  return guard({ kind: 'tenant', name: identifier(ids, 'requireTenant') })
}

/**
 * Requires a user in this group. A group ID is unique within its issuer: with several issuers, combine it with {@link requireTenant}. If
 * the token indicates groups overage, the guard calls the option `groups`; if that fails, it responds with 503.
 *
 * @param ids object ID of the group
 * @throws EntraConfigurationError when the ID is empty or has spaces
 */
export function requireGroup(...ids: [groupId: string]): Guard<UserPrincipal> {
  return guard({ kind: 'group', name: identifier(ids, 'requireGroup') })
}

/**
 * Requires a user who signed in with this authentication context, such as `c1`: `acrs` in Entra's tokens, `acr` in those of other
 * providers. Otherwise the guard challenges the client to step up (401) if it supports that, or refuses the request (403).
 *
 * @throws EntraConfigurationError when the name is empty or has spaces
 */
export function requireAuthContext(...names: [name: string]): Guard<UserPrincipal> {
  return guard({ kind: 'authContext', name: named(names, 'requireAuthContext') })
}

/**
 * Requires a user who authenticated within the last `maxAgeSeconds` seconds (`auth_time`, OpenID Connect Core §2). Otherwise the guard
 * challenges the client to have the user sign in again (RFC 9470 §3). A token without `auth_time` does not satisfy it; in Entra this is an
 * optional claim.
 *
 * @throws EntraConfigurationError when `maxAgeSeconds` is not a whole number from 1 to 31536000
 */
export function requireAuthAge(age: { maxAgeSeconds: number }): Guard<UserPrincipal> {
  const { maxAgeSeconds } = ownProperties(age)
  const bounds = { least: 1, most: 31_536_000, default: Number.NaN }
  return guard({
    kind: 'authAge',
    maxAgeSeconds: wholeNumber('requireAuthAge: maxAgeSeconds', maxAgeSeconds ?? null, bounds)
  })
}

/**
 * Requires a client that authenticated by exactly this method: `azpacr`/`appidacr`. A token without the claim, such as one of another
 * provider, does not satisfy it.
 *
 * @throws EntraConfigurationError when the method is not `none`, `secret` or `certificate`
 */
export function requireClientAuth(...ways: [way: ClientAuth]): Guard {
  const [way] = ways
  if (ways.length === 1 && clientAuths.has(way)) return guard({ kind: 'clientAuth', name: way })
  throw new EntraConfigurationError(
    `requireClientAuth got ${shown(ways.length === 1 ? way : ways)}; give one of ${[...clientAuths].join(', ')}`
  )
}

const clientAuths: ReadonlySet<unknown> = new Set<ClientAuth>(['none', 'secret', 'certificate'])

/**
 * Calls a function that decides. Return `true`, or a promise of it, to allow the request; any other value denies it. If the function
 * throws, or takes longer than `keysTimeoutSeconds`, the guard responds with 503.
 *
 * @param name the name of the policy in documents and refusals
 * @throws EntraConfigurationError when the name is empty or has spaces, or the policy is not a function
 */
export function requirePolicy<Request = Context>(name: string, allows: Policy<Request>): Guard {
  if (typeof allows !== 'function')
    throw new EntraConfigurationError(
      `requirePolicy got ${shown(allows)} in place of a function; give a name and a function`
    )
  return guard({ kind: 'policy', name: named([name], 'requirePolicy'), allows })
}

/** What may be written between the parentheses of `anyOf`; a list is refused with a sentence. */
type Combined = Guard | readonly Guard[]

/** Puts a sentence in place of the type of each list, which the compiler shows. */
type NoLists<Guards extends readonly Combined[], Sentence extends string> = {
  [At in keyof Guards]: Guards[At] extends readonly unknown[] ? Sentence : Guards[At]
}

/** The callers that every guard allows: `never` for a user who is an app. */
type AllowedByAll<Guards extends readonly unknown[]> = Guards extends readonly [infer First, ...infer Others]
  ? AllowedBy<First> & AllowedByAll<Others>
  : Principal

/**
 * Allows the request when any of the guards does. If none does, and one could not be evaluated, it responds with 503, not 403.
 *
 * @throws EntraConfigurationError without a guard
 */
export function anyOf<const Guards extends readonly Combined[]>(
  ...guards: Guards & NoLists<Guards, 'anyOf takes guards, not a list: write anyOf(a, b), not anyOf([a, b])'>
): Guard<AllowedBy<Guards[number]>> {
  return guard({ kind: 'anyOf', rules: rulesOf(guards, 'anyOf') })
}

/**
 * Allows the request when all of the guards do; an array of preHandlers is equivalent.
 *
 * @throws EntraConfigurationError without a guard
 */
export function allOf<const Guards extends readonly Combined[]>(
  ...guards: Guards & NoLists<Guards, 'allOf takes guards, not a list: write allOf(a, b), not allOf([a, b])'>
): Guard<AllowedByAll<Guards>> {
  return guard({ kind: 'allOf', rules: rulesOf(guards, 'allOf') })
}

for (const make of [
  ...[requireScope, requireRole, requireAppPermission, requireUser, requireApp, requireMember, requireAgent],
  ...[requireHuman, requireClient],
  ...[requireTenant, requireClientAuth, requireGroup, requireAuthContext, requireAuthAge, requirePolicy, anyOf, allOf]
])
  guardMaker(make)

/** RFC 6749 §3.3 scope-token; role values follow the same alphabet (Microsoft: "Add app roles", no spaces). */
function named(names: readonly unknown[], by: string): string {
  const [name, ...rest] = names
  if (rest.length === 0 && typeof name === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(name)) return name
  const [got, more] = rest.length > 0 ? [names, ', and combine guards with anyOf or allOf'] : [name, '']
  throw new EntraConfigurationError(`${by} got ${shown(got)} in place of a name; give one name without spaces${more}`)
}

/** Fastify would call a function that was not called as a hook, with a request, and wait without end for it to settle. */
function without<Kind>(values: readonly unknown[], by: string, kind: Kind): Kind {
  if (values.length === 0) return kind
  throw new EntraConfigurationError(
    `${by} got an argument, as a hook does that was not called; call it to make the guard: ${by}()`
  )
}

function rulesOf(guards: readonly unknown[], by: string): Rule[] {
  if (guards.length > 0 && guards.every(isGuard)) return guards.map(({ rule }) => rule)
  if (Array.isArray(guards[0]))
    throw new EntraConfigurationError(`${by} got a list; write ${by}(a, b), not ${by}([a, b])`)
  throw new EntraConfigurationError(`${by} got ${inPlaceOf(guards)}; give guards, such as requireRole("Admin")`)
}

function inPlaceOf(guards: readonly unknown[]): string {
  const other = guards.find((each) => !isGuard(each))
  if (guards.length === 0) return 'no guard'
  return isGuardMaker(other)
    ? 'a function that makes guards, and was not called'
    : `${shown(other)} in place of a guard`
}

/** GUIDs are case-insensitive, and tokens have them in lower case; other identifiers are compared exactly. */
function identifier(ids: readonly unknown[], by: string): string {
  const id = named(ids, by)
  return guid.test(id) ? id.toLowerCase() : id
}
