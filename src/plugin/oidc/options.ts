/** Parses the options of an OpenID provider other than Entra into its issuer and rules. */

import { withResource } from '../claims/audience.js'
import { type ClaimPath, listsOnly } from '../claims/read.js'
import type { TokenRules } from '../issuers/token-rules.js'
import { type Algorithm, algorithmNames } from '../keys/jwks.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownProperties } from '../lib/own.js'
import { audienceTexts, isOn, isSecure, shown, texts } from '../lib/validate.js'
import { type AddressOptions, addressesOf, addressNames, insecureWarnings } from './addresses.js'
import { oidcChecks } from './checks.js'
import { type ClaimSource, type OidcRules, toOidcPrincipal } from './principal.js'
import { anyProvider, type Provider } from './provider.js'
import { type ProviderName, providers, recognized } from './providers.js'

/** An OpenID provider other than Entra, for `app.register(entra, options)`. */
export interface OidcOptions extends AddressOptions {
  /** The issuer, exactly as its discovery document and its tokens name it. Plain http on loopback only. Required. */
  issuer: string
  /** Accepted `aud` values (RFC 7519 §4.1.3). Required: no default could be right. */
  audience: string | readonly string[]
  /** The well-known provider, whose places for roles, groups and audience are used. Default: none of them. */
  provider?: ProviderName
  /**
   * The claim with roles: its name, or the path in nested objects, dot-separated (`realm_access.roles`) or as a list (`['resource_access',
   * 'my-api', 'roles']`). Several claims: comma-separated, or a list of such lists; the roles of all that are found are used. The claim may
   * be a list of strings, one comma-separated string, or an object whose keys are the roles (each with an object that is
   * not empty, as Zitadel's). For a list of objects the path ends with the member that names the role (`roles.name`). Default: the provider's, or
   * `roles`.
   */
  rolesClaim?: string | readonly string[] | readonly (readonly string[])[]
  /** The claim with groups, in the same forms. Default: the provider's, or `groups`. */
  groupsClaim?: string | readonly string[] | readonly (readonly string[])[]
  /** `true` to require tokens as RFC 9068 defines them: `typ` is `at+jwt`, and all its claims are present. Default: false. */
  rfc9068?: boolean
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
  ...['issuer', 'audience', 'provider', 'rolesClaim', 'groupsClaim', 'rfc9068', 'allowedClients'],
  ...addressNames,
  ...['rolelessClients', 'algorithms']
]

/**
 * Checks the options.
 *
 * @param publicUrl of the resource, one more accepted `aud`. Default: none
 * @throws EntraConfigurationError with one sentence that names the option, the value and what to change
 */
export function oidcAuthority(options: OidcOptions, publicUrl?: string) {
  const issuer = issuerOf(options.issuer)
  const own = audiencesOf(options.audience)
  const audiences = withResource(own, publicUrl)
  const algorithms = algorithmsOf(options.algorithms)
  const allowedClients = clientsOf('allowedClients', options)
  const rolelessClients = clientsOf('rolelessClients', options) ?? new Set<string>()
  const provider = providerOf(options.provider)
  const rules: OidcRules = {
    provider,
    audiences,
    allowedClients,
    rfc9068: isOn('rfc9068', options.rfc9068),
    roles: sourceOf('rolesClaim', options.rolesClaim, { ...listsOnly, paths: provider.roles(own) }),
    rolesOf: options.rolesClaim === undefined ? provider.rolesOf : undefined,
    groups: sourceOf('groupsClaim', options.groupsClaim, { ...listsOnly, paths: provider.groups })
  }
  const profile: TokenRules = {
    algorithms,
    rolelessClients,
    scopeBase: undefined,
    checks: oidcChecks(rules),
    isDirectory: false,
    groupsAreGrants: true,
    strictHeader: false,
    toPrincipal: (claims) => toOidcPrincipal(claims, rules)
  }
  const addresses = addressesOf(issuer, options, provider.keysOrigin)
  const { insecureHttpHosts, ...source } = addresses
  const issuers = Object.freeze([{ ...source, issuer, keysOption: 'keysOrigin', optional: false, profile }] as const)
  return {
    issuers,
    clients: new Map(),
    algorithms,
    audiences,
    allowedClients,
    rolelessClients,
    realm: String(audiences[0]),
    scopeBase: undefined,
    insecureHttpHosts,
    warnings: Object.freeze([...presetWarnings(issuer, options.provider), ...insecureWarnings(issuer, addresses)])
  }
}

/** Without its preset a product's app-only tokens may count as users'. */
function presetWarnings(issuer: string, provider: ProviderName | undefined): string[] {
  const name = recognized(issuer)
  if (provider !== undefined || name === undefined) return []
  return [
    `issuer ${shown(issuer)} looks like one of ${name}; give provider: '${name}', so that its app-only tokens, roles and groups are recognized`
  ]
}

function providerOf(name: ProviderName | undefined): Provider {
  if (name === undefined) return ownProperties(anyProvider)
  if (typeof name === 'string' && Object.hasOwn(providers, name)) return ownProperties(providers[name])
  throw new EntraConfigurationError(
    `provider ${shown(name)} is unknown; give one of ${Object.keys(providers).join(', ')}, or leave it out`
  )
}

function sourceOf(name: 'rolesClaim' | 'groupsClaim', claim: unknown, byDefault: ClaimSource): ClaimSource {
  if (claim === undefined) return byDefault
  const isSeveral = Array.isArray(claim) && claim.some(Array.isArray)
  const paths =
    typeof claim === 'string' ? pathsIn(name, claim) : (isSeveral ? claim : [claim]).map((path) => texts(name, path))
  return { paths, mayBeText: true, mayBeKeys: true }
}

/** Names, comma-separated. A claim's name may contain dots, such as a URL, so the whole name is tried as well. */
function pathsIn(name: string, claims: string): readonly ClaimPath[] {
  const names = texts(
    name,
    claims.split(',').map((each) => each.trim())
  )
  return names.flatMap((each) => (each.includes('.') ? [[each], each.split('.')] : [[each]]))
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
