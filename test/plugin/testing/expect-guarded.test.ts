/** `expectGuarded`: passes for apps whose guards hold, calls none of their code, and finds each way in which a guard can be broken. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Test } from 'tap'
import t from 'tap'
import {
  allOf,
  anyOf,
  type EntraOptions,
  requireAgent,
  requireApp,
  requireAppPermission,
  requireAuthAge,
  requireAuthContext,
  requireClient,
  requireClientAuth,
  requireGroup,
  requireHuman,
  requireMember,
  requirePolicy,
  requireRole,
  requireScope,
  requireTenant,
  requireUser
} from '../../../src/plugin/index.js'
import {
  createTestTenant,
  expectGuarded,
  type TestTenantOptions,
  UnguardedRoutesError
} from '../../../src/plugin/testing/index.js'
import { buildApi } from '../../support/api.js'

interface Setup {
  readonly tenant?: TestTenantOptions
  readonly options?: object
  readonly before?: (app: FastifyInstance) => unknown
  readonly routes: (app: FastifyInstance) => unknown
}

async function start(t: Test, { tenant: given, options, before, routes }: Setup) {
  const tenant = await createTestTenant(given)
  const program = { options: { ...tenant.options, ...options } as EntraOptions, routes, ...(before && { before }) }
  const { app } = await buildApi(t, program)
  return { tenant, app }
}

/** The problems that are found. */
async function problemsOf(t: Test, setup: Setup): Promise<readonly string[]> {
  const { app } = await start(t, setup)
  const error = await expectGuarded(app).then(
    () => undefined,
    (error: unknown) => error
  )
  t.type(error, UnguardedRoutesError)
  t.match(error, { code: 'ERR_ASSERTION', name: 'AssertionError' })
  await app.close()
  return (error as UnguardedRoutesError).problems
}

const group = '40000000-0000-4000-8000-000000000001'
const client = '50000000-0000-4000-8000-000000000001'
const read = requireScope('Orders.Read')
const mine = requirePolicy('mine', () => {
  throw new Error('a policy was called')
})
const handler = () => {
  throw new Error('a handler was called')
}
const schema = {
  body: { type: 'object', required: ['a'], properties: { a: { type: 'string' } } },
  querystring: { type: 'object', required: ['q'] }
}

t.test('every guard, every kind of route: tried, and none of the application is called', async (t) => {
  const parsed: string[] = []
  const { app } = await start(t, {
    routes(app) {
      app.addContentTypeParser('*', (_request, _payload, done) => done(null, parsed.push('a body')))
      const guarded = {
        scope: read,
        role: requireRole('Admin'),
        permission: requireAppPermission('Orders.Read.All'),
        user: requireUser(),
        app: requireApp(),
        member: requireMember(),
        agent: requireAgent(),
        human: requireHuman(),
        'agent-for-user': allOf(read, requireAgent()),
        'agent-or-human': anyOf(requireAgent(), requireHuman()),
        'human-member': allOf(requireMember(), requireHuman()),
        group: requireGroup(group),
        client: requireClient(client),
        context: requireAuthContext('c1'),
        age: requireAuthAge({ maxAgeSeconds: 60 }),
        auth: requireClientAuth('certificate'),
        any: anyOf(read, requireAppPermission('Orders.Read.All')),
        all: allOf(read, requireRole('Admin'), requireGroup(group), requireAuthContext('c1'), requireMember()),
        policy: allOf(read, mine),
        alternative: anyOf(requireRole('Admin'), mine),
        contradiction: allOf(anyOf(requireUser(), requireApp()), requireRole('Admin'))
      }
      for (const [name, guard] of Object.entries(guarded)) app.get(`/${name}`, { preHandler: guard }, handler)
      app.get('/alone', { preHandler: mine }, handler)
      app.get('/config', { config: { auth: read } }, handler)
      app.get('/several', { config: { auth: read }, preHandler: [requireRole('Admin'), requireGroup(group)] }, handler)
      app.get('/request', { onRequest: read }, handler)
      app.get('/any-token', handler)
      app.post('/body', { preHandler: read, schema }, handler)
      app.route({ method: ['PUT', 'PATCH', 'DELETE'], url: '/methods', preHandler: read, handler })
      app.get('/orders/:id', { preHandler: read }, handler)
      app.get('/orders/:id/:day(^\\d{4}-\\d{2}-\\d{2}$)', { preHandler: read }, handler)
      app.get('/optional/:id?', { preHandler: read }, handler)
      app.get('/files/*', { preHandler: read }, handler)
      app.get('/a::b', { preHandler: read }, handler)
      app.get('/versioned', { preHandler: read, constraints: { version: '2.0.0' } }, handler)
      app.get('/hosted', { preHandler: read, constraints: { host: 'api.example' } }, handler)
      app.get('/maybe', { config: { auth: 'optional' }, preHandler: read }, handler)
      app.register(
        async (below) => {
          below.addHook('preHandler', requireRole('Admin'))
          below.get('/', { preHandler: read }, handler)
        },
        { prefix: '/below' }
      )
    }
  })
  const report = await expectGuarded(app)
  const tried = report.tried.map(({ method, url }) => `${method} ${url}`)
  const all = app.entra.accessMatrix().map(({ method, url }) => `${method} ${url}`)
  t.same(tried, all)
  t.ok(tried.includes('GET /below') && tried.includes('GET /below/') && tried.includes('HEAD /scope'))
  const whys = report.notTried.filter(({ method }) => method === 'GET').map(({ url, why }) => `${url}: ${why}`)
  t.same(whys, ['/policy: the policy mine', '/alternative: the policy mine', '/alone: the policy mine'])
  t.same(parsed, [])
  await app.close()
})

