/** Options → frozen settings, checked once, at registration. Nothing is guessed, and nothing has a default that accepts. */
import { type AuditLevel, auditLevels } from './audit.js'
import { type EntraTenantOptions, entraAuthority, entraNames } from './entra-options.js'
import { EntraConfigurationError } from './errors.js'
import type { IssuerSettings } from './issuers.js'
import type { Algorithm } from './jwks.js'
import { type OidcOptions, oidcAuthority, oidcNames } from './oidc-options.js'
import { shown, within } from './option-checks.js'
import type { TokenCacheOptions } from './token-cache.js'
import { tokenCacheOf } from './token-cache-options.js'
import type { KeyTimings } from './types.js'

/** The options in seconds, whoever issues the tokens. */
export interface TimeOptions {
  /** Seconds between two background refreshes of the keys. Default: 3600. From 1 to 86400. */
  keysRefreshSeconds?: number
  /** Least seconds between two refreshes asked for by unknown `kid`s. Default: 30. From 1 to 3600. */
  keysCooldownSeconds?: number
  /** Seconds for which the last good keys serve an outage. Default: 86400. From 1 to 2147483. */
  keysMaxStaleSeconds?: number
  /** Seconds for one fetch, from connect to the last byte. Default: 5. From 0.1 to 60. */
  keysTimeoutSeconds?: number
  /** Seconds of tolerance for `exp`, `nbf` and `iat` (RFC 7519 §4.1.4). Default: 60. From 0 to 600. */
  clockToleranceSeconds?: number
}

/** What is remembered between requests, whoever issues the tokens. */
export interface MemoryOptions {
  /** Bounds of the cache of verified tokens; `false`: none is remembered, and every request's signature is verified. */
  tokenCache?: false | TokenCacheOptions
}

/** What is written down, whoever issues the tokens. */
export interface AuditOptions {
  /** Decisions that are logged: `off`, `refusals`, or `all`. Default: `refusals`. */
  audit?: AuditLevel
}

/** Several tenants or providers for one API, each with an audience and rules of its own. */
export interface TenantsOptions {
  /** One or more. The `iss` of a token picks one of them; a key of one never verifies a token of another. */
  tenants: readonly (EntraTenantOptions | OidcOptions)[]
}

/** What `app.register(entra, options)` takes: an Entra tenant, another OpenID provider, or several of these. */
export type EntraOptions = (EntraTenantOptions | OidcOptions | TenantsOptions) &
  TimeOptions &
  MemoryOptions &
  AuditOptions

/** Who is trusted, as configured. */
export interface Authority {
  /** The one that every product has comes first. */
  readonly issuers: readonly [IssuerSettings, ...IssuerSettings[]]
  /** What any of them may sign with. */
  readonly algorithms: readonly Algorithm[]
  /** Accepted `aud` values; of several tenants', the first one's, as for the clients below. */
  readonly audiences: readonly string[]
  /** Clients that may call; `undefined`: any. */
  readonly allowedClients: ReadonlySet<string> | undefined
  /** The only clients whose tokens may carry neither scopes nor roles. */
  readonly rolelessClients: ReadonlySet<string>
  /** What this API is called in challenges (RFC 9110 §11.5). */
  readonly realm: string
  /** The App ID URI that Entra's clients put before a scope's name; elsewhere scopes are asked for by their names. */
  readonly scopeBase: string | undefined
  /** What the operator must know at the start. */
  readonly warnings: readonly string[]
}

/** The options, checked and completed. */
export interface Settings extends Authority {
  readonly keyTimings: KeyTimings
  readonly keysTimeoutSeconds: number
  readonly clockToleranceSeconds: number
  readonly tokenCache: Required<TokenCacheOptions> | undefined
  readonly audit: AuditLevel
}

/** A timer cannot wait for longer (Node: `setTimeout`, 2^31 - 1 milliseconds). */
const maxSeconds = 2_147_483

