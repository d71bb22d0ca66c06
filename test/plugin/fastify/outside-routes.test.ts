/** `app.entra.authorize()` and `app.entra.declareOperation()`: guards outside routes come to the result of a route. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import {
  type AuditEvent,
  allOf,
  anyOf,
  auditChannelName,
  type Guard,
  type Operation,
  type Principal,
  requireApp,
  requireAppPermission,
  requireAuthContext,
  requireGroup,
  requireMember,
  requirePolicy,
  requireRole,
  requireScope,
  requireUser,
  type TokenRefusedError
} from '../../../src/plugin/index.js'
import { type Api, type ApiSetup, buildApi, optionsFor, startApi } from '../../support/api.js'
import { processClock } from '../../support/clock.js'
import { json, signingKey, startTestTenant, type TestTenant, tenantId } from '../../support/tenant.js'

const tenant = await startTestTenant(t)
const admin = requireRole('Admin')
const group = '10000000-0000-4000-8000-000000000001'
const overage = { _claim_names: { groups: 'src1' } }

/** Decisions about callers, as the audit channel has them. */
function decisions(t: Test): AuditEvent[] {
  const events: AuditEvent[] = []
  const listener = (message: unknown) => {
    const event = message as AuditEvent
    if (!event.event.startsWith('tenant.')) events.push(event)
  }
  subscribe(auditChannelName, listener)
  t.teardown(() => unsubscribe(auditChannelName, listener))
  return events
}

/** The request of a caller, from within a handler. */
async function requestOf(api: Api, token?: string, path = '/held'): Promise<FastifyRequest> {
  const held = new Promise<FastifyRequest>((resolve) => api.app.server.once('held', resolve))
  await api.get(path, token)
  return held
}

const holding = (app: FastifyInstance) => {
  const hold = async (request: FastifyRequest) => app.server.emit('held', request)
  app.get('/held', hold)
  app.get('/open', { config: { auth: 'none' } }, hold)
}

const start = (t: Test, { routes = holding, ...setup }: ApiSetup = {}) =>
  startApi(t, { tenant, ...setup, routes: routes as (app: FastifyInstance) => unknown })

t.test('the same answer as a route with this guard, and a record of the decision', async (t) => {
  const guards: Readonly<Record<string, Guard>> = {
    role: admin,
    scope: requireScope('Orders.Write'),
    both: allOf(requireScope('Orders.Write'), admin),
    stepUp: requireAuthContext('c1'),
    member: requireMember(),
    group: requireGroup(group),
    policy: requirePolicy('never', () => false),
    broken: requirePolicy('broken', () => Promise.reject(new Error('down')))
  }
  const api = await start(t, {
    routes: (app) => {
      for (const [name, guard] of Object.entries(guards)) {
        app.get(`/guarded/${name}`, { preHandler: guard }, async () => 'ok')
        app.get(`/called/${name}`, async (request) => {
          await app.entra.authorize(request, guard)
          return 'ok'
        })
      }
    }
  })
  const events = decisions(t)
  const tokens = [
    await tenant.userToken({ xms_cc: ['cp1'] }),
    await tenant.userToken({ ...overage, scp: 'Orders.Write', roles: ['Admin'], acct: 0, acrs: ['c1'] }),
    await tenant.appToken(),
    await tenant.v1Token()
  ]
  for (const name of Object.keys(guards)) {
    for (const token of tokens) {
      const answer = async (way: string) => {
        events.length = 0
        const { status, headers, body } = await api.get(`/${way}/${name}`, token)
        const { requestId: _, ...said } = status === 200 ? { body } : JSON.parse(body)
        const names = ['www-authenticate', 'retry-after', 'cache-control', 'content-type']
        const decision = events.map((event) => ({ ...event, requestId: undefined, route: undefined }))
        return { status, said, headers: names.map((header) => headers.get(header)), decision }
      }
      const guarded = await answer('guarded')
      const called = await answer('called')
      t.same(called, guarded, name)
      t.equal(called.decision.length, 2, `${name}: authenticated, and one decision`)
    }
  }
})

