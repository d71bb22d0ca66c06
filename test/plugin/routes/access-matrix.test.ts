/** Who may call what, as the app says it of itself, and the mistakes that only the whole of it shows. */
import cors from '@fastify/cors'
import swagger from '@fastify/swagger'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import entra, {
  type AccessEntry,
  allOf,
  anyOf,
  type EntraOptions,
  type Guard,
  requireApp,
  requireAppPermission,
  requirePolicy,
  requireRole,
  requireScope,
  requireUser
} from '../../../src/plugin/index.js'
import { guardsInHooks } from '../../../src/plugin/routes/hooks.js'
import { earlyRoutes } from '../../../src/plugin/routes/internals.js'
import { get, listen, makeApp } from '../../support/http.js'
import { clientId, startTestTenant, tenantId } from '../../support/tenant.js'

/** Nobody listens there: what is tested here needs no keys. */
const options: EntraOptions = { tenantId, clientId, authority: 'http://127.0.0.1:9' }
const handler = async () => 'handled'
const declared = { config: { auth: 'required' } } as const

type Program = (app: FastifyInstance) => unknown

/** An app that ends with the test. */
function appOf(t: Test, server = {}): FastifyInstance {
  const app = Fastify(server)
  t.teardown(() => app.close())
  return app
}

/** The matrix of a program, once it is ready. */
async function matrixOf(t: Test, program: Program, more: Partial<EntraOptions> = {}): Promise<readonly AccessEntry[]> {
  const app = appOf(t)
  await app.register(entra, { ...options, ...more } as EntraOptions)
  await program(app)
  await app.ready()
  return app.accessMatrix()
}

/** `GET /x: callers`, without the HEAD that Fastify adds. */
const lines = (matrix: readonly AccessEntry[]) =>
  matrix.filter(({ method }) => method !== 'HEAD').map(({ method, url, callers }) => `${method} ${url}: ${callers}`)

const read = requireScope('Orders.Read')
const all = requireAppPermission('Orders.Read.All')
const admin = requireRole('Admin')
const yes = requirePolicy('own', () => true)

t.test('each route and method, in their order, with who may call', async (t) => {
  const matrix = await matrixOf(t, (app) => {
    app.post('/orders', { preHandler: [read, yes] }, handler)
    app.get('/any', handler)
    app.get('/public', { config: { auth: 'none' } }, handler)
    app.get('/optional', { config: { auth: 'optional' } }, handler)
    app.get('/guarded', { config: { auth: 'optional' }, preHandler: admin }, handler)
    app.route({ method: ['PUT', 'DELETE'], url: '/orders/:id', preValidation: anyOf(read, all), handler })
    app.get('/nested', { onRequest: anyOf(allOf(read, admin), all) }, handler)
  })
  t.same(lines(matrix), [
    'POST /orders: the scope Orders.Read, and the policy own',
    'GET /any: any valid token',
    'GET /public: anyone',
    'GET /optional: unauthenticated requests, and any valid token',
    'GET /guarded: the role Admin, held by a user',
    'PUT /orders/:id: the scope Orders.Read, or the application permission Orders.Read.All',
    'DELETE /orders/:id: the scope Orders.Read, or the application permission Orders.Read.All',
    'GET /nested: (the scope Orders.Read, and the role Admin, held by a user), or the application permission Orders.Read.All'
  ])
  t.same(matrix[0], {
    method: 'POST',
    url: '/orders',
    auth: 'required',
    rule: { kind: 'allOf', rules: [read.rule, yes.rule] },
    callers: 'the scope Orders.Read, and the policy own'
  })
  t.equal(matrix.find(({ url }) => url === '/nested')?.rule?.kind, 'anyOf', 'one guard is its own rule')
  t.equal(matrix.find(({ url }) => url === '/any')?.rule, undefined)
  t.same(
    matrix.map(({ auth }) => auth).filter((auth) => auth !== 'required'),
    ['none', 'none', 'optional', 'optional', 'optional', 'optional']
  )
})

t.test('HEAD is listed where Fastify answers it, right after its GET', async (t) => {
  const matrix = await matrixOf(t, (app) => {
    app.get('/x', { preHandler: read }, handler)
    app.get('/y', { exposeHeadRoute: false }, handler)
  })
  t.same(
    matrix.map(({ method, url, callers }) => [method, url, callers]),
    [
      ['GET', '/x', 'the scope Orders.Read'],
      ['HEAD', '/x', 'the scope Orders.Read'],
      ['GET', '/y', 'any valid token']
    ]
  )
})

