/** Builds the principal of a verified token of a provider other than Entra. */
import { actorsOf } from '../claims/actors.js'
import type { Claims, Principal } from '../claims/principal.js'
import {
  type ClaimPath,
  deepFreeze,
  displayOf,
  expiryOf,
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
  const granted = new Set([...words(scope), ...words(scp), ...texts(scope), ...texts(scp)])
  const scopes = [...granted].filter((name) => !signInScopes.has(name) && !provider.signInScopes?.has(name))
  const own = ownRoles(claims, rules)
  const roles = [...allAt(claims, rules.roles), ...own].filter((role) => !provider.isEverybodys?.(role))
  const issuer = String(claims.iss)
  const subject = String(subjectOf(claims, provider))
  const clientId = clientIdOf(claims, provider)
  const actors = actorsOf(claims)
  const caller = {
    provider: 'oidc' as const,
    id: subject,
    subject,
    issuer,
    tenantId: issuer,
    clientId,
    claims,
    expiresAt: expiryOf(claims),
    ...(actors && actors.length > 0 && { actors })
  }
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

/** Only for the audiences that the token is for: it may have roles at others as well. */
function ownRoles(claims: Claims, { rolesOf, audiences }: Omit<OidcRules, 'provider'>): readonly string[] {
  const its = [claims.aud].flat()
  return (
    rolesOf?.(
      claims,
      audiences.filter((audience) => its.includes(audience))
    ) ?? []
  )
}

function allAt(claims: Claims, source: ClaimSource): string[] {
  return [...new Set(source.paths.flatMap((path) => namesAt(claims, path, source)))]
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
