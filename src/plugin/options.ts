/** Validates the options, once, at registration, and returns frozen settings. No option has a default that accepts more tokens. */
import { type AuditLevel, type AuditSettings, auditOf } from './audit/audit-options.js'
import { type GroupsOptions, type GroupsResolver, resolverOf } from './authorization/groups.js'
import { refuseCommon } from './common-audiences.js'
import type { OwnClient } from './downstream/options.js'
import { isMany } from './entra/authority.js'
import { entraOptionsFor } from './entra/hosts.js'
import { type EntraTenantOptions, entraAuthority, entraNames } from './entra/options.js'
import type { IssuerSettings } from './issuers/issuer.js'
import type { Algorithm } from './keys/jwks.js'
import { type KeySourceOptions, keySourcesOf } from './keys/preloaded.js'
import type { KeyTimings } from './keys/timings.js'
import { inSeconds, keyTimings, type TimeOptions, timeNames } from './keys/timings.js'
import { EntraConfigurationError } from './lib/configuration-error.js'
import { ownProperties } from './lib/own.js'
import type { InsecureHosts } from './lib/proxies.js'
import { type TestNetwork, testNetworksIn } from './lib/test-network.js'
import { functionOf, isOn, rejectUnknown, repeated, shown } from './lib/validate.js'
import { type OidcOptions, oidcAuthority, oidcNames } from './oidc/options.js'
import { recognized } from './oidc/providers.js'
import type { ChallengeContext } from './refusals/challenge.js'
import { type ProtectedResource, protectedResourceOf, type ResourceOptions } from './resource/protected-resource.js'
import type { IsRevoked } from './revocation/is-revoked.js'
import type { TokenCacheOptions } from './verification/token-cache.js'
import { tokenCacheOf } from './verification/token-cache-options.js'

/** The options for caching, for any issuer. */
export interface MemoryOptions {
  /** Bounds of the cache of verified tokens; `false` to cache none and verify every request's signature. */
  tokenCache?: false | TokenCacheOptions
}

/** The options for routes, for any issuer. */
export interface RouteCheckOptions {
  /**
   * `true` to throw at startup if routes have neither a guard nor `config.auth`; the error names all of them. Otherwise any valid token may
   * call them. Default: false.
   */
  strictRoutes?: boolean
}

/** The options for decorators beside the principal. */
export interface DecoratorOptions {
  /**
   * `true` to decorate `request.user` with the verified claims, or `null` on an unauthenticated request, for apps that migrate from
   * @fastify/jwt. The app declares its type. Default: false, which leaves `request.user` to others, such as Passport.
   */
  userDecorator?: boolean
}

/** The options for logging, for any issuer. */
export interface AuditOptions {
  /**
   * Decisions that are logged: `off`, `refusals`, or `all`; an object with `personalData: true` also logs names and e-mail addresses of
   * users. Default: `refusals`. The channel `fastify-entra.audit` (Node: `diagnostics_channel`) always has all of them.
   */
  audit?: AuditLevel | Partial<AuditSettings>
}

/** Several tenants or providers for one API, each with an audience and rules of its own. */
export interface TenantsOptions {
  /** One or more. The `iss` of a token selects one of them; a key of one never verifies a token of another. */
  tenants: readonly (EntraTenantOptions | OidcOptions)[]
}

/** The option for revocation, for any issuer. */
export interface RevocationOptions {
  /** Called at every request with a valid token. Default: no token is revoked before it expires. */
  isRevoked?: IsRevoked
}

/** What `app.register(entra, options)` takes: an Entra tenant, another OpenID provider, or several of these. */
export type EntraOptions = (EntraTenantOptions | OidcOptions | TenantsOptions) &
  TimeOptions &
  KeySourceOptions &
  MemoryOptions &
  GroupsOptions &
  RevocationOptions &
  RouteCheckOptions &
  DecoratorOptions &
  AuditOptions &
  ResourceOptions

