/** Rate limits, counted by @fastify/rate-limit: callers after their tokens are verified, refused tokens before the next one is. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import cors from '@fastify/cors'
import rateLimit, { type RateLimitPluginOptions } from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import {
  type AuditEvent,
  auditChannelName,
  createTooManyRequests,
  EntraConfigurationError,
  keyByAddress,
  keyByPrincipal,
  keyByTenant,
  limitRefusedTokens,
  limitRequests,
  requireRole,
  verificationChannelName
} from '../../../src/plugin/index.js'
import { until } from '../../faults/waits.js'
import { type Api, type ApiSetup, buildApi, optionsFor, startApi } from '../../support/api.js'
import { checkRefusal } from '../../support/http.js'
import { closing, needsRedis, startRedis, type TestRedis } from '../../support/redis.js'
import { clientId, startTestTenant, tenantId } from '../../support/tenant.js'

const tenant = await startTestTenant(t)
const origin = 'https://app.example'
const limited = { status: 429, code: 'rate_limited', detail: /^Too many requests\./ }

interface Limits {
  readonly requests?: number
  readonly tokens?: number
  readonly package?: RateLimitPluginOptions
}

/** An API with limits of one minute. */
function start(t: Test, { requests, tokens, package: options }: Limits, setup: ApiSetup = {}): Promise<Api> {
  return startApi(t, {
    tenant,
    ...setup,
    before: async (app) => {
      await setup.before?.(app)
      await app.register(rateLimit, { global: false, timeWindow: '1 minute', ...options })
      if (tokens) limitRefusedTokens(app, app.createRateLimit({ max: tokens, keyGenerator: keyByAddress }))
    },
    routes: async (app: FastifyInstance) => {
      if (requests) limitRequests(app, app.createRateLimit({ max: requests, keyGenerator: keyByPrincipal }))
      app.get('/me', async () => 'ok')
      app.get('/admin', { preHandler: requireRole('Admin') }, async () => 'ok')
      app.get('/open', { config: { auth: 'none' } }, async () => 'ok')
      app.get('/optional', { config: { auth: 'optional' } }, async () => 'ok')
    }
  })
}

const statusesOf = async ({ get }: Api, path: string, ...tokens: (string | undefined)[]) => {
  const found: number[] = []
  for (const token of tokens) found.push((await get(path, token)).status)
  return found
}

/** The status of a request from another address of loopback. */
async function statusFrom(localAddress: string, { port }: Api, token: string): Promise<number | undefined> {
  const headers = { authorization: `Bearer ${token}` }
  const asked = request({ port, host: '127.0.0.1', localAddress, path: '/me', headers, agent: false }).end()
  const [answer] = await once(asked, 'response')
  answer.resume()
  return answer.statusCode
}

const other = () => tenant.userToken({ oid: clientId })
const ofLimits = ['ratelimit-policy', 'ratelimit', 'retry-after']

t.test('each caller has a limit, and every response says what is left', async (t) => {
  const api = await start(t, { requests: 2 }, { before: (app) => app.register(cors, { origin }) })
  const mine = await tenant.userToken()
  const [first, second] = [
    await api.get('/me', mine),
    await api.get('/admin', await tenant.v1Token({ uti: 'another' }))
  ]
  t.same([first.status, second.status], [200, 403], 'a request that a guard denies counts, and so does v1')
  for (const [{ headers }, left] of [
    [first, 1],
    [second, 0]
  ] as const) {
    t.equal(headers.get('ratelimit-policy'), '"requests";q=2;w=60')
    t.match(headers.get('ratelimit'), new RegExp(`^"requests";r=${left};t=(60|59|58)$`))
  }
  const third = await api.get('/me', mine, { headers: { origin } })
  checkRefusal(t, third, limited)
  t.match(third.headers.get('ratelimit'), /^"requests";r=0;t=\d+$/)
  t.equal(third.headers.get('retry-after'), /t=(\d+)$/.exec(third.headers.get('ratelimit') ?? '')?.[1])
  t.equal(
    third.headers.get('access-control-expose-headers'),
    'WWW-Authenticate, Retry-After, RateLimit-Policy, RateLimit'
  )
  t.equal((await api.get('/me', mine, { method: 'HEAD' })).status, 429)
  const unknown = await api.get('/nowhere', mine)
  t.same([unknown.status, JSON.parse(unknown.body).code], [429, 'rate_limited'], 'a path without a route')
  t.same(await statusesOf(api, '/me', await other(), await tenant.appToken()), [200, 200])

  const refused = await api.get('/me', 'garbage')
  t.same([refused.status, ...ofLimits.map((name) => refused.headers.get(name))], [401, null, null, null])
  t.same(await statusesOf(api, '/open', undefined, mine, undefined), [200, 200, 429], 'without a caller, by address')
  const preflight = { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'GET' } }
  t.equal((await api.get('/open', undefined, preflight)).status, 204, 'preflights are not counted')
})

