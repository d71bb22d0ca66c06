/** Whom a verified token of a provider other than Entra speaks for. */
import type { Claims, Principal } from '../claims/principal.js'
import { type ClaimPath, deepFreeze, displayOf, text, texts, textsAt, words } from '../claims/read.js'
import type { Provider } from './provider.js'

/** What the rules compare with, and where claims are. */
export interface OidcRules {
  readonly provider: Provider
  /** Accepted `aud` values. */
  readonly audiences: readonly string[]
  /** Clients that may call; `undefined`: any. Narrows, never grants. */
  readonly allowedClients: ReadonlySet<string> | undefined
  /** True where only tokens of the JWT Profile for Access Tokens will do. */
  readonly rfc9068: boolean
  /** Where roles are; all that are found count. */
  readonly roles: ClaimSource
  readonly groups: ClaimSource
}

/** Where a claim is. */
export interface ClaimSource {
  readonly paths: readonly ClaimPath[]
  /** True where it may be one string that commas part: where the configuration says where it is. */
  readonly mayBeText: boolean
}

/** Scopes of the sign-in itself (OpenID Connect Core §5.4, §11): any client gets them, and they open nothing here. */
const signInScopes: ReadonlySet<string> = new Set([
  ...['openid', 'profile', 'email', 'address', 'phone', 'offline_access']
])

/**
 * Who the token speaks for. What a client was granted for itself are its permissions, and stand in `roles` with what it was
 * assigned: `scopes` are a user's to give.
 */
export function toOidcPrincipal(claims: Claims, { provider, ...rules }: OidcRules): Principal {
  const { scope, scp } = claims
  const granted = new Set([...words(scope), ...words(scp), ...texts(scope), ...texts(scp)])
  const scopes = [...granted].filter((name) => !signInScopes.has(name) && !provider.signInScopes?.has(name))
  const roles = allAt(claims, rules.roles).filter((role) => !provider.isEverybodys?.(role))
  const issuer = String(claims.iss)
  const subject = String(subjectOf(claims, provider))
  const clientId = clientIdOf(claims, provider)
  const caller = { provider: 'oidc' as const, id: subject, subject, issuer, tenantId: issuer, clientId, claims }
  if (provider.isApp(claims))
    return deepFreeze({ kind: 'app', ...caller, roles: [...new Set([...roles, ...scopes])], scopes: [], groups: [] })
  const groups = allAt(claims, rules.groups)
  return deepFreeze({
    kind: 'user',
    membership: 'unknown',
    isGuest: false,
    hasMoreGroups: false,
    ...caller,
    scopes,
    roles,
    groups,
    ...displayOf(claims)
  })
}

function allAt(claims: Claims, { paths, mayBeText }: ClaimSource): string[] {
  return [...new Set(paths.flatMap((path) => textsAt(claims, path, mayBeText)))]
}

/** `sub`. A token without one is its client's own, or speaks for nobody. */
export function subjectOf(claims: Claims, { isApp }: Provider): string | undefined {
  const { sub, client_id } = claims
  if (sub !== undefined && sub !== null) return text(sub)
  return isApp(claims) ? text(client_id) : undefined
}

/** `azp` (OpenID Connect Core §2), `client_id` (RFC 8693 §4.3), or where the provider has it. */
export function clientIdOf(claims: Claims, { clientOf }: Provider): string {
  const { azp, client_id } = claims
  return text(azp) ?? text(client_id) ?? text(clientOf?.(claims)) ?? ''
}