/** A trusted tenant or provider, as configured. */
export interface Authority {
  /** The issuer that every product has comes first. */
  readonly issuers: readonly [IssuerSettings, ...IssuerSettings[]]
  /** How this API requests tokens from an issuer, if it has a credential there. */
  readonly clients: ReadonlyMap<IssuerSettings, OwnClient>
  /** The algorithms that any of them may sign with. */
  readonly algorithms: readonly Algorithm[]
  /** Accepted `aud` values; with several tenants, those of the first, as for the clients below. */
  readonly audiences: readonly string[]
  /** Clients that may call; `undefined`: any. */
  readonly allowedClients: ReadonlySet<string> | undefined
  /** The only clients whose tokens may carry neither scopes nor roles. */
  readonly rolelessClients: ReadonlySet<string>
  /** The realm in challenges (RFC 9110 §11.5). */
  readonly realm: string
  /** The App ID URI that Entra's clients put before a scope's name; for other providers scopes are requested by their names. */
  readonly scopeBase: string | undefined
  /** Hosts from which documents and keys are fetched over plain http. */
  readonly insecureHttpHosts: InsecureHosts
  /** Warnings for the operator at startup. */
  readonly warnings: readonly string[]
}

/** The options, validated and completed. */
export interface Settings extends Authority {
  readonly preloadedKeys: KeySourceOptions['preloadedKeys']
  readonly saveKeys: KeySourceOptions['saveKeys']
  readonly keyTimings: KeyTimings
  readonly keysTimeoutSeconds: number
  readonly clockToleranceSeconds: number
  readonly tokenCache: Required<TokenCacheOptions> | undefined
  readonly audit: AuditSettings
  readonly groups: GroupsResolver | undefined
  readonly isRevoked: IsRevoked | undefined
  readonly strictRoutes: boolean
  readonly userDecorator: boolean
  /** This API as clients discover it; `undefined`: it publishes no metadata. */
  readonly resource: ProtectedResource | undefined
  /** In place of the network, for tests of applications. Empty in production. */
  readonly testNetworks: readonly TestNetwork[]
}

/**
 * Checks the options.
 *
 * @throws EntraConfigurationError with one sentence that names the option, the value and what to change
 */
export function toSettings(given: EntraOptions): Settings {
  const options = ownProperties(given)
  const sharedNames = [
    ...timeNames,
    'preloadedKeys',
    'saveKeys',
    'tokenCache',
    'audit',
    'groups',
    'isRevoked',
    'strictRoutes',
    'userDecorator',
    'resource'
  ]
  refuseUnknown(options, sharedNames)
  const testNetworks = networksOf(options)
  const keysTimeoutSeconds = inSeconds('keysTimeoutSeconds', options)
  const resource = protectedResourceOf(options.resource)
  const shared = { timeoutSeconds: keysTimeoutSeconds, publicUrl: resource?.publicUrl }
  const authority = 'tenants' in options ? several(options.tenants, shared) : one(options, shared)
  return Object.freeze({
    ...authority,
    resource,
    warnings: Object.freeze([...authority.warnings, ...(resource ? unlisted(authority) : [])]),
    ...keySourcesOf(options),
    keyTimings: keyTimings(options),
    keysTimeoutSeconds,
    clockToleranceSeconds: inSeconds('clockToleranceSeconds', options),
    tokenCache: tokenCacheOf(options.tokenCache),
    audit: auditOf(options.audit),
    groups: resolverOf(options.groups, authority.clients.size > 0),
    isRevoked: functionOf('isRevoked', options.isRevoked),
    strictRoutes: isOn('strictRoutes', options.strictRoutes),
    userDecorator: isOn('userDecorator', options.userDecorator),
    testNetworks
  })
}

/** RFC 9728 §2: a set of authorization servers that is not enumerable is left out. */
function unlisted({ issuers }: Authority): readonly string[] {
  return issuers.every(({ authorizationServers }) => authorizationServers?.length === 0) ? [unlistedWarning] : []
}

const unlistedWarning =
  'the metadata of resource names no authorization server, as allowedTenants does not list the tenants; list their IDs, or configure clients with an authority'

/** What every challenge of an API with these settings says. */
export function challengeContextOf({ realm, resource }: Pick<Settings, 'realm' | 'resource'>): ChallengeContext {
  return { realm, resourceMetadata: resource?.metadataUrl }
}

/** Of all tenants: with one of them in tests, none uses the network. */
function networksOf(options: EntraOptions): readonly TestNetwork[] {
  const tenants: readonly unknown[] = 'tenants' in options && Array.isArray(options.tenants) ? options.tenants : []
  return Object.freeze([options, ...tenants.map(Object)].flatMap(testNetworksIn))
}

/** Options of all tenants that each needs. */
interface Shared {
  readonly timeoutSeconds: number
  readonly publicUrl: string | undefined
}