t.test('HEAD counts, and an OPTIONS request that is no preflight', async (t) => {
  const api = await start(t, { requests: 2 })
  const token = await tenant.userToken()
  t.equal((await api.get('/me', token, { method: 'HEAD' })).status, 200)
  t.equal((await api.get('/me', token, { method: 'OPTIONS' })).status, 404)
  t.same(await statusesOf(api, '/me', token), [429])
})

t.test('several limits: each has its name, and the first one that is exceeded answers', async (t) => {
  const api = await startApi(t, {
    tenant,
    before: (app) => app.register(rateLimit, { global: false }),
    routes: async (app: FastifyInstance) => {
      limitRequests(app, app.createRateLimit({ max: 1, timeWindow: 1500, keyGenerator: keyByPrincipal }), 'caller')
      limitRequests(app, app.createRateLimit({ max: 2, timeWindow: '1 hour', keyGenerator: keyByTenant }), 'tenant')
      app.get('/me', async () => 'ok')
      const allowList = () => true
      await app.register(async (scope) => {
        limitRequests(scope, app.createRateLimit({ max: 1, keyGenerator: keyByPrincipal, allowList }), 'none')
        scope.get('/none', async () => 'ok')
      })
    }
  })
  const { headers } = await api.get('/none', await tenant.userToken())
  t.equal(headers.get('ratelimit-policy'), '"caller";q=1;w=2, "tenant";q=2;w=3600')
  t.match(headers.get('ratelimit'), /^"caller";r=0;t=[12], "tenant";r=1;t=\d{4}$/)
  const [second, third] = [await api.get('/me', await other()), await api.get('/me', await tenant.appToken())]
  t.same([second.status, third.status], [200, 429])
  t.match(third.headers.get('ratelimit'), /^"caller";r=0;t=[12], "tenant";r=0;t=\d{4}$/)
})

t.test('a 429 is one record of the audit, with the caller, and one answer', async (t) => {
  const events: AuditEvent[] = []
  const listen = (event: unknown) => void events.push(event as AuditEvent)
  subscribe(auditChannelName, listen)
  t.teardown(() => unsubscribe(auditChannelName, listen))
  const api = await start(t, { requests: 1 }, { options: { audit: 'all' } })
  const token = await tenant.userToken()
  t.same(await statusesOf(api, '/admin', token, token), [403, 429])
  const decisions = events.filter(({ event }) => ['authenticated', 'denied', 'refused', 'allowed'].includes(event))
  t.match(decisions, [
    { event: 'authenticated' },
    { event: 'denied', code: 'insufficient_permissions' },
    { event: 'authenticated' },
    { event: 'refused', code: 'rate_limited', status: 429, tenantId, route: 'GET /admin' }
  ])
  t.equal(decisions.length, 4)
})

/** What makes a token one that is refused. */
const refusedTokens = () =>
  Promise.all([
    'garbage',
    tenant.userToken({ exp: 1 }),
    tenant.userToken({ aud: 'another' }, {}),
    tenant.userToken({ scp: undefined }),
    tenant.userToken({ sid: 'revoked' })
  ])

