/** The only reader of the environment: variables → what the server is built from. */
import { isIP } from 'node:net'
import { EntraConfigurationError, type EntraOptions, isSecure } from '../plugin/index.js'

/** Who may read the API's documents. */
export type DocsAccess = 'public' | 'protected' | 'off'

/** What the server is built from. */
export interface ServerConfig {
  readonly entra: EntraOptions
  readonly host: string
  readonly port: number
  readonly logLevel: string
  readonly corsOrigins: readonly string[]
  /** Fastify's `trustProxy`: whose `X-Forwarded-*` headers count. */
  readonly trustProxy: boolean | string[]
  readonly docs: DocsAccess
  readonly graph: GraphConfig
}

/** How the API calls Microsoft Graph for itself. */
export interface GraphConfig {
  readonly url: string
  readonly clientId: string
  /** Absent: the routes behind Graph answer 503 `graph_not_configured`. */
  readonly clientSecret: string | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/** Options of the plugin, by the variable that sets them. */
const optionOf = {
  ENTRA_TENANT_ID: 'tenantId',
  ENTRA_CLIENT_ID: 'clientId',
  ENTRA_CLOUD: 'cloud',
  ENTRA_AUTHORITY: 'authority',
  ENTRA_AUDIENCE: 'audience',
  ENTRA_ALLOWED_CLIENTS: 'allowedClients',
  ENTRA_ROLELESS_CLIENTS: 'rolelessClients',
  KEYS_REFRESH_SECONDS: 'keysRefreshSeconds',
  KEYS_COOLDOWN_SECONDS: 'keysCooldownSeconds',
  KEYS_MAX_STALE_SECONDS: 'keysMaxStaleSeconds',
  KEYS_TIMEOUT_SECONDS: 'keysTimeoutSeconds',
  CLOCK_TOLERANCE_SECONDS: 'clockToleranceSeconds'
} as const satisfies Record<string, keyof EntraOptions>

const lists: ReadonlySet<string> = new Set(['ENTRA_AUDIENCE', 'ENTRA_ALLOWED_CLIENTS', 'ENTRA_ROLELESS_CLIENTS'])
/** Variables of the contract that this version cannot honour: refused, as a setting without effect is a trap. */
const notYet = ['ENTRA_ALLOWED_TENANTS', 'ENTRA_CLIENT_CERTIFICATE', 'OIDC_ISSUER', 'OIDC_AUDIENCE', 'REDIS_URL']
const known: ReadonlySet<string> = new Set([...Object.keys(optionOf), ...notYet, 'ENTRA_CLIENT_SECRET'])
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/**
 * Reads the server's configuration.
 *
 * @param env the environment; a variable that is empty counts as unset
 * @throws EntraConfigurationError with one sentence that names the variable and what to change
 */
export function readConfig(env: Environment): ServerConfig {
  refuseTraps(env)
  const entra = entraOptions(env)
  return {
    entra,
    host: env.HOST || '127.0.0.1',
    port: integer('PORT', env.PORT || '3000', 65_535),
    logLevel: oneOf('LOG_LEVEL', env.LOG_LEVEL || 'info', logLevels),
    corsOrigins: list(env.CORS_ORIGINS).map((origin) => toOrigin('CORS_ORIGINS', origin)),
    trustProxy: toTrustProxy(env.TRUST_PROXY || 'off'),
    docs: oneOf('DOCS', env.DOCS || 'off', ['public', 'protected', 'off']),
    graph: {
      url: secure('GRAPH_URL', toOrigin('GRAPH_URL', env.GRAPH_URL || 'https://graph.microsoft.com')),
      clientId: entra.clientId,
      clientSecret: env.ENTRA_CLIENT_SECRET || undefined
    }
  }
}

/** Settings that would be without the effect that they promise: misspelt, not supported yet, or narrowing to nothing. */
function refuseTraps(env: Environment): void {
  const misspelt = Object.keys(env).find((name) => name.startsWith('ENTRA_') && !known.has(name))
  if (misspelt)
    throw new EntraConfigurationError(`${misspelt} is no variable of this server; it has ${[...known].join(', ')}`)
  const unsupported = notYet.find((name) => env[name])
  if (unsupported) throw new EntraConfigurationError(`${unsupported} is not supported in this version; unset it`)
  const missing = ['ENTRA_TENANT_ID', 'ENTRA_CLIENT_ID'].filter((name) => !env[name])
  if (missing.length === 2) {
    throw new EntraConfigurationError(
      `${missing.join(' and ')} are missing; give the tenant's ID and the API's client ID`
    )
  }
  const empty = env.ENTRA_ALLOWED_CLIENTS === ''
  if (empty) throw new EntraConfigurationError('ENTRA_ALLOWED_CLIENTS is empty; unset it to let any client call')
}

/** The variable's name in place of the option's, for who sets the one and never sees the other. */
export function inTermsOfVariables(message: string): string {
  const variables = new Map<string, string>(Object.entries(optionOf).map(([variable, option]) => [option, variable]))
  return message.replace(
    /\b[a-z]+(?:[A-Z][a-z]+)*\b(?= (?:"|\[|is missing|\d))/g,
    (word) => variables.get(word) ?? word
  )
}

/** The plugin checks values; here text becomes lists and numbers. */
function entraOptions(env: Environment): EntraOptions {
  const options = Object.entries(optionOf).flatMap(([variable, option]) => {
    const text = env[variable]
    return text ? [[option, toValue(variable, text)]] : []
  })
  return Object.fromEntries(options) as EntraOptions
}

function toValue(variable: string, text: string): string | number | readonly string[] {
  if (lists.has(variable)) return list(text)
  if (!variable.endsWith('_SECONDS')) return text
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : text // the plugin refuses text, and says what it was
}

function list(text = ''): readonly string[] {
  const parts = text.split(',').map((part) => part.trim())
  return parts.filter((part) => part !== '')
}

/** A whole number, such as a port. */
export function integer(name: string, text: string, most: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value <= most) return value
  throw new EntraConfigurationError(`${name} "${text}" is not allowed; give a whole number from 0 to ${most}`)
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((value) => value === text)
  if (found) return found
  throw new EntraConfigurationError(`${name} "${text}" is not allowed; give one of ${allowed.join(', ')}`)
}

function toOrigin(name: string, text: string): string {
  if (URL.canParse(text) && new URL(text).origin === text) return text
  throw new EntraConfigurationError(`${name} "${text}" is not allowed; give an origin such as https://app.example`)
}

/** Tokens are sent there. */
function secure(name: string, origin: string): string {
  if (isSecure(new URL(origin))) return origin
  throw new EntraConfigurationError(`${name} "${origin}" is not allowed; give one with https (http on loopback only)`)
}

/** `off`, `on` (any sender: only behind a proxy that nobody can pass by), or addresses and networks, comma-separated. */
function toTrustProxy(text: string): boolean | string[] {
  if (text === 'on' || text === 'off') return text === 'on'
  const addresses = [...list(text)]
  if (addresses.every(isNetwork)) return addresses
  throw new EntraConfigurationError(`TRUST_PROXY "${text}" is not allowed; give on, off, or IP addresses and networks`)
}

function isNetwork(text: string): boolean {
  const [address = '', bits = '0', ...rest] = text.split('/')
  return (
    isIP(address) !== 0 &&
    /^\d{1,3}$/.test(bits) &&
    Number(bits) <= (isIP(address) === 4 ? 32 : 128) &&
    rest.length === 0
  )
}
