/** Builds the principal of a verified token of a provider other than Entra. */
import { actorsOf } from '../claims/actors.js'
import { frozenButClaims } from '../claims/freeze.js'
import type { Actor, AppPrincipal, Claims, Draft, Principal, UserPrincipal } from '../claims/principal.js'
import {
  type ClaimPath,
  displayOf,
  distinct,
  expiryOf,
  joined,
  type NameForms,
  namesAt,
  text,
  texts,
  words
} from '../claims/read.js'
import type { Provider } from './provider.js'

/** The values that the checks compare with, and the places of claims. */
export interface OidcRules {
  readonly provider: Provider
  /** Accepted `aud` values. */
  readonly audiences: readonly string[]
  /** Clients that may call; `undefined`: any. Restricts callers; grants nothing. */
  readonly allowedClients: ReadonlySet<string> | undefined
  /** True to require the JWT Profile for Access Tokens. */
  readonly rfc9068: boolean
  /** The places of roles; all that are found are used. */
  readonly roles: ClaimSource
  /** Roles in a form of the provider's own, beside these. */
  readonly rolesOf?: Provider['rolesOf'] | undefined
  readonly groups: ClaimSource
}

/** The places of a claim with names, and its forms there. */
export interface ClaimSource extends NameForms {
  readonly paths: readonly ClaimPath[]
}

/** Scopes of the sign-in itself (OpenID Connect Core §5.4, §11): any client gets them, so they grant nothing here. */
const signInScopes: ReadonlySet<string> = new Set([
  ...['openid', 'profile', 'email', 'address', 'phone', 'offline_access']
])

/**
 * The principal of a token. A client's own grants are permissions, and are in `roles` with its assigned roles: only users delegate
 * `scopes`.
 */
export function toOidcPrincipal(claims: Claims, { provider, ...rules }: OidcRules): Principal {
  const { scope, scp } = claims
  const granted = distinct(joined(words(scope), words(scp), texts(scope), texts(scp)))
  const isGranted = (name: string) => !signInScopes.has(name) && !provider.signInScopes?.has(name)
  const scopes = granted.every(isGranted) ? granted : granted.filter(isGranted)
  const found = joined(allAt(claims, rules.roles), ownRoles(claims, rules))
  const { isEverybodys } = provider
  const roles = isEverybodys ? found.filter((role) => !isEverybodys(role)) : found
  const principal = provider.isApp(claims)
    ? toApp(claims, provider, distinct(joined(roles, scopes)))
    : toUser(claims, provider, { scopes, roles, groups: allAt(claims, rules.groups) })
  const actors = actorsOf(claims)
  return frozenButClaims(actors && actors.length > 0 ? withActors(principal, actors) : principal)
}

/** The same with its actors, after `expiresAt`: few tokens have any, so that all others are written one member at a time. */
function withActors(principal: Principal, actors: readonly Actor[]): Principal {
  const members = Object.entries(principal)
  const place = members.findIndex(([name]) => name === 'expiresAt') + 1
  return Object.fromEntries([...members.slice(0, place), ['actors', actors], ...members.slice(place)]) as never
}

function toApp(claims: Claims, provider: Provider, roles: readonly string[]): AppPrincipal {
  const subject = String(subjectOf(claims, provider))
  const issuer = String(claims.iss)
  return {
    kind: 'app',
    provider: 'oidc',
    id: subject,
    subject,
    issuer,
    tenantId: issuer,
    clientId: clientIdOf(claims, provider),
    claims,
    expiresAt: expiryOf(claims),
    roles,
    scopes: [],
    groups: []
  }
}

/** Members are written one by one, as V8 takes ten times as long to spread objects into one (docs/performance.md). */
function toUser(
  claims: Claims,
  provider: Provider,
  { scopes, roles, groups }: Pick<UserPrincipal, 'scopes' | 'roles' | 'groups'>
): UserPrincipal {
  const subject = String(subjectOf(claims, provider))
  const issuer = String(claims.iss)
  const { name, email } = displayOf(claims)
  const user: Draft<UserPrincipal> = {
    kind: 'user',
    membership: 'unknown',
    isGuest: false,
    hasMoreGroups: false,
    provider: 'oidc',
    id: subject,
    subject,
    issuer,
    tenantId: issuer,
    clientId: clientIdOf(claims, provider),
    claims,
    expiresAt: expiryOf(claims),
    scopes,
    roles,
    groups
  }
  if (name !== undefined) user.name = name
  if (email !== undefined) user.email = email
  return user
}

/** Only for the audiences that the token is for: it may have roles at others as well. */
function ownRoles(claims: Claims, { rolesOf, audiences }: Omit<OidcRules, 'provider'>): readonly string[] {
  if (!rolesOf) return []
  const its = [claims.aud].flat()
  return rolesOf(
    claims,
    audiences.filter((audience) => its.includes(audience))
  )
}

function allAt(claims: Claims, source: ClaimSource): readonly string[] {
  return distinct(joined(...source.paths.map((path) => namesAt(claims, path, source))))
}

/** `sub`. A token without it is an app-only token, or identifies no caller. */
export function subjectOf(claims: Claims, provider: Provider): string | undefined {
  const { sub } = claims
  if (sub !== undefined && sub !== null) return text(sub)
  return provider.isApp(claims) ? text(clientIdOf(claims, provider)) : undefined
}

/** `azp` (OpenID Connect Core §2), `client_id` (RFC 8693 §4.3), or the provider's own place. */
export function clientIdOf(claims: Claims, { clientOf }: Provider): string {
  const { azp, client_id } = claims
  return text(azp) ?? text(client_id) ?? text(clientOf?.(claims)) ?? ''
}