t.test('it resolves to the principal, of a request, of a request handler and of verifyToken()', async (t) => {
  const api = await start(t)
  const token = await tenant.userToken({ roles: ['Admin'] })
  const request = await requestOf(api, token)
  const principal = await api.app.entra.verifyToken(token)
  t.equal(await api.app.entra.authorize(request, admin), request.principal)
  t.equal(await api.app.entra.authorize(request.principal, admin), request.principal)
  const user = await api.app.entra.authorize(principal, requireUser())
  t.same([user.kind, user.membership], ['user', 'unknown'], 'typed as a user')
  await t.rejects(api.app.entra.authorize(principal, requireRole('Other')), {
    name: 'TokenRefusedError',
    code: 'insufficient_permissions',
    statusCode: 403
  })
})

t.test('a request without a verified caller is refused', async (t) => {
  const events = decisions(t)
  const api = await start(t)
  const request = await requestOf(api, await tenant.userToken({ roles: ['Admin'] }), '/open')
  await t.rejects(api.app.entra.authorize(request, admin), { code: 'credentials_missing', statusCode: 401 })
  t.match(events, [{ event: 'refused', route: 'GET /open', code: 'credentials_missing' }])
})

t.test('only principals that this app verified', async (t) => {
  const api = await start(t)
  const other = await start(t)
  const token = await tenant.userToken({ roles: ['Admin'] })
  const real = await api.app.entra.verifyToken(token)
  const request = await requestOf(other, token)
  const forged: readonly unknown[] = [
    ...[undefined, null, 'Admin', 0, () => {}, [], {}],
    ...[{ roles: ['Admin'], kind: 'user' }, { ...real }, structuredClone(real), Object.create(real), [real]],
    ...[JSON.parse(JSON.stringify(real)), new Proxy(real, {}), { principal: real }, request.raw],
    ...[await other.app.entra.verifyToken(token), request]
  ]
  const operation = api.app.entra.authorize
  for (const caller of forged)
    await t.rejects(operation(caller as Principal, admin), {
      name: 'EntraConfigurationError',
      message: /^authorize\(\) got neither a request nor a principal that this app verified; give the request/
    })
  for (const guard of [undefined, {}, () => {}, requireRole, 'Admin', { rule: admin.rule }])
    await t.rejects(operation(real, guard as Guard), {
      name: 'EntraConfigurationError',
      message: 'authorize() got no guard; give a guard such as requireRole("Admin")'
    })
})

t.test('policies and lookups of groups need the request', async (t) => {
  const seen: unknown[] = []
  const api = await start(t, {
    options: {
      groups: async (_principal: Principal, { groupIds }: { groupIds: readonly string[] }) => {
        seen.push(groupIds)
        return groupIds.slice(-1)
      }
    }
  })
  const request = await requestOf(api, await tenant.userToken({ ...overage, roles: ['Admin'] }))
  const { authorize } = api.app.entra
  const own = requirePolicy('own', (principal, context) => {
    seen.push(principal === request.principal, context === request)
    return true
  })
  const needs = (words: string) => ({
    name: 'EntraConfigurationError',
    message: `authorize() got a principal without its request, and ${words} is not decided by claims alone; give the request`
  })
  await t.rejects(authorize(request.principal, own), needs('the policy own'))
  await t.rejects(
    authorize(request.principal, anyOf(admin, own)),
    needs('the role Admin, held by a user, or the policy own')
  )
  await t.rejects(authorize(request.principal, requireGroup(group)), needs(`a user in the group ${group}`))
  await authorize(request.principal, anyOf(admin, requireGroup(group)))
  t.same(seen, [])
  await authorize(request, own)
  t.same(seen.splice(0), [true, true])
  const another = '10000000-0000-4000-8000-000000000002'
  await authorize(request, requireGroup(group))
  await authorize(request, requireGroup(another))
  await authorize(request, requireGroup(another))
  await authorize(request, requireGroup(group))
  t.same(seen, [[group], [another]], 'a guard with another group asks again, for what may come from a request')
})