t.test('what is open, what nobody sees, and what no token shows is not tried, and said', async (t) => {
  const tenant = await createTestTenant()
  const { app } = await buildApi(t, {
    options: tenant.options,
    before: (app: FastifyInstance) => app.get('/early', handler),
    routes(app: FastifyInstance) {
      app.get('/open', { config: { auth: 'none' } }, handler)
      app.get('/optional', { config: { auth: 'optional' } }, handler)
      app.get('/all', { preHandler: anyOf(requireUser(), requireApp()) }, handler)
      app.get('/other', { preHandler: requireTenant(group) }, handler)
      app.get('/own', { preHandler: requireTenant(tenant.tenantId) }, handler)
      app.get('/both', { preHandler: allOf(requireTenant(group), read, requireRole('Admin')) }, handler)
      app.get('/caller', { preHandler: requireClient(tenant.callerId) }, handler)
      app.get('/pattern', { preHandler: read, constraints: { host: /api/ } }, handler)
      app.register(async (below) => {
        below.addHook('preHandler', read)
        below.get('/nobody', { config: { auth: 'none' } }, handler)
      })
      app.entra.declareOperation('orders.cancel', read)
      app.get(
        '/clients',
        { preHandler: anyOf(requireClientAuth('none'), requireClientAuth('secret'), requireClientAuth('certificate')) },
        handler
      )
    }
  })
  const { tried, notTried } = await expectGuarded(app)
  t.same(notTried.at(-1), {
    ...{ method: 'operation', url: 'orders.cancel' },
    why: 'an operation: no request leads to it; call its function'
  })
  t.same(
    notTried.filter(({ method }) => method === 'GET').map(({ url, why }) => `${url}: ${why}`),
    [
      '/early: not known: declared before fastify-entra was registered',
      '/open: anyone',
      '/optional: unauthenticated requests, and any valid token',
      '/all: an unrelated token: any valid one passes',
      '/other: a token that fits: no test tenant of this app issues it',
      '/own: an unrelated token: any valid one passes',
      '/both: a token that fits: no test tenant of this app issues it',
      '/pattern: its constraint host',
      '/clients: an unrelated token: any valid one passes',
      '/nobody: nobody: a guard in a hook requires a token, and this route does not inspect any'
    ]
  )
  t.same(
    tried.filter(({ method }) => method === 'GET').map(({ url }) => url),
    ['/all', '/other', '/own', '/both', '/caller', '/clients']
  )
  await app.close()
})

t.test('a hook that answers before the guard, such as a cache', async (t) => {
  const problems = await problemsOf(t, {
    routes(app) {
      const cached = async (_request: unknown, reply: { send(body: string): unknown }) => reply.send('cached')
      app.get('/cached', { preHandler: [cached, read], exposeHeadRoute: false }, handler)
      app.get('/validated', { preValidation: cached, preHandler: read, exposeHeadRoute: false }, handler)
      app.get('/fine', { preHandler: [read, cached], exposeHeadRoute: false }, handler)
    }
  })
  const of = (url: string) => [
    `GET ${url} with a token that fits: answered 200 before its guards passed`,
    `GET ${url} with an unrelated token (user): answered 200, not 403`,
    `GET ${url} with an unrelated token (app): answered 200, not 403`,
    `GET ${url} with a token that fits except for being a user: answered 200, not 403`
  ]
  t.same(problems, [...of('/cached'), ...of('/validated')])
})