/** Bounds and default of each option in seconds. */
const seconds = {
  keysRefreshSeconds: { least: 1, most: 86_400, default: 3600 },
  keysCooldownSeconds: { least: 1, most: 3600, default: 30 },
  keysMaxStaleSeconds: { least: 1, most: maxSeconds, default: 86_400 },
  keysTimeoutSeconds: { least: 0.1, most: 60, default: 5 },
  clockToleranceSeconds: { least: 0, most: 600, default: 60 }
} as const satisfies Record<keyof TimeOptions, object>

/**
 * Checks the options.
 *
 * @throws EntraConfigurationError with one sentence that names the option, the value and what to change
 */
export function toSettings(options: EntraOptions): Settings {
  const shared = [...Object.keys(seconds), 'tokenCache', 'audit']
  refuseUnknown(options, shared)
  const keysTimeoutSeconds = inSeconds('keysTimeoutSeconds', options)
  return Object.freeze({
    ...('tenants' in options ? several(options.tenants, keysTimeoutSeconds) : one(options, keysTimeoutSeconds)),
    keyTimings: keyTimings(options),
    keysTimeoutSeconds,
    clockToleranceSeconds: inSeconds('clockToleranceSeconds', options),
    tokenCache: tokenCacheOf(options.tokenCache),
    audit: auditOf(options.audit)
  })
}

function one(options: EntraTenantOptions | OidcOptions, timeoutSeconds: number): Authority {
  return isOidc(options) ? oidcAuthority(options) : entraAuthority(options, timeoutSeconds)
}

/** The first one gives the API its name in challenges, and its place in documents. */
function several(tenants: unknown, timeoutSeconds: number): Authority {
  if (!Array.isArray(tenants) || tenants.length === 0 || !tenants.every((each) => typeof each === 'object' && each)) {
    throw new EntraConfigurationError(`tenants ${shown(tenants)} is not allowed; give a list of one tenant or more`)
  }
  for (const each of tenants) refuseUnknown(each, [])
  const [first, ...others] = tenants.map((each) => one(each, timeoutSeconds)) as [Authority, ...Authority[]]
  const issuers = [...first.issuers, ...others.flatMap((each) => each.issuers)] as [IssuerSettings, ...IssuerSettings[]]
  const names = issuers.map(({ issuer, url }) => (typeof issuer === 'string' ? issuer : url))
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice) throw new EntraConfigurationError(`tenants has ${twice} twice; give each tenant once`)
  const algorithms = [...new Set([first, ...others].flatMap((each) => each.algorithms))]
  const warnings = Object.freeze([first, ...others].flatMap((each) => each.warnings))
  return { ...first, issuers: Object.freeze(issuers), algorithms: Object.freeze(algorithms), warnings }
}

/** By `issuer`; one that is `undefined`, such as an unset variable, counts where nothing else says who is meant. */
function isOidc(options: EntraTenantOptions | OidcOptions): options is OidcOptions {
  return 'issuer' in options && (options.issuer !== undefined || !('tenantId' in options))
}

/** A misspelt option, or one of Entra's beside `issuer`, would be without the effect that it promises. */
function refuseUnknown(options: EntraTenantOptions | OidcOptions | TenantsOptions, shared: readonly string[]): void {
  const [main, own] =
    'tenants' in options ? ['tenants', ['tenants']] : isOidc(options) ? ['issuer', oidcNames] : ['', entraNames]
  const names = [...own, ...shared]
  const unknown = Object.keys(options).find((name) => !names.includes(name))
  if (unknown === undefined) return
  const here = main && ` beside "${main}"`
  throw new EntraConfigurationError(`there is no option "${unknown}"${here}; the options are ${names.join(', ')}`)
}

function auditOf(level: AuditLevel = 'refusals'): AuditLevel {
  if (auditLevels.includes(level)) return level
  throw new EntraConfigurationError(`audit ${shown(level)} is not allowed; give one of ${auditLevels.join(', ')}`)
}

function keyTimings(options: TimeOptions): KeyTimings {
  return Object.freeze({
    refreshSeconds: inSeconds('keysRefreshSeconds', options),
    cooldownSeconds: inSeconds('keysCooldownSeconds', options),
    maxStaleSeconds: inSeconds('keysMaxStaleSeconds', options)
  })
}

function inSeconds(name: keyof typeof seconds, options: TimeOptions): number {
  return within(name, options[name], seconds[name])
}
