/** Rate limits that @fastify/rate-limit counts: when they are checked, what a client is told, and what happens while the count is unavailable. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { loggedError } from '../lib/logged-error.js'
import type { Logger } from '../lib/logger.js'
import { pluginMark } from '../lib/marks.js'
import { matching } from '../lib/validate.js'
import { refusal } from '../refusals/refusal.js'
import { TooManyRequestsError } from '../refusals/refusal-error.js'
import { authOf } from '../routes/route-auth.js'
import { hasPrincipal } from './request-principal.js'

/** What a check finds: a request that is not limited, or the count of its key. */
export type RateLimitState =
  | { readonly isAllowed: true }
  | {
      readonly isAllowed: false
      /** The most requests of a window. */
      readonly max: number
      /** Length of a window, in milliseconds. */
      readonly timeWindow: number
      readonly remaining: number
      /** Seconds until the window ends. */
      readonly ttlInSeconds: number
      readonly isExceeded: boolean
    }

/** What `app.createRateLimit()` of @fastify/rate-limit returns: counts a request, or with `increment: false` only reads the count. */
export type RateLimitCheck = (
  request: FastifyRequest,
  options?: { readonly increment?: boolean }
) => Promise<RateLimitState>

type Counted = Extract<RateLimitState, { isAllowed: false }>

/**
 * Limits the requests below a Fastify instance, once their callers are known: 429 `rate_limited` for those over the limit. Every response carries
 * `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-11). While the check fails, nothing is limited, and the log says so.
 *
 * @param app the Fastify instance, with the plugin: right after it, as scopes that are loaded earlier do not get the limit
 * @param check `app.createRateLimit({ max, timeWindow, keyGenerator: keyByPrincipal })`
 * @param name of the policy in the headers, if an instance has several. Default: `requests`
 * @throws EntraConfigurationError where the plugin is not registered
 */
export function limitRequests(app: object, check: RateLimitCheck, name = 'requests'): void {
  const instance = app as FastifyInstance
  const policy = matching('name', name, /^[\w-]+$/, 'letters, digits, _ and -')
  if (!(pluginMark in app)) {
    const fix = 'register the plugin first, and await it'
    throw new EntraConfigurationError(`limitRequests needs fastify-entra, which identifies the caller; ${fix}`)
  }
  const attempt = tolerant(check, instance.log)
  instance.addHook('onRequest', async (request, reply) => {
    const found = await attempt(request)
    if (!found) return
    describeLimit(reply, policy, found)
    if (found.isExceeded) throw tooMany(found.ttlInSeconds, reply)
  })
}

/**
 * Limits the tokens that are refused, before the next one is verified: 429 `rate_limited` for each request with a token whose key has as many
 * refused ones as the limit. Counted are those that are not valid, and those whose caller may not call at all; never a request without a
 * token, or one whose token is accepted. Requests that arrive together are checked before any of them is counted. While the check fails,
 * nothing is limited, and the log says so.
 *
 * @param app the Fastify instance, before the plugin is registered
 * @param check `app.createRateLimit({ max, timeWindow, keyGenerator: keyByAddress })`: a key from the token, which is not verified yet, would
 *   let one client use up the limit of another
 * @throws EntraConfigurationError where the plugin is registered already
 */
export function limitRefusedTokens(app: object, check: RateLimitCheck): void {
  const instance = app as FastifyInstance
  if (pluginMark in app) {
    const fix = 'call it before the plugin is registered'
    throw new EntraConfigurationError(`limitRefusedTokens comes after fastify-entra, which verifies tokens; ${fix}`)
  }
  const attempt = tolerant(check, instance.log)
  const checkBefore = async (request: FastifyRequest, reply: FastifyReply) => {
    const found = await attempt(request, { increment: false })
    if (!found || found.remaining > 0) return
    describeLimit(reply, 'refused-tokens', found)
    throw tooMany(found.ttlInSeconds, reply)
  }
  // With callbacks: an async hook costs a promise even if there is nothing to do.
  instance.addHook('onRequest', (request, reply, done) => {
    if (hasToken(request)) checkBefore(request, reply).then(() => done(), done)
    else done()
  })
  // Before the response is sent: a client that waits for it has been counted.
  instance.addHook('onSend', (request, reply, _payload, done) => {
    if (isTokenRefused(request, reply)) attempt(request).then(() => done(), done)
    else done()
  })
}

/**
 * `errorResponseBuilder` of @fastify/rate-limit, where its own hooks limit: 429 with problem details, as for every refusal, also where it bans.
 *
 * @param context `ttl`: milliseconds until the window ends
 */
export function createTooManyRequests(_request: unknown, { ttl }: { readonly ttl: number }): TooManyRequestsError {
  return tooMany(Math.ceil(ttl / 1000))
}

/** @param reply gets `Retry-After` now, as the plugin does not respond where there is no route */
function tooMany(seconds: number, reply?: FastifyReply): TooManyRequestsError {
  const retryAfterSeconds = Math.max(1, seconds)
  reply?.header('retry-after', retryAfterSeconds)
  return new TooManyRequestsError(refusal('rate_limited', { retryAfterSeconds }))
}

/** Whether the plugin may have a token to verify. */
function hasToken({ headers, routeOptions }: FastifyRequest): boolean {
  return headers.authorization !== undefined && authOf(routeOptions.config) !== 'none'
}

/** A guard's 403 has a caller; so has a revoked token, whose challenge says that it is not valid. */
function isTokenRefused(request: FastifyRequest, reply: FastifyReply): boolean {
  if (reply.statusCode !== 401 && reply.statusCode !== 403) return false
  const challenge = String(reply.getHeader('www-authenticate'))
  if (reply.statusCode === 401) return challenge.includes('error="invalid_token"')
  return challenge.includes('error="insufficient_scope"') && !hasPrincipal(request)
}

/** Resolves to nothing where a request is not limited, or its count unavailable: the outage of a store must not become one of the API. */
function tolerant(check: RateLimitCheck, log: Logger) {
  let isFailing = false
  return async (...asked: Parameters<RateLimitCheck>): Promise<Counted | undefined> => {
    try {
      const found = await check(...asked)
      isFailing = false
      return found.isAllowed ? undefined : found
    } catch (error) {
      if (!isFailing) log.error({ err: loggedError(error) }, 'a rate limit cannot be checked, and limits nothing')
      isFailing = true
      return undefined
    }
  }
}

/** As Structured Fields (RFC 9651): a list with one member for each limit. */
function describeLimit(reply: FastifyReply, name: string, { max, timeWindow, remaining, ttlInSeconds }: Counted): void {
  const add = (header: string, text: string) =>
    reply.header(header, [...[reply.getHeader(header) ?? []].flat(), text].join(', '))
  add('ratelimit-policy', `"${name}";q=${max};w=${Math.ceil(timeWindow / 1000)}`)
  add('ratelimit', `"${name}";r=${remaining};t=${ttlInSeconds}`)
}