t.test('routes of all kinds: prefixes, constraints, every method', async (t) => {
  const matrix = await matrixOf(t, async (app) => {
    await app.register(async (child) => void child.get('/', { preHandler: read }, handler), { prefix: '/v1' })
    app.get('/v', { constraints: { version: '1.0.0' } }, handler)
    app.get('/v', { constraints: { version: '2.0.0' }, preHandler: admin }, handler)
    app.all('/all', { preHandler: read }, handler)
  })
  t.same(lines(matrix).slice(0, 4), [
    'GET /v1: the scope Orders.Read',
    'GET /v1/: the scope Orders.Read',
    'GET /v: any valid token',
    'GET /v: the role Admin, held by a user'
  ])
  t.same(
    matrix.filter(({ url }) => url === '/v').map(({ constraints }) => constraints),
    [{ version: '1.0.0' }, { version: '1.0.0' }, { version: '2.0.0' }, { version: '2.0.0' }]
  )
  t.notOk(Object.hasOwn(matrix[0] ?? {}, 'constraints'), 'only where a route has some')
  const methods = matrix.filter(({ url }) => url === '/all').map(({ method }) => method)
  for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) t.ok(methods.includes(method), method)
})

t.test('nothing of it can be changed, also no rule of a guard', async (t) => {
  const matrix = await matrixOf(t, (app) => app.get('/x', { preHandler: [anyOf(read, allOf(all)), admin] }, handler))
  const deep = (value: unknown): unknown[] =>
    typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(deep)] : []
  t.ok(deep(matrix).length > 5)
  for (const each of deep(matrix)) t.ok(Object.isFrozen(each))
})

t.test('before the app is ready it lists what was declared so far; then it stays the same', async (t) => {
  const app = appOf(t)
  await app.register(entra, options)
  t.same(app.accessMatrix(), [])
  app.get('/x', { config: { auth: 'none' } }, handler)
  t.same(lines(app.accessMatrix()), ['GET /x: anyone'])
  await app.ready()
  t.same(lines(app.accessMatrix()), ['GET /x: anyone'])
  t.equal(app.accessMatrix(), app.accessMatrix())
})

t.test('a guard in a hook of a scope counts for its routes, and for those of scopes below', async (t) => {
  const matrix = await matrixOf(t, (app) => {
    app.get('/before', handler)
    app.register(async (child) => {
      child.get('/first', { preHandler: read }, handler)
      child.addHook('preHandler', admin)
      child.register(async (below) => void below.get('/below', handler))
      child.get('/twice', { preHandler: admin }, handler)
      child.get('/open', { config: { auth: 'none' } }, handler)
    })
    app.get('/after', handler)
  })
  t.same(lines(matrix).sort(), [
    'GET /after: any valid token',
    'GET /before: any valid token',
    'GET /below: the role Admin, held by a user',
    'GET /first: the role Admin, held by a user, and the scope Orders.Read',
    'GET /open: nobody: a guard in a hook requires a token, and this route does not inspect any',
    'GET /twice: the role Admin, held by a user'
  ])
})

t.test('a hook that was there before the plugin counts too', async (t) => {
  const app = appOf(t)
  app.addHook('preHandler', admin)
  app.register(entra, options)
  app.addHook('preHandler', read)
  app.after(() => app.get('/x', handler))
  await app.ready()
  t.same(lines(app.accessMatrix()), ['GET /x: the role Admin, held by a user, and the scope Orders.Read'])
  t.same(guardsInHooks({} as FastifyInstance), [], 'a Fastify that keeps its hooks elsewhere')
})

t.test('what other onRoute hooks change is what counts', async (t) => {
  const matrix = await matrixOf(t, (app) => {
    app.register(async (docs) => {
      docs.addHook('onRoute', (route) => {
        route.config = { ...route.config, auth: 'none' }
      })
      docs.get('/docs', handler)
    })
    app.register(async (child) => {
      child.addHook('onRoute', (route) => {
        route.preHandler = [read]
      })
      child.get('/guarded', handler)
    })
  })
  t.same(lines(matrix), ['GET /docs: anyone', 'GET /guarded: the scope Orders.Read'])
})