t.test('a hook before the plugin that answers', async (t) => {
  const problems = await problemsOf(t, {
    before: (app) =>
      app.addHook('onRequest', async ({ url }, reply) => (url === '/leak' ? reply.send('leak') : undefined)),
    routes(app) {
      app.get('/leak', { preHandler: read, exposeHeadRoute: false }, handler)
      app.get('/fine', { preHandler: read, exposeHeadRoute: false }, handler)
    }
  })
  t.same(problems, [
    'GET /leak without a token: answered 200, not 401',
    'GET /leak with a token that fits: answered 200 before its guards passed',
    'GET /leak with an unrelated token (user): answered 200, not 403',
    'GET /leak with an unrelated token (app): answered 200, not 403',
    'GET /leak with a token that fits except for being a user: answered 200, not 403'
  ])
})

t.test('a response that a hook makes of a refusal', async (t) => {
  const problems = await problemsOf(t, {
    routes(app) {
      app.addHook('onSend', async (_request, reply) => void reply.code(200))
      app.get('/', { preHandler: read, exposeHeadRoute: false }, handler)
    }
  })
  t.same(problems, [
    'GET / without a token: answered 200, not 401',
    'GET / with an unrelated token (user): answered 200, not 403',
    'GET / with an unrelated token (app): answered 200, not 403',
    'GET / with a token that fits except for being a user: answered 200, not 403'
  ])
})

/** As code can that reaches into Fastify: the context of a route, which its requests share. */
function contextOf(request: object): { config: { auth?: string }; preHandler: unknown[] } {
  const key = Object.getOwnPropertySymbols(request).find(({ description }) => description === 'fastify.context')
  return (request as Record<symbol, never>)[key as symbol] as never
}

t.test('a guard that does not run, and a route that a hook opens', async (t) => {
  const admin = requireRole('Admin')
  const problems = await problemsOf(t, {
    before: (app) =>
      app.addHook('onRequest', async (request) => {
        const context = contextOf(request)
        if (request.url === '/opened') context.config.auth = 'none'
        if (request.url === '/lost') context.preHandler = context.preHandler.filter((hook) => hook !== admin)
      }),
    routes(app) {
      app.get('/opened', { exposeHeadRoute: false }, handler)
      app.get('/guarded', { exposeHeadRoute: false, preHandler: [read, admin] }, handler)
      app.get('/lost', { exposeHeadRoute: false, preHandler: [read, admin] }, handler)
    }
  })
  t.same(problems, [
    'GET /opened without a token: allowed, not 401',
    'GET /lost with a token that fits: reached the handler without the role Admin, held by a user',
    'GET /lost with a token that fits except for Admin in its roles: allowed, not 403'
  ])
})

t.test('an app that refuses those whom it should allow', async (t) => {
  const problems = await problemsOf(t, {
    options: { allowedClients: [client] },
    routes: (app) => app.get('/', { preHandler: read, exposeHeadRoute: false }, handler)
  })
  t.same(problems, [
    'GET / with a token that fits: answered 403 before its guards passed (This client application may not call this API.)'
  ])
  const { app } = await start(t, {
    tenant: { callerId: client },
    options: { allowedClients: [client] },
    routes: (app) => app.get('/', { preHandler: read }, handler)
  })
  await t.resolves(expectGuarded(app), 'with a tenant whose tokens are of that client')
  await app.close()
})

t.test('a path that cannot be guessed', async (t) => {
  const pattern = '/:name(^(?:b|c){7}$)'
  const routes = (app: FastifyInstance) => {
    app.get(pattern, { preHandler: read, exposeHeadRoute: false }, handler)
    app.get('/*', { preHandler: read, exposeHeadRoute: false }, handler)
  }
  t.same(await problemsOf(t, { routes }), [
    `GET ${pattern}: no path for this pattern is known, so /* answered; give one in the option paths`
  ])
  const otherTenant = requireTenant(group)
  const shut = (app: FastifyInstance) => app.get(pattern, { preHandler: otherTenant, exposeHeadRoute: false }, handler)
  t.same(
    await problemsOf(t, {
      routes(app) {
        app.get('/*', { preHandler: read, exposeHeadRoute: false }, handler)
        shut(app)
      }
    }),
    [`GET ${pattern}: no path for this pattern is known, so /* answered; give one in the option paths`],
    'also where no token fits'
  )
  t.same(await problemsOf(t, { routes: shut }), [
    `GET ${pattern}: no path for this pattern is known, so no route answered; give one in the option paths`
  ])
  const { app } = await start(t, { routes })
  await t.resolves(expectGuarded(app, { paths: { [pattern]: '/bcbcbcb' } }))
  await app.close()
})