/** What `authorize()` says of a caller now, as a request and as its principal. */
async function told(t: Test, api: Api, request: FastifyRequest): Promise<string> {
  const ask = (caller: FastifyRequest | Principal) =>
    api.app.entra.authorize(caller, requireUser()).then(
      () => 'allowed',
      ({ statusCode, code }: TokenRefusedError) => `${statusCode} ${code}`
    )
  const said = await ask(request)
  t.equal(await ask(request.principal), said, 'of the principal')
  return said
}

/** A refresh of the keys, which a token with an unknown `kid` triggers. */
async function refresh(
  api: Api,
  clock: ReturnType<typeof processClock>,
  token: (...given: never[]) => Promise<string>
) {
  clock.advance(31_000)
  await api.get('/held', await (token as TestTenant['userToken'])({}, { kid: 'nobody' }))
}

t.test('a token that is over is refused, as its next request would be', async (t) => {
  const revoked = new Set<string>()
  const api = await start(t, { options: { isRevoked: ({ id }: Principal) => revoked.has(id) } })
  const clock = processClock(t)
  const token = await tenant.userToken()
  const request = await requestOf(api, token)
  t.equal(await told(t, api, request), 'allowed')
  revoked.add(request.principal.id)
  t.equal(await told(t, api, request), '401 token_revoked')
  t.equal(await api.outcome('/held', token), '401 token_revoked')
  revoked.clear()
  clock.advance(3600_000)
  t.equal(await told(t, api, request), 'allowed', 'within the tolerance')
  clock.advance(60_000)
  t.equal(await told(t, api, request), '401 token_expired')
  t.equal(await api.outcome('/held', token), '401 token_expired')
})

t.test('so is one whose key was withdrawn, or stands for another issuer', async (t) => {
  const own = await startTestTenant(t)
  const { paths, key } = own
  // Entra's v1 set names no issuers, so those of v2's apply.
  own.answers.set(
    paths.v1Keys,
    json(() => ({ keys: [key.jwk] }))
  )
  const api = await start(t, { tenant: own })
  const clock = processClock(t)
  const request = await requestOf(api, await own.userToken())
  const v1 = await requestOf(api, await own.v1Token())
  own.keys = [own.key.jwk, (await signingKey('key-2')).jwk]
  await refresh(api, clock, own.userToken)
  t.equal(await told(t, api, request), 'allowed', 'another key beside it')
  own.keys = [(await signingKey('key-1')).jwk]
  await refresh(api, clock, own.userToken)
  t.equal(await told(t, api, request), '401 unknown_key', 'another key of that name')
  own.keys = [(await signingKey('key-2')).jwk]
  await refresh(api, clock, own.userToken)
  t.equal(await told(t, api, request), '401 unknown_key')
  own.keys = [own.key.jwk]
  await refresh(api, clock, own.userToken)
  t.same([await told(t, api, request), await told(t, api, v1)], ['allowed', 'allowed'], 'it is back')
  own.answers.set(
    paths.keys,
    json(() => ({ keys: [{ ...key.jwk, issuer: `${own.origin}/ffffffff-2222-4333-8444-555555555555/v2.0` }] }))
  )
  await refresh(api, clock, own.userToken)
  t.equal(await told(t, api, v1), '401 wrong_key_issuer')
  own.answers.set(paths.keys, (_request, response) => void response.writeHead(500).end())
  clock.advance(1000)
  t.equal(await told(t, api, v1), '401 wrong_key_issuer', 'the last valid set')
})

t.test('during an outage that outlasts the keys it cannot be determined', async (t) => {
  const own = await startTestTenant(t)
  const api = await start(t, { tenant: own, options: { keysMaxStaleSeconds: 600 } })
  const clock = processClock(t)
  const request = await requestOf(api, await own.userToken())
  await own.close()
  clock.advance(601_000)
  t.equal(await told(t, api, request), '503 tenant_unavailable')
})