t.test('refused tokens: after as many as the limit none is verified, from that address', async (t) => {
  const revoked = { isRevoked: ({ claims }: { claims: { sid?: unknown } }) => claims.sid === 'revoked' }
  const api = await start(t, { tokens: 5 }, { options: revoked })
  const [good, bad] = [await tenant.userToken(), await refusedTokens()]
  const accepted = Array.from({ length: 8 }, () => good)
  t.same(new Set(await statusesOf(api, '/me', ...accepted)), new Set([200]), 'accepted ones are not counted')
  t.same(new Set(await statusesOf(api, '/admin', ...accepted)), new Set([403]), 'nor are those that a guard denies')
  t.same(new Set(await statusesOf(api, '/me', ...Array(8))), new Set([401]), 'nor are requests without one')
  t.same(await statusesOf(api, '/me', ...bad), [401, 401, 401, 403, 401], 'changing the token does not help')

  let verified = 0
  const count = () => {
    verified += 1
  }
  subscribe(verificationChannelName, count)
  t.teardown(() => unsubscribe(verificationChannelName, count))
  const refused = await api.get('/me', await tenant.userToken({ exp: 1 }))
  checkRefusal(t, refused, limited)
  t.equal(refused.headers.get('ratelimit-policy'), '"refused-tokens";q=5;w=60')
  t.match(refused.headers.get('ratelimit'), /^"refused-tokens";r=0;t=\d+$/)
  t.same(await statusesOf(api, '/me', good), [429], 'nor one that would be accepted')
  t.same(await statusesOf(api, '/optional', good, undefined), [429, 200])
  const forwarded = { headers: { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' } }
  t.equal((await api.get('/me', good, forwarded)).status, 429, 'nor with an address that the client writes')
  t.equal((await api.get('/nowhere', good)).status, 429)
  t.equal((await api.get('/me', good, { method: 'HEAD' })).status, 429)
  t.equal(verified, 0, 'no token was verified')
  t.same(await statusesOf(api, '/open', good, undefined), [200, 200], 'routes where no token is inspected')
  t.same(await statusesOf(api, '/me', undefined), [401], 'and requests without one')

  t.equal(await statusFrom('127.0.0.2', api, good), 200, 'another address is not limited')
  t.same([await statusFrom('127.0.0.2', api, 'garbage'), await statusFrom('127.0.0.2', api, good)], [401, 200])
})

t.test('behind a trusted proxy the address is the one that the proxy names', async (t) => {
  const options = { tenant, app: (await import('fastify')).default({ trustProxy: '127.0.0.1' }) }
  const api = await start(t, { tokens: 1 }, options)
  const from = async (address: string, token: string) =>
    (await api.get('/me', token, { headers: { 'x-forwarded-for': address } })).status
  const good = await tenant.userToken()
  t.same([await from('203.0.113.9', 'garbage'), await from('203.0.113.9', good)], [401, 429])
  t.equal(await from('203.0.113.10', good), 200)
  t.equal(await from('203.0.113.10, 203.0.113.9', good), 429, 'what the client writes before it does not count')
  t.same([await from('2001:db8::1', 'garbage'), await from('2001:db8::ffff:1', good)], [401, 429])
})

t.test('clients that do not wait for an answer are counted as well', async (t) => {
  const api = await start(t, { tokens: 3 })
  for (const _ of Array(3)) {
    const socket = connect(api.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write('GET /me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer garbage\r\n\r\n', () => socket.destroy())
    await once(socket, 'close')
  }
  const good = await tenant.userToken()
  await until('the third one is counted', async () => (await api.get('/me', good)).status === 429)
})

/** Fails at once while there is no connection, as requests wait for it. */
const redisClient = (t: Test, { url }: TestRedis) =>
  closing(t, new Redis(url, { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 2000 }))

t.test(
  'instances share limits in Redis; while it is down nothing is limited, and nothing fails',
  needsRedis,
  async (t) => {
    const server = await startRedis(t)
    const apiWith = async () => {
      const redis = redisClient(t, server)
      await once(redis, 'ready')
      const api = await start(t, { requests: 3, tokens: 2, package: { redis, nameSpace: 'fastify-entra:rate:' } })
      return { api, redis }
    }
    const [{ api: one, redis }, { api: two }] = [await apiWith(), await apiWith()]
    const [good, otherGood, limit] = [
      await tenant.userToken(),
      await other(),
      Array.from({ length: 3 }, () => 'garbage')
    ]
    t.same(
      [await statusesOf(one, '/me', good, good), await statusesOf(two, '/me', good, good)],
      [
        [200, 200],
        [200, 429]
      ]
    )
    t.same(await statusesOf(one, '/me', good, otherGood), [429, 200])
    t.same([await statusesOf(one, '/me', 'garbage'), await statusesOf(two, '/me', ...limit)], [[401], [401, 429, 429]])
    t.same(await statusesOf(one, '/me', otherGood), [429])
    const keys = await redis.keys('*')
    t.equal(keys.length, 3)
    for (const key of keys) {
      t.match(key, /^fastify-entra:rate:[\w-]*(caller|address):[\w-]{43}$/)
      const ttl = await redis.pttl(key)
      t.ok(ttl > 0 && ttl <= 60_000, 'each ends by itself')
    }

    await server.kill()
    await until('the outage', async () => (await one.get('/me', good)).status === 200)
    t.same(
      await statusesOf(one, '/me', good, 'garbage', 'garbage', 'garbage', good, good),
      [200, 401, 401, 401, 200, 200]
    )
    const said = one
      .logged()
      .split('\n')
      .filter((line) => line.includes('a rate limit cannot be checked'))
    t.equal(said.length, 2, 'each of the two limits says so once')
    t.notMatch(said.join(), new RegExp(`${clientId}|${good.slice(-43)}`))
    await server.start()
    await until('the return', async () => (await one.get('/me', good)).status === 429)
  }
)

t.test('with hooks of @fastify/rate-limit itself: its keys and its limits, and the same problem', async (t) => {
  const api = await startApi(t, {
    tenant,
    routes: async (app: FastifyInstance) => {
      const options = { max: 100, enableDraftSpec: true, keyGenerator: keyByPrincipal }
      await app.register(rateLimit, { ...options, errorResponseBuilder: createTooManyRequests })
      app.get('/few', { config: { rateLimit: { max: 1, timeWindow: 800, ban: 0 } } }, async () => 'ok')
    }
  })
  const token = await tenant.userToken()
  t.same(await statusesOf(api, '/few', token, await other()), [200, 200])
  const answer = await api.get('/few', token)
  checkRefusal(t, answer, limited)
  t.same(
    ['ratelimit-limit', 'ratelimit-remaining', 'retry-after'].map((name) => answer.headers.get(name)),
    ['1', '0', '1']
  )
})

t.test('a limit at the wrong place, or of a name that no header takes, stops the start', async (t) => {
  const check = async () => ({ isAllowed: true }) as const
  const build = (place: 'before' | 'routes', limit: (app: FastifyInstance) => void) =>
    buildApi(t, { options: optionsFor(tenant), [place]: limit })
  const rows: [place: 'before' | 'routes', limit: (app: FastifyInstance) => void, message: RegExp][] = [
    ['before', (app) => limitRequests(app, check), /^limitRequests needs fastify-entra, .*; register the plugin first/],
    ['routes', (app) => limitRefusedTokens(app, check), /^limitRefusedTokens comes after .*; call it before/],
    ['routes', (app) => limitRequests(app, check, 'a"b'), /^name "a\\"b" is not allowed; give letters/]
  ]
  for (const [place, limit, message] of rows)
    await t.rejects(build(place, limit), { constructor: EntraConfigurationError, message })
})
