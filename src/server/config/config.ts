/** Parses the environment variables into the server's configuration. No other module reads them. */
import { hasCredential } from '../../plugin/environment/credentials.js'
import { optionVariables, readOptions } from '../../plugin/environment/read-options.js'
import { type RedisAddress, toRedis } from '../../plugin/environment/redis-address.js'
import { type Environment, oneOf } from '../../plugin/environment/values.js'
import { EntraConfigurationError, type EntraOptions } from '../../plugin/index.js'
import { limitedByNames, type RateLimits } from '../rate-limits.js'
import type { MetricsAccess } from '../routes/metrics.js'
import { refuseMisspelt } from './misspelt.js'
import { integer, origins, secure, toClientId, toHost, toOrigin, toTrustProxy } from './variables.js'

/** Who may read the API's documents: the values of `DOCS`. */
export type DocsAccess = 'public' | 'protected' | 'off'

/** The server's configuration. */
export interface ServerConfig {
  readonly entra: EntraOptions
  /** The most bytes of a request's headers; more is a 431. Default: Node's own, 16 KiB. */
  readonly maxHeaderBytes?: number
  readonly host: string
  readonly port: number
  /** Seconds between SIGTERM and the end of the port, for load balancers to learn that the instance is not ready. Default: 0. */
  readonly shutdownDelaySeconds: number
  readonly logLevel: string
  readonly corsOrigins: readonly string[]
  /** Fastify's `trustProxy`: whose `X-Forwarded-*` headers are trusted. */
  readonly trustProxy: boolean | string[]
  readonly docs: DocsAccess
  /** Who may read `GET /metrics`. Default: `off`, nothing is measured. */
  readonly metrics: MetricsAccess | 'off'
  /** Client ID of the single-page application with which users sign in at `/docs`. */
  readonly docsClientId: string | undefined
  readonly graph: GraphConfig
  /** Path of the file with the keys that the last process fetched; absent: each start needs the tenant. */
  readonly keysFile: string | undefined
  /** The Redis that instances share; absent: nothing is shared, and no token can be revoked. */
  readonly redis: RedisAddress | undefined
  /** Default: no limit. */
  readonly rateLimits: RateLimits
}

/** How the API calls Microsoft Graph. */
export interface GraphConfig {
  readonly url: string
  readonly clientId: string
  /** False without a credential: the routes that use Graph respond with 503 `graph_not_configured`. */
  readonly isConfigured: boolean
}

/** From Node's own limit, so that every token that fits today still does, to more than a request should have. */
const [nodesHeaderBytes, mostHeaderBytes] = [16_384, 1_048_576] as const
/** More in a minute is no limit that protects anything. */
const mostRequests = 1_000_000
/** Longer than any load balancer takes; platforms kill a process that takes longer than they expect. */
const mostShutdownDelay = 300
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/**
 * Reads the server's configuration.
 *
 * @param env the environment; a variable that is empty counts as unset
 * @throws EntraConfigurationError with one sentence that names the variable and what to change
 */
export function readConfig(given: Environment): ServerConfig {
  const env: Environment = Object.assign(Object.create(null), given) // inherited properties are not settings
  refuseMisspelt(env, [...optionVariables, 'KEYS_FILE'])
  return {
    entra: readOptions(env),
    ...(env.MAX_HEADER_BYTES && {
      maxHeaderBytes: integer('MAX_HEADER_BYTES', env.MAX_HEADER_BYTES, mostHeaderBytes, nodesHeaderBytes)
    }),
    host: toHost('HOST', env.HOST || '127.0.0.1'),
    port: integer('PORT', env.PORT || '3000', 65_535),
    shutdownDelaySeconds: integer('SHUTDOWN_DELAY_SECONDS', env.SHUTDOWN_DELAY_SECONDS || '0', mostShutdownDelay),
    logLevel: oneOf('LOG_LEVEL', env.LOG_LEVEL || 'info', logLevels),
    corsOrigins: origins('CORS_ORIGINS', env.CORS_ORIGINS),
    trustProxy: toTrustProxy(env.TRUST_PROXY || 'off'),
    docs: oneOf('DOCS', env.DOCS || 'off', ['public', 'protected', 'off']),
    metrics: oneOf('METRICS', env.METRICS || 'off', ['token', 'public', 'off']),
    docsClientId: toClientId('DOCS_CLIENT_ID', env.DOCS_CLIENT_ID),
    graph: {
      url: secure('GRAPH_URL', toOrigin('GRAPH_URL', env.GRAPH_URL || 'https://graph.microsoft.com')),
      clientId: env.ENTRA_CLIENT_ID || '',
      isConfigured: hasCredential(env)
    },
    keysFile: env.KEYS_FILE || undefined,
    redis: toRedis('REDIS_URL', env.REDIS_URL),
    rateLimits: toRateLimits(env)
  }
}

function toRateLimits(env: Environment): RateLimits {
  if (env.RATE_LIMIT_BY && !env.RATE_LIMIT)
    throw new EntraConfigurationError('RATE_LIMIT_BY has no effect without RATE_LIMIT; give both, or unset it')
  if (env.BAD_TOKEN_LIMIT && env.TRUST_PROXY === 'on')
    throw new EntraConfigurationError(
      'BAD_TOKEN_LIMIT counts addresses, which clients choose with TRUST_PROXY "on"; give TRUST_PROXY the addresses of the proxies'
    )
  const perMinute = (name: string, text: string) => integer(name, text, mostRequests, 1)
  return {
    ...(env.RATE_LIMIT && {
      requests: {
        max: perMinute('RATE_LIMIT', env.RATE_LIMIT),
        by: oneOf('RATE_LIMIT_BY', env.RATE_LIMIT_BY || 'principal', limitedByNames)
      }
    }),
    ...(env.BAD_TOKEN_LIMIT && { badTokens: perMinute('BAD_TOKEN_LIMIT', env.BAD_TOKEN_LIMIT) })
  }
}