t.test('a route before the plugin: listed, as far as Fastify tells', async (t) => {
  const unknown = 'not known: declared before fastify-entra was registered'
  const declare: Program = (app) => {
    app.get('/', handler)
    app.get('/orders', { config: { auth: 'none' } }, handler)
    app.post('/orders/:id', { preHandler: read }, handler)
    app.get('/v', { constraints: { version: '1.0.0' } }, handler)
    app.post('/v', { constraints: { version: '2.0.0' } }, handler)
    app.get('/files/*', handler)
    app.get('/a (GET)', handler)
  }
  for (const awaited of [true, false]) {
    const app = appOf(t, { exposeHeadRoutes: false })
    declare(app)
    const registered = app.register(entra, options)
    if (awaited) await registered
    app.get('/early-or-not', handler)
    await app.ready()
    const known = awaited ? 'GET /early-or-not: any valid token' : `GET /early-or-not: ${unknown}`
    t.same(
      lines(app.accessMatrix()).sort(),
      [
        `GET /: ${unknown}`,
        `GET /a (GET): ${unknown}`,
        known,
        `GET /files/*: ${unknown}`,
        `GET /orders: ${unknown}`,
        `GET /v: ${unknown}`,
        `POST /orders/:id: ${unknown}`,
        `POST /v: ${unknown}`
      ],
      awaited ? 'awaited' : 'not awaited'
    )
    t.match(app.accessMatrix()[0], { auth: 'unknown', rule: undefined })
  }
})

t.test('a single route before the plugin, and none', async (t) => {
  const app = appOf(t, { exposeHeadRoutes: false })
  t.same(earlyRoutes(app), [])
  app.get('/only', handler)
  t.same(earlyRoutes(app), [{ method: 'GET', url: '/only' }])
  app.delete('*', handler)
  t.same(earlyRoutes(app), [
    { method: 'GET', url: '/only' },
    { method: 'DELETE', url: '*' }
  ])
})

t.test('in a scope of its own the plugin lists the routes of that scope', async (t) => {
  const app = appOf(t)
  app.get('/outside', handler)
  let matrix: readonly AccessEntry[] = []
  await app.register(async (child) => {
    await child.register(entra, options)
    child.get('/inside', { preHandler: read }, handler)
    child.addHook('onReady', async () => {
      matrix = child.accessMatrix()
    })
  })
  await app.ready()
  t.same(lines(matrix), ['GET /inside: the scope Orders.Read'])
  t.notOk(app.hasDecorator('accessMatrix'))
})

t.test('@fastify/cors, which must come first, declares no decision and needs none', async (t) => {
  const app = appOf(t)
  await app.register(cors)
  await app.register(entra, { ...options, strictRoutes: true })
  app.get('/x', declared, handler)
  await app.ready()
  t.same(lines(app.accessMatrix()), [
    'OPTIONS *: anyone for what @fastify/cors answers by itself, such as a preflight; otherwise any valid token',
    'GET /x: any valid token'
  ])
})

t.test('a matrix agrees with what is answered', async (t) => {
  const tenant = await startTestTenant(t)
  const made = makeApp(t)
  const { app } = made
  app.addHook('preHandler', async () => {})
  await app.register(entra, { ...options, authority: tenant.origin })
  app.get('/any', handler)
  app.get('/public', { config: { auth: 'none' } }, handler)
  app.get('/optional', { config: { auth: 'optional' } }, handler)
  app.get('/optional-guarded', { config: { auth: 'optional' }, preHandler: requireUser() }, handler)
  app.get('/guarded', { preHandler: read }, handler)
  app.register(async (child) => {
    child.addHook('preHandler', read)
    child.get('/hooked', handler)
    child.get('/nobody', { config: { auth: 'none' } }, handler)
  })
  const { origin } = await listen(made)
  const expected: Record<string, [stranger: number, lacking: number, holding: number]> = {
    anyone: [200, 200, 200],
    'unauthenticated requests, and any valid token': [200, 200, 200],
    'any valid token': [401, 200, 200],
    'a user': [401, 200, 200],
    'the scope Orders.Read': [401, 403, 200],
    'nobody: a guard in a hook requires a token, and this route does not inspect any': [401, 401, 401]
  }
  const tokens = [undefined, await tenant.userToken(), await tenant.userToken({ scp: 'Orders.Read' })]
  const matrix = app.accessMatrix()
  t.equal(matrix.length, 14)
  for (const { method, url, callers } of matrix) {
    const statuses = await Promise.all(tokens.map(async (token) => (await get(origin + url, token, { method })).status))
    t.same(statuses, expected[callers], `${method} ${url}: ${callers}`)
  }
})

