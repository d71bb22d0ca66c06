/** `request.renewPrincipal()`: who may renew, what the new token decides, and what stays when it is refused. */
import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import websocket from '@fastify/websocket'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import WebSocket from 'ws'
import {
  type Guard,
  type Principal,
  requirePolicy,
  requireRole,
  requireScope,
  type TokenRefusedError
} from '../../../src/plugin/index.js'
import { until, within } from '../../faults/waits.js'
import { startApi } from '../../support/api.js'
import { processClock } from '../../support/clock.js'
import { clientId, json, signingKey, startTestTenant, tenantId } from '../../support/tenant.js'
import { granted, secret, serveTokens } from '../../support/token-endpoint.js'

const tenant = await startTestTenant(t)
const otherTenant = '99999999-2222-4333-8444-555555555555'

/** A socket that opened with a token: its request, and how it ended. */
async function connected(t: Test, options: object = {}, guards: Guard[] = [requireScope('Orders.Read')]) {
  const requests: FastifyRequest[] = []
  const routes = (app: FastifyInstance) => {
    app.get('/ws', { websocket: true, preHandler: guards }, (socket, request) => {
      requests.push(request)
      const signal = request.principalSignal
      signal.addEventListener('abort', () => socket.close(4401, signal.reason.code))
      socket.send('hello')
    })
    app.get('/renew', { config: { auth: 'optional' } }, async (request) => request.renewPrincipal(await user({})))
    app.get('/pass-on', async (request) => request.renewPrincipal(await user({ oid: 'somebody-else' })))
  }
  const api = await startApi(t, { tenant, options, before: (app) => app.register(websocket), routes })
  const headers = { authorization: `Bearer ${await user({})}` }
  const socket = new WebSocket(`${api.origin.replace('http', 'ws')}/ws`, { headers })
  t.teardown(() => socket.terminate())
  await once(socket, 'message')
  const closed = once(socket, 'close').then(([code, reason]) => `${code} ${reason}`)
  const [request] = requests as [FastifyRequest]
  return { ...api, request, closed, socket }
}

const user = (claims: object) => tenant.userToken({ scp: 'Orders.Read', ...claims })

/** `renewed`, or the code of the refusal. */
async function renewal(request: FastifyRequest, token: unknown): Promise<string> {
  const refused = (error: TokenRefusedError) => `${error.statusCode} ${error.code}`
  return request.renewPrincipal(token as string).then(() => 'renewed', refused)
}

t.test('the connection goes on with the new token, and its principal is the new one', async (t) => {
  const { request, closed, socket } = await connected(t)
  const clock = processClock(t)
  const { principalSignal: signal, principal } = request
  const later = Math.floor(Date.now() / 1000) + 7200
  const renewed = await request.renewPrincipal(await user({ exp: later, roles: ['Admin'] }))
  t.equal(request.principal, renewed)
  t.same([renewed.id, renewed.roles, renewed.expiresAt], [principal.id, ['Admin'], later])
  t.equal(await request.server.entra.authorize(request, requireRole('Admin')), renewed)
  t.equal(request.principalSignal, signal, 'listeners stay')
  clock.advance(3661_000)
  await request.server.inject('/')
  t.same([signal.aborted, socket.readyState], [false, WebSocket.OPEN])
  clock.advance(3600_000)
  t.equal(await within('the socket', closed), '4401 token_expired')
  t.equal(await renewal(request, await user({})), '401 token_expired', 'its end is final')
})

t.test('a refused token leaves the old one', async (t) => {
  const isRevoked = ({ claims }: Principal) => claims.uti === 'revoked'
  const { request, logged } = await connected(t, { isRevoked, audit: { level: 'all' } })
  const before = request.principal
  const foreign = await signingKey('foreign')
  const rows: readonly (readonly [string, unknown])[] = [
    ['401 token_malformed', undefined],
    ['401 token_malformed', { toString: () => 'no' }],
    ['401 token_malformed', `Bearer ${await user({})}`],
    ['401 unknown_key', await tenant.userToken({ scp: 'Orders.Read' }, {}, foreign)],
    ['401 token_expired', await user({ exp: 1_600_000_000 })],
    ['401 wrong_audience', await user({ aud: 'api://another' })],
    ['401 token_revoked', await user({ uti: 'revoked' })],
    ['401 wrong_subject', await user({ oid: '40000000-0000-4000-8000-0000000000ff' })],
    ['401 wrong_subject', await tenant.appToken({ oid: before.id, roles: ['Orders.Read.All'] })],
    ['403 insufficient_permissions', await user({ scp: 'Other.Read' })]
  ]
  for (const [expected, token] of rows) t.equal(await renewal(request, token), expected)
  t.equal(request.principal, before)
  t.match(logged(), '"code":"wrong_subject"')
  t.match(logged(), '"route":"GET /ws"')
  t.notMatch(logged(), /eyJ/)
})

t.test('the same subject of another directory, and of the same one by another version of the token', async (t) => {
  const issuer = `${tenant.origin}/{tenantid}/v2.0`
  const keys = '/organizations/discovery/v2.0/keys'
  const metadata = { issuer, jwks_uri: tenant.origin + keys }
  tenant.answers.set(
    keys,
    json(() => ({ keys: tenant.keys.map((jwk) => ({ ...jwk, issuer })) }))
  )
  tenant.answers.set(
    '/organizations/v2.0/.well-known/openid-configuration',
    json(() => metadata)
  )
  const { request } = await connected(t, { tenantId: 'organizations', allowedTenants: [tenantId, otherTenant] })
  const other = { iss: `${tenant.origin}/${otherTenant}/v2.0`, tid: otherTenant }
  t.equal(await renewal(request, await user(other)), '401 wrong_subject')
  t.equal(request.principal.tenantId, tenantId)
  const single = await connected(t)
  t.equal(await renewal(single.request, await tenant.v1Token({ scp: 'Orders.Read' })), 'renewed')
})

