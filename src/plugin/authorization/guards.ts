/** Stage 6, as routes write it: the functions that make guards. */

import type { ClientAuth } from '../claims/principal.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownProperties } from '../lib/own.js'
import { guid, shown, wholeNumber } from '../lib/validate.js'
import { type Guard, guard, guardMaker, isGuard } from './guard.js'
import type { Context, Policy, Rule } from './rules.js'

/**
 * A delegated (user) token whose `scp` holds this scope.
 *
 * @param name the scope's own name, such as `Orders.Read`, without the App ID URI
 * @throws EntraConfigurationError when the name is no scope-token (RFC 6749 §3.3), or has the App ID URI, which `scp` has not
 */
export function requireScope(...names: [name: string]): Guard {
  if (String(names[0]).includes('://')) {
    throw new EntraConfigurationError(`requireScope takes the name without the App ID URI, and got ${shown(names[0])}`)
  }
  return guard({ kind: 'scope', name: named(names, 'requireScope') })
}

/**
 * A **user** whose `roles` holds this app role. An app's permission of the same name does not pass.
 *
 * @throws EntraConfigurationError when the name is empty or has spaces
 */
export function requireRole(...names: [name: string]): Guard {
  return guard({ kind: 'role', name: named(names, 'requireRole') })
}

/**
 * An **app-only** token whose `roles` holds this application permission. A user's role of the same name does not pass.
 *
 * @throws EntraConfigurationError when the name is empty or has spaces
 */
export function requireAppPermission(...names: [name: string]): Guard {
  return guard({ kind: 'appPermission', name: named(names, 'requireAppPermission') })
}

/** A delegated token: a person stands behind the request. */
export function requireUser(): Guard {
  return guard({ kind: 'user' })
}

/** An app-only token: a service calls for itself. */
export function requireApp(): Guard {
  return guard({ kind: 'app' })
}

/**
 * A user whom the token shows to be a member of the directory (`acct`, else `idp`), and no guest (B2B) and no AI agent. Where the token shows neither, the
 * answer is 403 `membership_unknown`; where no issuer has guests, the guard is an error at start.
 */
export function requireMember(): Guard {
  return guard({ kind: 'member' })
}

/**
 * One client application, for users and for itself: `azp`/`appid`. Narrows: put it beside guards that say what the caller may do. A client
 * ID is its issuer's: with several issuers, put {@link requireTenant} beside it.
 *
 * @throws EntraConfigurationError when the ID is empty or has spaces
 */
export function requireClient(...ids: [clientId: string]): Guard {
  return guard({ kind: 'client', name: identifier(ids, 'requireClient') })
}

/**
 * Callers of one directory: `tid`; of another provider, its issuer.
 *
 * @throws EntraConfigurationError when the ID is empty or has spaces
 */
export function requireTenant(...ids: [tenantId: string]): Guard {
  return guard({ kind: 'tenant', name: identifier(ids, 'requireTenant') })
}

/**
 * A user in this group, whose ID is its issuer's: with several issuers, put {@link requireTenant} beside it. Where the token says that there are more groups than it holds, the option `groups` is asked; without an answer
 * it is a 503: never a guess.
 *
 * @param ids object ID of the group
 * @throws EntraConfigurationError when the ID is empty or has spaces
 */
export function requireGroup(...ids: [groupId: string]): Guard {
  return guard({ kind: 'group', name: identifier(ids, 'requireGroup') })
}

/**
 * A user who signed in with this authentication context, such as `c1`: `acrs` of Entra's tokens, `acr` of other providers'. Who did not
 * is challenged to step up (401), where the client can do so, else refused (403).
 *
 * @throws EntraConfigurationError when the name is empty or has spaces
 */
export function requireAuthContext(...names: [name: string]): Guard {
  return guard({ kind: 'authContext', name: named(names, 'requireAuthContext') })
}