t.test('for every method and both spellings of a path, the matrix has what the router answers', async (t) => {
  const tenant = await startTestTenant(t)
  const made = makeApp(t)
  const { app } = made
  await app.register(cors)
  await app.register(entra, { ...options, authority: tenant.origin })
  const answer = async () => 'routed'
  const scoped = (prefix: string, routes: Program) => app.register(async (child) => void routes(child), { prefix })
  app.get('/', answer)
  app.get('/plain', answer)
  app.get('/slash/', answer)
  app.post('/both', answer)
  app.put('/both/', answer)
  scoped('/admin', (child) => {
    child.get('/', answer)
    child.post('/', answer)
    child.route({ method: ['PUT', 'PATCH'], url: '/', handler: answer })
  })
  scoped('/no', (child) => child.get('/', { prefixTrailingSlash: 'no-slash' }, answer))
  scoped('/only', (child) => child.get('/', { prefixTrailingSlash: 'slash' }, answer))
  scoped('/moved', (child) => {
    child.addHook('onRoute', (route) => {
      if (route.url === '/moved/from') route.url = '/moved/to'
    })
    child.delete('/from', answer)
  })
  const { origin } = await listen(made)
  const token = await tenant.userToken()
  const listed = new Set(app.accessMatrix().map(({ method, url }) => `${method} ${url}`))
  t.equal(listed.size, app.accessMatrix().length, 'each once')
  const paths = [
    '/',
    ...['/plain', '/slash', '/both', '/admin', '/no', '/only', '/moved/from', '/moved/to'].flatMap((path) => [
      path,
      `${path}/`
    ])
  ]
  const answered: string[] = []
  for (const path of paths) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      const { status } = await get(origin + path, token, { method })
      t.ok(status === 200 || status === 404, `${method} ${path}: ${status}`)
      if (status === 200) answered.push(`${method} ${path}`)
    }
  }
  t.same([...listed].filter((each) => each !== 'OPTIONS *').sort(), answered.sort())
  const preflight = { origin: 'https://spa.example', 'access-control-request-method': 'GET' }
  t.equal((await get(`${origin}/plain`, undefined, { method: 'OPTIONS', headers: preflight })).status, 204, 'OPTIONS *')
  t.equal((await get(`${origin}/plain`, undefined, { method: 'OPTIONS' })).status, 400, 'by @fastify/cors')
})

t.test('a challenge and the documents know of guards in hooks too', async (t) => {
  const tenant = await startTestTenant(t)
  const made = makeApp(t)
  const { app } = made
  await app.register(entra, { ...options, authority: tenant.origin })
  const { transform, securitySchemes } = app.entra.openapi
  await app.register(swagger, { openapi: { components: { securitySchemes: { ...securitySchemes } } }, transform })
  app.register(async (child) => {
    child.addHook('preHandler', requireScope('Orders.Write'))
    child.get('/x', { preHandler: read }, handler)
  })
  const { origin } = await listen(made)
  const { headers, status } = await get(`${origin}/x`, await tenant.userToken())
  t.equal(status, 403)
  t.match(headers.get('www-authenticate'), `scope="api://${clientId}/Orders.Write api://${clientId}/Orders.Read"`)
  const { paths } = app.swagger() as { paths: Record<string, unknown> }
  const scopes = ['Orders.Write', 'Orders.Read'].map((name) => `api://${clientId}/${name}`)
  t.match(paths['/x'], { get: { security: [{ entraUser: scopes }] } })
})

/** What the start stops with. */
async function stop(t: Test, program: Program, more: Partial<EntraOptions> = {}): Promise<string> {
  const thrown = await matrixOf(t, program, more).then(
    () => ({ message: 'it starts' }),
    (error: Error) => error
  )
  if (thrown.message !== 'it starts') t.match(thrown, { name: 'EntraConfigurationError', code: 'ENTRA_CONFIGURATION' })
  return thrown.message
}