t.test('every shape of tokens', async (t) => {
  for (const shape of ['v2', 'v1', 'b2c', 'oidc'] as const) {
    const { app } = await start(t, {
      tenant: { shape },
      routes(app) {
        app.get('/scope', { preHandler: read }, handler)
        app.get('/app', { preHandler: requireAppPermission('Orders.Read.All') }, handler)
        app.get('/context', { preHandler: requireAuthContext('c1') }, handler)
        app.get('/age', { preHandler: requireAuthAge({ maxAgeSeconds: 60 }) }, handler)
        app.get('/client', { preHandler: requireClient(client) }, handler)
      }
    })
    t.equal((await expectGuarded(app)).tried.length, 10, shape)
    await app.close()
  }
})

t.test('several tenants: a token of the one that the guard names', async (t) => {
  const [one, other] = [await createTestTenant(), await createTestTenant({ shape: 'v1' })]
  const { app } = await buildApi(t, {
    options: { tenants: [one.options, other.options] },
    routes: (app: FastifyInstance) => app.get('/', { preHandler: requireTenant(other.tenantId) }, handler)
  })
  t.same((await expectGuarded(app)).notTried, [])
  await app.close()
})

t.test('other requests are left alone meanwhile, also one that a hook sends', async (t) => {
  const calls: string[] = []
  const policy = requirePolicy('mine', () => calls.push('policy') > 0)
  const { app, tenant } = await start(t, {
    routes(app) {
      app.get(
        '/inner',
        { preHandler: allOf(read, policy), exposeHeadRoute: false },
        async () => calls.push('handler') && 'inner'
      )
      app.get('/outer', {
        exposeHeadRoute: false,
        preHandler: [async () => void (await app.inject({ url: '/inner', headers })), read],
        handler
      })
    }
  })
  const headers = tenant.user({ scopes: ['Orders.Read'] })
  const [, response] = await Promise.all([expectGuarded(app), app.inject({ url: '/inner', headers })])
  t.equal(response.body, 'inner')
  const times = (name: string) => calls.filter((call) => call === name).length
  t.equal(times('handler'), times('policy'), 'each request ran as a whole')
  // Of the outer route: a token that fits, twice, two unrelated ones, and one that almost fits.
  t.equal(times('handler'), 6)
  await app.close()
})

t.test('an app without a test tenant, and one without routes', async (t) => {
  const { app } = await buildApi(t, {
    options: { tenantId: group, clientId: client, authority: 'http://127.0.0.1:9' },
    routes: { '/': {} }
  })
  const message =
    /^expectGuarded\(\) got an app that does not trust a test tenant; register fastify-entra with tenant.options/
  await t.rejects(expectGuarded(app), { message })
  await app.close()
  await t.rejects(expectGuarded({ ready: async () => {} }), { message })
  const { app: open } = await start(t, { routes: (app) => app.get('/', { config: { auth: 'none' } }, handler) })
  await t.rejects(expectGuarded(open), { message: /^expectGuarded\(\) found no route that requires a token/ })
  await open.close()
})

t.test('a hook that lets some callers through who lack one of several things', async (t) => {
  const guard = allOf(read, requireRole('Admin'), requireGroup(group), requireMember(), requireClient(client))
  const problems = await problemsOf(t, {
    routes(app) {
      const openFor =
        (path: string, allows: (principal: { roles: readonly string[]; groups: readonly string[] }) => boolean) =>
        async ({ principal, url }: FastifyRequest, reply: FastifyReply) =>
          url === path && allows(principal) ? reply.send('as the cache has it') : undefined
      const admins = openFor('/admins', ({ roles }) => roles.includes('Admin'))
      const members = openFor('/members', ({ groups }) => groups.includes(group))
      app.addHook('preHandler', admins)
      app.addHook('preHandler', members)
      for (const path of ['/admins', '/members', '/none'])
        app.get(path, { preHandler: guard, exposeHeadRoute: false }, handler)
    }
  })
  const of = (path: string, lacks: readonly string[]) => [
    `GET ${path} with a token that fits: answered 200 before its guards passed`,
    ...lacks.map((each) => `GET ${path} with a token that fits except for ${each}: answered 200, not 403`)
  ]
  const [user, member, agent, its] = ['being a user', 'its isMember', 'its isAgent', 'its clientId']
  t.same(problems, [
    ...of('/admins', [user, member, agent, its, 'Orders.Read in its scopes', `${group} in its groups`]),
    ...of('/members', [member, agent, its, 'Orders.Read in its scopes', 'Admin in its roles'])
  ])
})

