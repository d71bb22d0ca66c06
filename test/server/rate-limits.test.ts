/** The limits of the server, by its variables. */
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildApp } from '../../src/server/app.js'
import { readConfig } from '../../src/server/config/config.js'
import { environmentFor } from '../../src/server/environment.js'
import { startTenant } from '../../src/tenant/index.js'
import { until } from '../faults/waits.js'
import { checkRefusal } from '../support/http.js'
import { needsRedis, startRedis } from '../support/redis.js'
import { appToken, userToken } from '../support/server.js'

const tenant = await startTenant({ port: 0 })
t.teardown(() => tenant.close())
const tokens = {
  user: await userToken(tenant, 'user@contoso.example'),
  admin: await userToken(tenant, 'admin@contoso.example'),
  daemon: await appToken(tenant, 'daemon')
}
const limited = { status: 429, code: 'rate_limited', detail: /^Too many requests\./ }

interface Asked {
  readonly token?: string
  readonly method?: 'GET' | 'HEAD' | 'OPTIONS'
  readonly headers?: Record<string, string>
  /** Where the connection comes from. */
  readonly from?: string
}

async function start(t: Test, env: Record<string, string>) {
  const app = await buildApp(readConfig({ ...environmentFor(tenant), LOG_LEVEL: 'silent', ...env }))
  t.teardown(() => app.close())
  return { app, ask: asking(app) }
}

const asking =
  (app: FastifyInstance) =>
  async (url: string, given: Asked = {}) => {
    const { token, method = 'GET', from = '192.0.2.1' } = given
    const headers = { ...given.headers, ...(token && { authorization: `Bearer ${token}` }) }
    const answer = await app.inject({ method, url, headers, remoteAddress: from })
    const pairs = Object.entries(answer.headers).map(([name, value]) => [name, String(value)] as [string, string])
    return { status: answer.statusCode, headers: new Headers(pairs), body: answer.body }
  }

t.test('RATE_LIMIT: requests of each caller, but health and preflights', async (t) => {
  const { ask } = await start(t, { RATE_LIMIT: '3', CORS_ORIGINS: 'https://app.example', DOCS: 'public' })
  const { user, daemon, admin } = tokens
  const origin = { origin: 'https://app.example' }
  const preflight = { ...origin, 'access-control-request-method': 'GET' }
  const first = await ask('/me', { token: user, headers: origin })
  t.same([first.status, first.headers.get('ratelimit')?.slice(0, -2)], [200, '"requests";r=2;t='])
  t.equal(first.headers.get('ratelimit-policy'), '"requests";q=3;w=60')
  t.equal(
    first.headers.get('access-control-expose-headers'),
    'WWW-Authenticate, Retry-After, RateLimit-Policy, RateLimit'
  )
  t.equal((await ask('/role-protected', { token: user })).status, 403)
  t.equal((await ask('/nowhere', { token: user, method: 'HEAD' })).status, 404)
  for (const [url, method] of [
    ['/me', 'GET'],
    ['/nowhere', 'GET'],
    ['/me', 'OPTIONS']
  ] as const) {
    const answer = await ask(url, { token: user, method, headers: origin, from: '192.0.2.2' })
    checkRefusal(t, answer, limited)
    t.match(answer.headers.get('retry-after'), /^[1-6]?\d$/)
    t.equal(answer.headers.get('access-control-allow-origin'), origin.origin)
    t.ok(answer.headers.get('content-security-policy'))
  }
  t.same([(await ask('/me', { token: admin })).status, (await ask('/users', { token: daemon })).status], [200, 200])
  for (let times = 0; times < 5; times += 1) {
    t.same([(await ask('/healthz')).status, (await ask('/readyz')).status], [200, 200])
    t.equal((await ask('/me', { method: 'OPTIONS', headers: preflight })).status, 204)
    t.equal((await ask('/me', { token: 'garbage' })).status, 401, 'refused tokens have a limit of their own')
  }
  t.equal((await ask('/healthz')).headers.get('ratelimit'), null)
  const open = ['/', '/unprotected', '/openapi.json', '/unprotected']
  const statuses: number[] = []
  for (const url of open) statuses.push((await ask(url)).status)
  t.same(statuses, [200, 200, 200, 429], 'without a caller, by address')
  t.equal((await ask('/unprotected', { from: '192.0.2.2' })).status, 200)
})

t.test('RATE_LIMIT_BY: all callers of a client, or of a tenant', async (t) => {
  for (const [by, last] of [
    ['client', 200],
    ['tenant', 429]
  ] as const) {
    const { ask } = await start(t, { RATE_LIMIT: '2', RATE_LIMIT_BY: by })
    const statuses: number[] = []
    for (const token of [tokens.user, tokens.admin, tokens.user, tokens.daemon])
      statuses.push((await ask('/protected', { token })).status)
    t.same(statuses, [200, 200, 429, last], by)
  }
})

t.test('BAD_TOKEN_LIMIT: a flood of bad tokens ends, and other addresses go on', async (t) => {
  const { ask } = await start(t, { BAD_TOKEN_LIMIT: '2' })
  const forged = `${tokens.user.slice(0, -20)}${'A'.repeat(20)}`
  const flood: number[] = []
  for (const token of ['garbage', forged, forged, tokens.user, 'others']) {
    const headers = { 'x-forwarded-for': `203.0.113.${flood.length}` }
    flood.push((await ask('/me', { token, headers })).status)
  }
  t.same(flood, [401, 401, 429, 429, 429])
  checkRefusal(t, await ask('/me', { token: forged }), limited)
  checkRefusal(t, await ask('/nowhere', { token: forged }), limited)
  for (const path of ['/unprotected', '/healthz', '/readyz']) t.equal((await ask(path, { token: forged })).status, 200)
  for (let times = 0; times < 4; times += 1)
    t.equal((await ask('/me', { token: tokens.user, from: '192.0.2.2' })).status, 200)
})

t.test('instances share both limits; without Redis neither fails a request', needsRedis, async (t) => {
  const redis = await startRedis(t)
  const env = { RATE_LIMIT: '3', BAD_TOKEN_LIMIT: '2', REDIS_URL: redis.url }
  const [one, two] = [await start(t, env), await start(t, env)]
  for (const { ask } of [one, two]) await until('readiness', async () => (await ask('/readyz')).status === 200)
  const statuses: number[] = []
  for (const { ask } of [one, two, one, two]) statuses.push((await ask('/me', { token: tokens.user })).status)
  t.same(statuses, [200, 200, 200, 429])
  statuses.length = 0
  for (const { ask } of [one, two, one]) statuses.push((await ask('/me', { token: 'garbage' })).status)
  t.same(statuses, [401, 401, 429])
  await redis.kill()
  for (const { ask } of [one, two]) {
    await until('the outage', async () => (await ask('/readyz')).status === 503)
    for (let times = 0; times < 5; times += 1) {
      t.equal((await ask('/unprotected')).status, 200)
      t.equal((await ask('/me', { token: 'garbage' })).status, 401)
    }
  }
})