/**
 * A user who authenticated of late (`auth_time`, OpenID Connect Core §2): else a challenge to do so again (RFC 9470 §3). A token that does
 * not say when does not pass; in Entra `auth_time` is an optional claim.
 *
 * @throws EntraConfigurationError when `maxAgeSeconds` is no whole number from 1 to 31536000
 */
export function requireAuthAge(age: { maxAgeSeconds: number }): Guard {
  const { maxAgeSeconds } = ownProperties(age)
  const bounds = { least: 1, most: 31_536_000, default: Number.NaN }
  return guard({
    kind: 'authAge',
    maxAgeSeconds: wholeNumber('requireAuthAge: maxAgeSeconds', maxAgeSeconds ?? null, bounds)
  })
}

/**
 * A client that proved who it is in just this way: `azpacr`/`appidacr`. Tokens that do not say, as those of other providers, do not
 * pass.
 *
 * @throws EntraConfigurationError when it is none of `none`, `secret` and `certificate`
 */
export function requireClientAuth(...ways: [way: ClientAuth]): Guard {
  const [way] = ways
  if (ways.length === 1 && clientAuths.has(way)) return guard({ kind: 'clientAuth', name: way })
  throw new EntraConfigurationError(
    `requireClientAuth takes one of ${[...clientAuths].join(', ')}, and got ${shown(ways.length === 1 ? way : ways)}`
  )
}

const clientAuths: ReadonlySet<unknown> = new Set<ClientAuth>(['none', 'secret', 'certificate'])

/**
 * A function that decides. Only `true`, or a promise of it, passes; when it throws, or takes longer than `keysTimeoutSeconds`, the answer
 * is 503.
 *
 * @param name what it is called in documents and refusals
 * @throws EntraConfigurationError when the name is empty or has spaces, or the function is none
 */
export function requirePolicy<Request = Context>(name: string, allows: Policy<Request>): Guard {
  if (typeof allows !== 'function') throw new EntraConfigurationError('requirePolicy takes a name and a function')
  return guard({ kind: 'policy', name: named([name], 'requirePolicy'), allows })
}

/**
 * Passes when any of the guards does. When none does, and one could not be asked, the answer is 503, not 403.
 *
 * @throws EntraConfigurationError when there are none
 */
export function anyOf(...guards: readonly Guard[]): Guard {
  return guard({ kind: 'anyOf', rules: rulesOf(guards, 'anyOf') })
}

/**
 * Passes when all of the guards do; an array of preHandlers says the same.
 *
 * @throws EntraConfigurationError when there are none
 */
export function allOf(...guards: readonly Guard[]): Guard {
  return guard({ kind: 'allOf', rules: rulesOf(guards, 'allOf') })
}

for (const make of [
  ...[requireScope, requireRole, requireAppPermission, requireUser, requireApp, requireMember, requireClient],
  ...[requireTenant, requireClientAuth, requireGroup, requireAuthContext, requireAuthAge, requirePolicy, anyOf, allOf]
])
  guardMaker(make)

/** RFC 6749 §3.3 scope-token; role values follow the same alphabet (Microsoft: "Add app roles", no spaces). */
function named(names: readonly unknown[], by: string): string {
  const [name, ...rest] = names
  if (rest.length === 0 && typeof name === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(name)) return name
  const [got, more] = rest.length > 0 ? [names, '; combine guards with anyOf or allOf'] : [name, '']
  throw new EntraConfigurationError(`${by} takes one name without spaces, and got ${shown(got)}${more}`)
}

function rulesOf(guards: readonly Guard[], by: string): Rule[] {
  if (guards.length > 0 && guards.every(isGuard)) return guards.map(({ rule }) => rule)
  throw new EntraConfigurationError(`${by} takes one or more guards`)
}

/** GUIDs have no case, and tokens have them in lower case; other identifiers are compared as they are. */
function identifier(ids: readonly unknown[], by: string): string {
  const id = named(ids, by)
  return guid.test(id) ? id.toLowerCase() : id
}