function one(options: EntraTenantOptions | OidcOptions, { timeoutSeconds, publicUrl }: Shared): Authority {
  const url = publicUrl === undefined ? [] : [publicUrl]
  if (isOidc(options)) {
    const authority = oidcAuthority(options, publicUrl)
    const { issuer, provider } = options
    refuseMicrosofts(authority.issuers[0])
    const isKeycloak = provider === 'keycloak' || recognized(issuer) === 'keycloak'
    refuseCommon('resource.publicUrl', url, { issuer, isKeycloak })
    refuseCommon('audience', authority.audiences, { issuer, isKeycloak })
    return authority
  }
  refuseCommon('resource.publicUrl', url)
  const authority = entraAuthority(options, timeoutSeconds, publicUrl)
  refuseCommon('clientId', [options.clientId.toLowerCase()])
  refuseCommon('audience', authority.audiences)
  return authority
}

/** Entra's tokens have rules of their own, and Microsoft's documents are never fetched over plain http. */
function refuseMicrosofts({ issuer, url, keysOrigin = url }: IssuerSettings): void {
  const given = { issuer: String(issuer), metadataUrl: url, keysOrigin }
  for (const [name, address] of Object.entries(given)) {
    const instead = entraOptionsFor(address)
    if (instead !== undefined)
      throw new EntraConfigurationError(
        `${name} ${shown(address)} is Microsoft Entra's, whose tokens have rules of their own; give ${instead} in place of issuer`
      )
  }
}

/** The first tenant determines the realm in challenges, and is the one in documents. */
function several(tenants: unknown, shared: Shared): Authority {
  if (!Array.isArray(tenants) || tenants.length === 0 || !tenants.every((each) => typeof each === 'object' && each)) {
    throw new EntraConfigurationError(`tenants ${shown(tenants)} is not allowed; give a list of one tenant or more`)
  }
  const own = tenants.map(ownProperties)
  for (const each of own) refuseUnknown(each, [])
  const [first, ...others] = own.map((each) => one(each, shared)) as [Authority, ...Authority[]]
  const issuers = [...first.issuers, ...others.flatMap((each) => each.issuers)] as [IssuerSettings, ...IssuerSettings[]]
  const names = issuers.map(({ issuer, url }) => (typeof issuer === 'string' ? issuer : url))
  const twice = repeated(names)
  if (twice) throw new EntraConfigurationError(`tenants has ${twice} twice; give each tenant once`)
  refuseAmbiguous(own)
  const algorithms = [...new Set([first, ...others].flatMap((each) => each.algorithms))]
  const warnings = Object.freeze([first, ...others].flatMap((each) => each.warnings))
  const clients = new Map([first, ...others].flatMap((each) => [...each.clients]))
  const insecureHttpHosts = new Set([first, ...others].flatMap((each) => [...each.insecureHttpHosts]))
  const all = { issuers: Object.freeze(issuers), clients, algorithms: Object.freeze(algorithms) }
  return { ...first, ...all, insecureHttpHosts, warnings }
}

/** By `issuer`; an `issuer` that is `undefined`, such as an unset variable, counts if no other option selects a provider. */
function isOidc(options: EntraTenantOptions | OidcOptions): options is OidcOptions {
  return 'issuer' in options && (options.issuer !== undefined || !('tenantId' in options))
}

/** Refuses options that would have no effect: misspelt ones, and Entra's beside `issuer`. */
function refuseUnknown(options: EntraTenantOptions | OidcOptions | TenantsOptions, shared: readonly string[]): void {
  const [main, own] =
    'tenants' in options ? ['tenants', ['tenants']] : isOidc(options) ? ['issuer', oidcNames] : ['', entraNames]
  const names = [...own, ...shared]
  const here = main && ` beside "${main}"`
  rejectUnknown((name) => `there is no option "${name}"${here}`, options, names)
}

/** Until its document is fetched, a domain may be any of the tenants of `organizations`. User flows of one tenant share an issuer. */
function refuseAmbiguous(tenants: readonly Partial<EntraTenantOptions>[]): void {
  const ids = tenants.map(({ tenantId = '' }) => tenantId.toLowerCase())
  const many = ids.find(isMany)
  const domain = ids.find((id) => id.includes('.'))
  if (many && domain)
    throw new EntraConfigurationError(
      `tenants has tenantId "${domain}" beside "${many}", which may include it; give the GUID of that tenant`
    )
  const flows = tenants.flatMap(({ userFlow, authority, tenantId }) => (userFlow ? [`${authority} ${tenantId}`] : []))
  const twice = repeated(flows)
  if (twice)
    throw new EntraConfigurationError(
      `tenants has two user flows of ${twice}, which may share one issuer; give both in one entry, as a list in userFlow`
    )
}