t.test('so is one of a directory that is no longer allowed', async (t) => {
  const own = await startTestTenant(t)
  const root = '/organizations'
  const issuer = `${own.origin}/{tenantid}/v2.0`
  own.answers.set(
    `${root}/v2.0/.well-known/openid-configuration`,
    json(() => ({ issuer, jwks_uri: `${own.origin}${root}/keys` }))
  )
  own.answers.set(
    `${root}/keys`,
    json(() => ({ keys: own.keys.map((jwk) => ({ ...jwk, issuer })) }))
  )
  const allowed = new Set([tenantId])
  const allowedTenants = (id: string) => allowed.has(id)
  const api = await start(t, { tenant: own, options: { tenantId: 'organizations', allowedTenants } })
  const clock = processClock(t)
  const request = await requestOf(api, await own.userToken())
  t.equal(await told(t, api, request), 'allowed')
  allowed.clear()
  t.equal(await told(t, api, request), 'allowed', 'the cached decision')
  clock.advance(61_000)
  t.equal(await told(t, api, request), '401 wrong_tenant')
})

t.test('operations are declared before the app is ready, each once', async (t) => {
  const { app } = await buildApi(t, { options: optionsFor(tenant), routes: {} })
  const { declareOperation } = app.entra
  declareOperation('orders.cancel', admin)
  const rejected: [name: unknown, guard: unknown, message: string | RegExp][] = [
    [
      'orders.cancel',
      admin,
      'declareOperation("orders.cancel", …) was called before; give each operation a name of its own'
    ],
    ['none', () => {}, 'declareOperation("none", …) got no guard; give a guard such as requireRole("Admin")'],
    ['nobody', allOf(requireUser(), requireApp()), /requires a user and an app at once, so nobody can call it; combine/]
  ]
  for (const name of ['', ' ', 'a b', 'a\n', 'ä', 'x'.repeat(129), 5, undefined, null, {}, ['a'], '|', '`'])
    rejected.push([
      name,
      admin,
      /^declareOperation\(\) got the name .*; give 1 to 128 letters, digits and \. _ - \/ :$/
    ])
  for (const [name, guard, message] of rejected)
    t.throws(() => declareOperation(name as string, guard as Guard), { name: 'EntraConfigurationError', message })
  declareOperation('x'.repeat(128), admin)
  declareOperation('Query.orders/a-b:c', admin)
  await app.ready()
  t.throws(() => declareOperation('late', admin), {
    message:
      'declareOperation("late", …) was called after the app was ready; declare operations where routes are declared'
  })
})

