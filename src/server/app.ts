/** Builds the API. Never listens: `main.ts` does. */
import { randomUUID } from 'node:crypto'
import cors, { type FastifyCorsOptionsDelegate } from '@fastify/cors'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Redis } from 'ioredis'
import entra, { type EntraOptions, type KeySourceOptions, RedisRevocations } from '../plugin/index.js'
import type { ServerConfig } from './config/config.js'
import { endConnections } from './connections.js'
import { registerDocument } from './document.js'
import { createGraph } from './graph/graph.js'
import { KeysFile } from './keys-file.js'
import { answerClientError, answerFrameworkError, setProblemHandlers } from './problems.js'
import { loggerOptions } from './process/logging.js'
import { limitRates } from './rate-limits.js'
import { connectRedis, logRedis } from './redis/redis.js'
import { cacheClient } from './redis/redis-cache.js'
import { callerRoutes } from './routes/caller.js'
import { docsRoutes } from './routes/docs.js'
import { metricsRoutes } from './routes/metrics.js'
import { ownRoutes } from './routes/own.js'
import { publicRoutes } from './routes/public.js'
import { usersRoutes } from './routes/users.js'
import { setSecurityHeaders } from './security-headers.js'

/** The deadline of a request, from its first byte to its last; Fastify has none by default. */
const requestTimeoutMs = 30_000

/** Entra's access tokens live for 60 to 90 minutes (Microsoft: "Configurable token lifetimes"). */
const tokenSeconds = 2 * 60 * 60

/**
 * The API, ready for `listen()` or `inject()`.
 *
 * @param log where lines of the log are written; default: stdout
 * @throws EntraConfigurationError when the plugin's options are invalid
 */
export async function buildApp(
  config: Omit<ServerConfig, 'host' | 'port' | 'shutdownDelaySeconds'>,
  log?: { write(line: string): void }
): Promise<FastifyInstance> {
  const app = Fastify({
    logger: { ...loggerOptions(config.logLevel), ...(log && { stream: log }) },
    genReqId: () => randomUUID(), // never the client's: audits refer to it
    trustProxy: config.trustProxy,
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerClientError,
    forceCloseConnections: 'idle',
    requestTimeout: requestTimeoutMs,
    ...(config.maxHeaderBytes !== undefined && { http: { maxHeaderSize: config.maxHeaderBytes } })
  })
  setProblemHandlers(app)
  const shutdown = endConnections(app)
  // RFC 9110 §10.1.1: an unknown expectation may be ignored; Node would respond with 417 without a body.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  setSecurityHeaders(app)
  // Before the plugin: preflights carry no token, and a browser can read a refusal only with CORS headers.
  if (config.corsOrigins.length > 0) {
    await app.register(cors, () => corsOptions(config))
  }
  const redis = config.redis && logRedis(await connectRedis(config.redis), app.log)
  app.addHook('onClose', () => redis?.disconnect())
  const limitCallers = await limitRates(app, config.rateLimits, redis)
  await app.register(entra, {
    ...config.entra,
    ...(redis && shared(config.entra, redis)),
    ...keysOf(app, config.keysFile),
    strictRoutes: true
  })
  limitCallers()
  await registerDocument(app)
  const graph = createGraph(config.graph, app.entra.tokenForApp)
  app.addHook('onClose', () => graph.close())
  await app.register(publicRoutes, { redis, shutdown, hasDocs: config.docs !== 'off' })
  await app.register(callerRoutes)
  await app.register(ownRoutes, { graph })
  await app.register(usersRoutes, { graph })
  if (config.metrics !== 'off') await app.register(metricsRoutes, { access: config.metrics })
  if (config.docs !== 'off') {
    const auth = config.docs === 'public' ? 'none' : 'required'
    await app.register(docsRoutes, { auth, clientId: config.docsClientId })
  }
  return app
}

/** Keys of the last process, and for the next one. */
function keysOf(app: FastifyInstance, path: string | undefined): KeySourceOptions {
  if (path === undefined) return {}
  const file = new KeysFile(path)
  app.addHook('onClose', () => file.idle())
  return file.options
}

/** What instances share: revocations, and users' tokens for other APIs. */
function shared(options: EntraOptions, redis: Redis): object {
  const sharedCache = cacheClient(redis, { ttlSeconds: tokenSeconds, keyPrefix: '' })
  const downstream = 'downstream' in options && { ...options.downstream, sharedCache }
  return { isRevoked: new RedisRevocations(redis).isRevoked, ...(downstream && { downstream }) }
}

/** Only a preflight needs no token; any other OPTIONS request is handled like all requests. */
function corsOptions({
  corsOrigins,
  rateLimits
}: Pick<ServerConfig, 'corsOrigins' | 'rateLimits'>): FastifyCorsOptionsDelegate {
  const ofLimits = Object.keys(rateLimits).length > 0 ? ['RateLimit-Policy', 'RateLimit'] : []
  const exposedHeaders = ['WWW-Authenticate', 'Retry-After', ...ofLimits]
  const options = { origin: [...corsOrigins], exposedHeaders }
  return (request, callback) => {
    callback(null, { ...options, preflight: request.headers['access-control-request-method'] !== undefined })
  }
}