t.test('strictRoutes: a route without a decision stops the start, and all of them are named', async (t) => {
  const strict = { strictRoutes: true }
  const program: Program = (app) => {
    app.get('/forgotten', handler)
    app.get('/guarded', { preHandler: read }, handler)
    app.get('/public', { config: { auth: 'none' } }, handler)
    app.get('/optional', { config: { auth: 'optional' } }, handler)
    app.get('/any', declared, handler)
    app.route({ method: ['PUT', 'DELETE'], url: '/also', config: { auth: undefined } as object, handler })
    app.head('/head', handler)
  }
  t.equal(
    await stop(t, program, strict),
    "strictRoutes: neither a guard nor config.auth is declared for GET /forgotten, PUT /also, DELETE /also, HEAD /head; give each a guard, or write config: { auth: 'required' } where any valid token may call"
  )
  t.equal(await stop(t, program), 'it starts', 'without the option they are listed, and closed')
  t.equal(await stop(t, (app) => app.get('/any', declared, handler), strict), 'it starts')
  const hooked: Program = (app) => {
    app.addHook('preHandler', read)
    app.get('/x', handler)
  }
  t.equal(await stop(t, hooked, strict), 'it starts', 'a guard in a hook is a guard')
})

t.test('strictRoutes: a route before the plugin cannot be looked at', async (t) => {
  const app = appOf(t)
  app.get('/early', declared, handler)
  app.register(entra, { ...options, strictRoutes: true })
  app.after(() => app.get('/forgotten', handler))
  const message =
    "strictRoutes: neither a guard nor config.auth is declared for GET /forgotten; give each a guard, or write config: { auth: 'required' } where any valid token may call; and the plugin cannot check routes that were declared before it: GET /early; register fastify-entra first, and await it"
  await t.rejects(async () => app.ready(), { name: 'EntraConfigurationError', message })
  const onlyEarly = appOf(t)
  onlyEarly.get('/early', declared, handler)
  onlyEarly.register(entra, { ...options, strictRoutes: true })
  await t.rejects(async () => onlyEarly.ready(), {
    message:
      'strictRoutes: the plugin cannot check routes that were declared before it: GET /early; register fastify-entra first, and await it'
  })
})

t.test('a scope, role or permission in two spellings stops the start, with a route of each', async (t) => {
  const rows: [name: string, first: Guard, second: Guard, says: string][] = [
    ['a scope', read, requireScope('orders.read'), 'the scope Orders.Read, and GET /b requires the scope orders.read'],
    [
      'a role',
      admin,
      requireRole('ADMIN'),
      'the role Admin, held by a user, and GET /b requires the role ADMIN, held by a user'
    ],
    [
      'an application permission',
      all,
      requireAppPermission('Orders.read.All'),
      'the application permission Orders.Read.All, and GET /b requires the application permission Orders.read.All'
    ],
    [
      'deep inside',
      anyOf(all, allOf(admin, read)),
      anyOf(yes, allOf(requireScope('Orders.read'))),
      'the scope Orders.Read, and GET /b requires the scope Orders.read'
    ]
  ]
  for (const [name, first, second, says] of rows) {
    const program: Program = (app) => {
      app.get('/a', { preHandler: first }, handler)
      app.get('/b', { preHandler: second }, handler)
    }
    const fix = 'names are case-sensitive, so write both alike'
    t.equal(await stop(t, program), `GET /a requires ${says}; ${fix}`, name)
  }
  const alike: Program = (app) => {
    app.get('/a', { preHandler: [read, requireRole('Reader'), requirePolicy('Own', () => true)] }, handler)
    app.get('/b', { preHandler: [read, requirePolicy('own', () => true)] }, handler)
    app.get('/c', { preHandler: requireAppPermission('reader') }, handler)
  }
  t.equal(await stop(t, alike), 'it starts', 'a policy is no permission, and a role is none of an app')
})

t.test('mistakes that show only with what hooks and other plugins add', async (t) => {
  const never: Program = (app) => {
    app.addHook('preHandler', requireUser())
    app.get('/x', { preHandler: requireApp() }, handler)
  }
  t.match(await stop(t, never), /^GET \/x requires a user and an app at once/)
  const late =
    (change: object): Program =>
    (app) => {
      app.addHook('onRoute', (route) => void Object.assign(route, change))
      app.get('/x', { preHandler: read }, handler)
    }
  t.match(await stop(t, late({ config: { auth: 'none' } })), /^GET \/x has a guard and config\.auth "none"/)
  t.match(await stop(t, late({ config: { auth: 'off' } })), /^GET \/x has config\.auth "off"/)
  t.match(await stop(t, late({ onSend: read })), /^GET \/x has a guard in onSend/)
})

t.test('the name accessMatrix is taken', async (t) => {
  const app = appOf(t)
  app.decorate('accessMatrix' as string, 'of the app')
  const message = 'app.accessMatrix is decorated already, and this plugin needs the name; rename the other decorator'
  await t.rejects(async () => app.register(entra, options), { message })
})