t.test(
  'a hook before the plugin that sends a request, or loses the asynchronous context: no handler is called',
  async (t) => {
    const queue: (() => void)[] = []
    const worker = setInterval(() => {
      for (const next of queue.splice(0)) next()
    }, 1)
    t.teardown(() => clearInterval(worker))
    const inner: string[] = []
    const { app } = await start(t, {
      before(app) {
        app.addHook('onRequest', async ({ url, headers }) => {
          if (url !== '/inner') inner.push((await app.inject({ url: '/inner', headers })).body)
        })
        app.addHook('onRequest', (_request, _reply, done) => void queue.push(done))
      },
      routes(app) {
        app.get('/inner', { config: { auth: 'none' }, exposeHeadRoute: false }, async () => 'inner')
        app.get('/outer', { preHandler: allOf(read, mine), exposeHeadRoute: false }, handler)
        app.get('/any-token', { exposeHeadRoute: false }, handler)
      }
    })
    const { tried } = await expectGuarded(app)
    t.same(
      tried.map(({ url }) => url),
      ['/outer', '/any-token']
    )
    t.ok(inner.length > 0 && inner.every((body) => body === 'inner'))
    await app.close()
  }
)

t.test('several tenants: tokens of another one than the guard names are refused', async (t) => {
  const [one, other] = [await createTestTenant(), await createTestTenant()]
  const leak = async ({ principal }: FastifyRequest, reply: FastifyReply) =>
    principal.tenantId === other.tenantId ? reply.send('leak') : undefined
  const { app } = await buildApi(t, {
    options: { tenants: [one.options, other.options] },
    routes(app: FastifyInstance) {
      const own = requireTenant(one.tenantId)
      app.get('/own', { preHandler: [leak, own], exposeHeadRoute: false }, handler)
      app.get('/read', { preHandler: [leak, allOf(own, read)], exposeHeadRoute: false }, handler)
      app.get('/fine', { preHandler: [own, leak], exposeHeadRoute: false }, handler)
    }
  })
  const found = (await expectGuarded(app).catch((error: unknown) => error)) as UnguardedRoutesError
  t.match(found.problems, [
    'GET /own with an unrelated token (user): answered 200, not 403',
    'GET /own with an unrelated token (app): answered 200, not 403',
    'GET /read with an unrelated token (user): answered 200, not 403',
    'GET /read with an unrelated token (app): answered 200, not 403',
    'GET /read with a token that fits except for its tenantId: answered 200, not 403'
  ])
  t.notMatch(found.problems.join(), '/fine')
  await app.close()
})

t.test('what requests of this kind do not lead to is not tried, and said', async (t) => {
  const { app } = await start(t, {
    routes(app) {
      const leak = async (_request: unknown, reply: FastifyReply) => reply.send('leak')
      const only = { preHandler: read, exposeHeadRoute: false }
      for (const [url, host] of [
        ['/one', 'localhost:80'],
        ['/two', /^localhost/]
      ] as const) {
        app.get(url, { ...only, constraints: { host } }, handler)
        app.get(url, { ...only, preHandler: [leak, read] }, handler)
      }
      app.get('/three', { ...only, constraints: { host: 'api.example' } }, handler)
      app.get('/three', only, handler)
      app.route({ method: ['QUERY', 'POST'], url: '/four', preHandler: read, handler })
    }
  })
  const { tried, notTried } = await expectGuarded(app)
  const names = (list: readonly { method: string; url: string }[]) => list.map(({ method, url }) => `${method} ${url}`)
  t.same(names(tried), ['GET /one', 'GET /three', 'GET /three', 'POST /four'])
  t.same(
    notTried.map(({ method, url, why }) => `${method} ${url}: ${why}`),
    [
      'GET /one: another route of this pattern is for the host localhost:80',
      'GET /two: its constraint host',
      'GET /two: another route of this pattern is for the host localhost:80',
      'QUERY /four: QUERY requires a body, and none is sent'
    ]
  )
  await app.close()
})
