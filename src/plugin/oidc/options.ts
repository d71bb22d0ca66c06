/** Parses the options of an OpenID provider other than Entra into its issuer and rules. */

import type { ClaimPath } from '../claims/read.js'
import type { TokenRules } from '../issuers/token-rules.js'
import { type Algorithm, algorithmNames } from '../keys/jwks.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownProperties } from '../lib/own.js'
import { audienceTexts, isOn, isSecure, secureOrigin, shown, texts } from '../lib/validate.js'
import { oidcChecks } from './checks.js'
import { type ClaimSource, type OidcRules, toOidcPrincipal } from './principal.js'
import { anyProvider, type Provider } from './provider.js'
import { type ProviderName, providers } from './providers.js'

/** An OpenID provider other than Entra, for `app.register(entra, options)`. */
export interface OidcOptions {
  /** The issuer, exactly as its discovery document and its tokens name it. Plain http on loopback only. Required. */
  issuer: string
  /** Accepted `aud` values (RFC 7519 §4.1.3). Required: no default could be right. */
  audience: string | readonly string[]
  /** The well-known provider, whose places for roles, groups and audience are used. Default: none of them. */
  provider?: ProviderName
  /**
   * The claim with roles: its name, or the path in nested objects, dot-separated (`realm_access.roles`) or as a list (`['resource_access',
   * 'my-api', 'roles']`). The claim may be a list of strings, or one comma-separated string. Default: the provider's, or `roles`.
   */
  rolesClaim?: string | readonly string[]
  /** The claim with groups, in the same forms. Default: the provider's, or `groups`. */
  groupsClaim?: string | readonly string[]
  /** `true` to require tokens as RFC 9068 defines them: `typ` is `at+jwt`, and all its claims are present. Default: false. */
  rfc9068?: boolean
  /**
   * Origin of the provider's key set, if it differs from the issuer's. https, or http on loopback. Default: the provider's, or the
   * issuer's.
   */
  keysOrigin?: string
  /** `azp`/`client_id` values that may call this API. Restricts callers; grants nothing. Default: any. */
  allowedClients?: readonly string[]
  /** The only clients whose tokens may carry neither scopes nor roles. Default: none. */
  rolelessClients?: readonly string[]
  /**
   * Accepted signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1); each key verifies those that it was made for, and the provider's metadata
   * adds none. Default: RS, PS and ES with 256, 384 and 512, and EdDSA.
   */
  algorithms?: readonly Algorithm[]
}

/** Names of these options. */
export const oidcNames = [
  ...['issuer', 'audience', 'provider', 'rolesClaim', 'groupsClaim', 'rfc9068', 'keysOrigin', 'allowedClients'],
  ...['rolelessClients', 'algorithms']
]

/**
 * Checks the options.
 *
 * @throws EntraConfigurationError with one sentence that names the option, the value and what to change
 */
export function oidcAuthority(options: OidcOptions) {
  const issuer = issuerOf(options.issuer)
  const audiences = audiencesOf(options.audience)
  const algorithms = algorithmsOf(options.algorithms)
  const allowedClients = clientsOf('allowedClients', options)
  const rolelessClients = clientsOf('rolelessClients', options) ?? new Set<string>()
  const provider = providerOf(options.provider)
  const rules: OidcRules = {
    provider,
    audiences,
    allowedClients,
    rfc9068: isOn('rfc9068', options.rfc9068),
    roles: sourceOf('rolesClaim', options.rolesClaim, provider.roles(audiences)),
    groups: sourceOf('groupsClaim', options.groupsClaim, provider.groups)
  }
  const profile: TokenRules = {
    algorithms,
    rolelessClients,
    scopeBase: undefined,
    checks: oidcChecks(rules),
    showsMembers: false,
    strictHeader: false,
    toPrincipal: (claims) => toOidcPrincipal(claims, rules)
  }
  // OpenID Connect Discovery §4.1: a terminating slash of the issuer is left out before the path is added.
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const { keysOrigin = provider.keysOrigin } = options
  if (options.keysOrigin !== undefined) secureOrigin('keysOrigin', options.keysOrigin, 'https://keys.example')
  const issuers = Object.freeze([{ url, issuer, keysOrigin, optional: false, profile }] as const)
  return {
    issuers,
    clients: new Map(),
    algorithms,
    audiences,
    allowedClients,
    rolelessClients,
    realm: String(audiences[0]),
    scopeBase: undefined,
    warnings: Object.freeze([])
  }
}

function providerOf(name: ProviderName | undefined): Provider {
  if (name === undefined) return ownProperties(anyProvider)
  if (typeof name === 'string' && Object.hasOwn(providers, name)) return ownProperties(providers[name])
  throw new EntraConfigurationError(
    `provider ${shown(name)} is unknown; it is one of ${Object.keys(providers).join(', ')}, or left out`
  )
}

/** A claim's name may contain dots, such as a URL, so the whole name is tried as well. */
function sourceOf(name: 'rolesClaim' | 'groupsClaim', claim: unknown, byDefault: readonly ClaimPath[]): ClaimSource {
  if (claim === undefined) return { paths: byDefault, mayBeText: false }
  const names = texts(name, typeof claim === 'string' ? [claim] : claim)
  const paths = typeof claim === 'string' ? [[claim], ...(claim.includes('.') ? [claim.split('.')] : [])] : [names]
  return { paths, mayBeText: true }
}

function clientsOf(name: 'allowedClients' | 'rolelessClients', options: OidcOptions): ReadonlySet<string> | undefined {
  const clients = options[name]
  return clients === undefined ? undefined : new Set(texts(name, clients))
}

/** OpenID Connect Core §2: an https URL without query or fragment. */
function issuerOf(issuer: unknown): string {
  const url = typeof issuer === 'string' && URL.canParse(issuer) ? new URL(issuer) : undefined
  const isPlain = url && !url.search && !url.hash && !url.username && !url.password && !/[?#\s{}]/.test(String(issuer))
  if (isPlain && isSecure(url)) return String(issuer)
  const wanted = 'the issuer as its discovery document names it, a URL with https (http on loopback only)'
  throw new EntraConfigurationError(`issuer ${shown(issuer)} is not allowed; give ${wanted}`)
}

function audiencesOf(audience: unknown): readonly string[] {
  if (audience === undefined || audience === '') {
    throw new EntraConfigurationError('audience is missing; give what the provider puts into "aud" for this API')
  }
  return audienceTexts(audience)
}

function algorithmsOf(algorithms: readonly Algorithm[] = algorithmNames): readonly Algorithm[] {
  const known = Array.isArray(algorithms) && algorithms.every((name) => algorithmNames.includes(name))
  if (known && algorithms.length > 0) return Object.freeze([...algorithms])
  throw new EntraConfigurationError(
    `algorithms ${shown(algorithms)} is not allowed; give some of ${algorithmNames.join(', ')}`
  )
}
