/** Options → frozen settings, checked once, at registration. Nothing is guessed, and nothing has a default that accepts. */
import { type AuthorityOptions, issuersOf } from './authority.js'
import { EntraConfigurationError } from './errors.js'
import type { IssuerSettings } from './issuers.js'
import { guid, matching, personalAccounts, shown, texts, within } from './option-checks.js'
import type { KeyTimings } from './types.js'

/** What `app.register(entra, options)` takes. */
export interface EntraOptions extends AuthorityOptions {
  /** Directory (tenant) ID, a GUID, or a verified domain of the tenant. Required. */
  tenantId: string
  /** Application (client) ID of this API's app registration. Required. */
  clientId: string
  /** Accepted `aud` values (RFC 7519 §4.1.3). Default: the client ID and `api://` + the client ID. */
  audience?: string | readonly string[]
  /** `azp`/`appid` values that may call this API. Narrows, never grants. Default: any. */
  allowedClients?: readonly string[]
  /** The only clients whose tokens may carry neither scopes nor roles. Default: none. */
  rolelessClients?: readonly string[]
  /** Accepted signature algorithms (RFC 7518 §3.1). Entra signs with RS256 and nothing else. Default: `['RS256']`. */
  algorithms?: readonly 'RS256'[]
  /** Seconds between two background refreshes of the keys. Default: 3600. From 1 to 86400. */
  keysRefreshSeconds?: number
  /** Least seconds between two refreshes asked for by unknown `kid`s. Default: 30. From 1 to 3600. */
  keysCooldownSeconds?: number
  /** Seconds for which the last good keys serve an outage. Default: 86400. From 1 to 2147483. */
  keysMaxStaleSeconds?: number
  /** Seconds for one fetch, from connect to the last byte. Default: 5. From 0.1 to 60. */
  keysTimeoutSeconds?: number
  /** Seconds of tolerance for `exp` and `nbf` (RFC 7519 §4.1.4). Default: 60. From 0 to 600. */
  clockToleranceSeconds?: number
}

/** The options, checked and completed. */
export interface Settings {
  readonly clientId: string
  readonly audiences: readonly string[]
  readonly allowedClients: ReadonlySet<string> | undefined
  readonly rolelessClients: ReadonlySet<string>
  readonly algorithms: readonly 'RS256'[]
  /** v2 first. */
  readonly issuers: readonly [IssuerSettings, ...IssuerSettings[]]
  /** The App ID URI: scopes are asked for with it, and challenges name it as their realm. */
  readonly scopeBase: string
  readonly keyTimings: KeyTimings
  readonly keysTimeoutSeconds: number
  readonly clockToleranceSeconds: number
}

const domain = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/i
/** Names for many directories at once, and the one that all personal accounts share. */
const notOneTenant: ReadonlySet<string> = new Set([...['common', 'organizations', 'consumers'], personalAccounts])
/** A timer cannot wait for longer (Node: `setTimeout`, 2^31 - 1 milliseconds). */
const maxSeconds = 2_147_483

/** Bounds and default of each option in seconds. */
const seconds = {
  keysRefreshSeconds: { least: 1, most: 86_400, default: 3600 },
  keysCooldownSeconds: { least: 1, most: 3600, default: 30 },
  keysMaxStaleSeconds: { least: 1, most: maxSeconds, default: 86_400 },
  keysTimeoutSeconds: { least: 0.1, most: 60, default: 5 },
  clockToleranceSeconds: { least: 0, most: 600, default: 60 }
} as const

const names: ReadonlySet<string> = new Set([
  ...['tenantId', 'clientId', 'audience', 'allowedClients', 'rolelessClients', 'cloud', 'authority', 'algorithms'],
  ...Object.keys(seconds)
])

/**
 * Checks the options.
 *
 * @throws EntraConfigurationError with one sentence that names the option, the value and what to change
 */
export function toSettings(options: EntraOptions): Settings {
  const unknown = Object.keys(options).find((name) => !names.has(name))
  if (unknown !== undefined)
    throw new EntraConfigurationError(`there is no option "${unknown}"; the options are ${[...names].join(', ')}`)
  const tenantId = toTenantId(options.tenantId)
  const clientId = matching(
    'clientId',
    options.clientId,
    guid,
    'the application (client) ID of the API, a GUID'
  ).toLowerCase()
  const audiences = audiencesOf(options.audience, clientId)
  return Object.freeze({
    clientId,
    audiences,
    scopeBase: audiences.find((audience) => audience.includes('://')) ?? `api://${clientId}`,
    allowedClients: clientIds('allowedClients', options),
    rolelessClients: clientIds('rolelessClients', options) ?? new Set(),
    algorithms: algorithmsOf(options.algorithms),
    issuers: issuersOf(options, tenantId),
    keyTimings: keyTimings(options),
    keysTimeoutSeconds: inSeconds('keysTimeoutSeconds', options),
    clockToleranceSeconds: inSeconds('clockToleranceSeconds', options)
  })
}

function keyTimings(options: EntraOptions): KeyTimings {
  return Object.freeze({
    refreshSeconds: inSeconds('keysRefreshSeconds', options),
    cooldownSeconds: inSeconds('keysCooldownSeconds', options),
    maxStaleSeconds: inSeconds('keysMaxStaleSeconds', options)
  })
}

/** Client IDs are GUIDs, which have no case; Entra writes them in lower case. */
function clientIds(name: 'allowedClients' | 'rolelessClients', options: EntraOptions): ReadonlySet<string> | undefined {
  const ids = options[name]
  return ids === undefined
    ? undefined
    : new Set(
        texts(name, ids).map((id) => matching(name, id, guid, 'application (client) IDs, each a GUID').toLowerCase())
      )
}

function toTenantId(tenantId: unknown): string {
  if (typeof tenantId === 'string' && notOneTenant.has(tenantId.toLowerCase())) {
    throw new EntraConfigurationError(
      `tenantId "${tenantId}" lets every tenant in without a list of tenants; name the one tenant that may call`
    )
  }
  const wanted = 'the directory (tenant) ID, a GUID, or a verified domain of the tenant'
  const either = new RegExp(`${guid.source}|${domain.source}`, 'i')
  return matching('tenantId', tenantId, either, wanted).toLowerCase()
}

function audiencesOf(audience: string | readonly string[] | undefined, clientId: string): readonly string[] {
  if (audience === undefined) return Object.freeze([clientId, `api://${clientId}`])
  return texts('audience', typeof audience === 'string' ? [audience] : audience)
}

function algorithmsOf(algorithms: readonly string[] = ['RS256']): readonly 'RS256'[] {
  if (Array.isArray(algorithms) && algorithms.length === 1 && algorithms[0] === 'RS256') return Object.freeze(['RS256'])
  throw new EntraConfigurationError(
    `algorithms ${shown(algorithms)} is not allowed; Entra signs with RS256 only, so leave the option out`
  )
}

function inSeconds(name: keyof typeof seconds, options: EntraOptions): number {
  return within(name, options[name], seconds[name])
}