t.test('without a verified caller; a refusal that a handler lets pass is answered once', async (t) => {
  const { get, outcome, logged } = await connected(t)
  t.equal((await get('/renew')).status, 500)
  t.match(logged(), /GET \/renew calls request\.renewPrincipal\(\), and its caller is not verified; call it only where/)
  t.equal(await outcome('/renew', await user({})), '200')
  t.equal(await outcome('/pass-on', await user({})), '401 wrong_subject')
  t.equal(logged().split('"code":"wrong_subject"').length, 2, 'one record')
})

t.test('on-behalf-of sends the new token', async (t) => {
  const tokens = serveTokens(tenant, () => granted('a-token'))
  const { request } = await connected(t, { downstream: { clientSecret: secret } })
  await request.onBehalfOf('api://other/Read')
  const renewed = await user({ exp: Math.floor(Date.now() / 1000) + 5000 })
  t.equal(await renewal(request, renewed), 'renewed')
  await request.onBehalfOf('api://other/Read')
  const [first, second] = tokens.forms.map((form) => form.get('assertion'))
  t.same([first === renewed, second === renewed], [false, true])
  t.equal(clientId, tokens.forms[0]?.get('client_id'))
})

t.test('the guards that decide are those that the request passed, wherever they came from', async (t) => {
  const guard = requireRole('Admin')
  const handler = async (request: FastifyRequest) => {
    await request.renewPrincipal(await user({}))
    return request.principal.roles
  }
  const api = await startApi(t, {
    tenant,
    before: (app) => void app.get('/declared-early', { preHandler: guard }, handler),
    routes: (app) => {
      app.addHook('onRoute', (route) => {
        if (route.url === '/copied-config') route.config = Object.fromEntries(Object.entries({ ...route.config }))
      })
      app.get('/copied-config', { preHandler: guard }, handler)
      app.get('/by-hand', { preHandler: (request, reply) => guard(request, reply) }, handler)
      const twice = async (...given: Parameters<Guard>) => {
        await guard(...given)
        await guard(...given)
        await requireScope('Orders.Read')(...given)
      }
      app.get('/by-hand-twice', { preHandler: twice }, handler)
      app.get('/none', handler)
    }
  })
  const admin = await user({ roles: ['Admin'] })
  for (const path of ['/declared-early', '/copied-config', '/by-hand', '/by-hand-twice'])
    t.equal(await api.outcome(path, admin), '403 insufficient_permissions', path)
  t.equal(await api.outcome('/none', admin), '200')
})

t.test('V8’s sliced strings: the message of which the token is a slice is not kept', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const { request } = await connected(t)
  const token = await user({})
  const others = Array.from({ length: 50 }, () => Object.create(request) as FastifyRequest)
  await others[0]?.renewPrincipal(token)
  collect()
  const before = process.memoryUsage().heapUsed
  for (const [at, other] of others.entries())
    await other.renewPrincipal(`${token} ${Buffer.alloc(1_000_000, 97 + (at % 26))}`.slice(0, token.length))
  collect()
  const grown = process.memoryUsage().heapUsed - before
  t.ok(grown < 10_000_000, `fifty tokens out of messages of a megabyte take ${grown} bytes`)
})

t.test('a policy reads the new principal, while the request still has the old one', async (t) => {
  let decide = (_allowed: boolean) => {}
  const seen: unknown[] = []
  const policy = requirePolicy('by-hand', (principal, request) => {
    seen.push([principal.roles, request.principal.roles])
    if (seen.length === 1) return true
    return new Promise((resolve) => {
      decide = resolve
    })
  })
  const { request } = await connected(t, {}, [requireScope('Orders.Read'), policy])
  for (const [role, isAllowed] of [
    ['Denied', false],
    ['Allowed', true]
  ] as const) {
    const asked = seen.length
    const outcome = renewal(request, await user({ roles: [role] }))
    await until('the policy', () => seen.length > asked)
    t.same(seen.at(-1), [[role], [role]])
    t.same(request.principal.roles, [])
    decide(isAllowed)
    t.equal(await outcome, isAllowed ? 'renewed' : '403 insufficient_permissions')
  }
  t.same(request.principal.roles, ['Allowed'])
})

t.test('a signal that fires while a renewal is judged: the connection is over', async (t) => {
  let decide = (_allowed: boolean) => {}
  let asked = 0
  const policy = requirePolicy('by-hand', () => {
    asked += 1
    if (asked === 1) return true
    return new Promise((resolve) => {
      decide = resolve
    })
  })
  const { request, app, closed } = await connected(t, {}, [policy])
  const before = request.principal
  const failed = request.renewPrincipal(await user({})).catch(({ name }) => name)
  await until('the policy', () => asked === 2)
  const closing = app.close()
  await within('the socket', closed)
  decide(true)
  t.equal(await failed, 'AbortError')
  t.equal(request.principal, before)
  await closing
})