t.test('operations are in the access matrix, and checked as routes are', async (t) => {
  const { origin, paths, answers } = tenant
  answers.set(
    paths.discovery,
    json(() => ({
      ...{ issuer: `${origin}/${tenantId}/v2.0`, jwks_uri: origin + paths.keys },
      ...{ authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token` }
    }))
  )
  t.teardown(() => answers.clear())
  const build = async (declare: (app: FastifyInstance) => void, more: object = {}) => {
    const routes = (app: FastifyInstance) => {
      app.get('/orders', { preHandler: requireScope('Orders.Read') }, async () => [])
      declare(app)
    }
    const { app } = await buildApi(t, {
      options: { strictRoutes: true, ...('tenants' in more ? {} : optionsFor(tenant)), ...more },
      routes
    })
    await app.ready()
    return app
  }
  const app = await build(({ entra }) => {
    entra.declareOperation('orders.cancel', anyOf(admin, requireAppPermission('Orders.Write.All')))
    entra.declareOperation('orders.read', requireScope('Orders.Read.Own'))
  })
  t.same(
    app.accessMatrix().map(({ method, url, auth, callers }) => [method, url, auth, callers]),
    [
      ['GET', '/orders', 'required', 'the scope Orders.Read'],
      ['HEAD', '/orders', 'required', 'the scope Orders.Read'],
      [
        ...['operation', 'orders.cancel', 'required'],
        'the role Admin, held by a user, or the application permission Orders.Write.All'
      ],
      ['operation', 'orders.read', 'required', 'the scope Orders.Read.Own']
    ]
  )
  const { entraUser } = app.entra.openapi.securitySchemes
  t.match(JSON.stringify(entraUser), 'Orders.Read.Own')
  await t.rejects(
    build(({ entra }) => void entra.declareOperation('orders.cancel', requireScope('orders.read'))),
    {
      message: /GET \/orders requires the scope Orders.Read, and operation orders.cancel requires the scope orders.read/
    }
  )
  await t.rejects(
    build(({ entra }) => void entra.declareOperation('orders.cancel', requireMember()), {
      tenants: [{ issuer: tenant.origin, audience: 'api' }]
    }),
    { message: /operation orders.cancel has requireMember/ }
  )
})

t.test('an operation decides as authorize() does, and its records have its name', async (t) => {
  const operations: Record<string, Operation> = {}
  const api = await start(t, {
    routes: (app) => {
      holding(app)
      operations.cancel = app.entra.declareOperation('orders.cancel', admin)
      operations.own = app.entra.declareOperation(
        'orders.own',
        requirePolicy('own', () => true)
      )
      app.post('/cancel', async (request) => (await operations.cancel?.(request))?.id)
    }
  })
  const events = decisions(t)
  const cancel = operations.cancel as Operation
  const allowed = await requestOf(api, await tenant.userToken({ roles: ['Admin'] }))
  const denied = await requestOf(api, await tenant.userToken())
  events.length = 0
  t.equal(await cancel(allowed), allowed.principal)
  await cancel(allowed.principal)
  for (const caller of [denied, denied.principal]) await t.rejects(cancel(caller), { code: 'insufficient_permissions' })
  await t.rejects(cancel({ ...allowed.principal }), { name: 'EntraConfigurationError' })
  await operations.own?.(denied)
  await t.rejects(Promise.resolve(operations.own?.(denied.principal)), { name: 'EntraConfigurationError' })
  const { requestId, ...rest } = events[0] as AuditEvent & { requestId: string }
  t.ok(requestId)
  t.match(rest, {
    event: 'allowed',
    route: 'GET /held',
    operation: 'orders.cancel',
    rule: 'the role Admin, held by a user'
  })
  t.match(events.slice(1), [
    { event: 'allowed', operation: 'orders.cancel', requestId: undefined, route: undefined },
    { event: 'denied', operation: 'orders.cancel', route: 'GET /held', code: 'insufficient_permissions' },
    { event: 'denied', operation: 'orders.cancel', route: undefined },
    { event: 'allowed', operation: 'orders.own', rule: 'the policy own' }
  ])
  events.length = 0
  t.equal((await api.get('/cancel', await tenant.userToken(), { method: 'POST' })).status, 403)
  t.match(events, [{ event: 'authenticated' }, { event: 'denied', operation: 'orders.cancel', route: 'POST /cancel' }])
  t.equal(events.length, 2, 'one record, though the error became the response')
})

t.test(
  'a refusal of another request, or of a token that came elsewhere, is recorded for the response as well',
  async (t) => {
    let first: FastifyRequest | undefined
    const api = await start(t, {
      routes: (app) => {
        app.get('/first', async (request) => {
          first = request
        })
        app.get('/second', async (request) => app.entra.authorize(first ?? request, admin))
        app.get('/bare', async (request) => app.entra.authorize(request.principal, admin))
      }
    })
    const token = await tenant.userToken()
    await api.get('/first', token)
    const events = decisions(t)
    for (const path of ['/second', '/bare']) {
      events.length = 0
      t.equal((await api.get(path, token)).status, 403)
      t.match(
        events.filter(({ event }) => event === 'denied').map((event) => (event as { route?: string }).route),
        [path === '/second' ? 'GET /first' : undefined, `GET ${path}`]
      )
    }
  }
)
