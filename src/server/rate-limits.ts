/** Limits of requests, which @fastify/rate-limit counts: in Redis, where instances share one. */
import type {} from '@fastify/rate-limit' // app.createRateLimit, config.rateLimit
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Redis } from 'ioredis'
import {
  keyByAddress,
  keyByClient,
  keyByPrincipal,
  keyByTenant,
  limitRefusedTokens,
  limitRequests
} from '../plugin/index.js'

/** The values of `RATE_LIMIT_BY`: whose requests count together. */
export const limitedByNames = ['principal', 'tenant', 'client'] as const
const limitedBy = { principal: keyByPrincipal, tenant: keyByTenant, client: keyByClient } as const

/** Limits for a minute; none where a member is absent. */
export interface RateLimits {
  /** Requests of each caller; those without one count by address. */
  readonly requests?: { readonly max: number; readonly by: (typeof limitedByNames)[number] }
  /** Refused tokens from each address. */
  readonly badTokens?: number
}

const timeWindow = 60_000
const nameSpace = 'fastify-entra:rate:'

/** Health and readiness are never limited: a platform that got 429 would restart the server. */
const allowList = ({ routeOptions }: FastifyRequest) => routeOptions.config.rateLimit === false

/**
 * Limits refused tokens, so before the plugin is registered. The package is loaded here, so that a server without limits does not load it.
 *
 * @returns what to call after that: it limits requests, whose callers are then known
 */
export async function limitRates(
  app: FastifyInstance,
  { requests, badTokens }: RateLimits,
  redis: Redis | undefined
): Promise<() => void> {
  if (!requests && badTokens === undefined) return () => {}
  const { default: rateLimit } = await import('@fastify/rate-limit')
  await app.register(rateLimit, { global: false, nameSpace, ...(redis && { redis }) })
  const check = (max: number, keyGenerator: (request: FastifyRequest) => string) =>
    app.createRateLimit({ max, timeWindow, keyGenerator, allowList })
  if (badTokens !== undefined) limitRefusedTokens(app, check(badTokens, keyByAddress))
  return () => {
    if (requests) limitRequests(app, check(requests.max, limitedBy[requests.by]))
  }
}
