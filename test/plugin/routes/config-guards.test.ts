/** A guard in a route's `config.auth`: it decides as in preHandler, before all other code of the route, or the start stops. */
import Fastify, { type FastifyInstance, type RouteOptions, type RouteShorthandOptions } from 'fastify'
import t, { type Test } from 'tap'
import { enforceConfigGuards } from '../../../src/plugin/fastify/enforce.js'
import {
  allOf,
  anyOf,
  requireApp,
  requireAppPermission,
  requirePolicy,
  requireRole,
  requireScope,
  requireUser
} from '../../../src/plugin/index.js'
import { watcherMark } from '../../../src/plugin/lib/marks.js'
import { buildApi, optionsFor, startApi } from '../../support/api.js'
import { get } from '../../support/http.js'
import { clientId, startTestTenant } from '../../support/tenant.js'

const tenant = await startTestTenant(t)
const read = requireScope('Orders.Read')
const all = requireAppPermission('Orders.Read.All')
const admin = requireRole('Admin')
const holding = await tenant.userToken({ scp: 'Orders.Read' })
const lacking = await tenant.userToken()
const service = await tenant.appToken({ roles: ['Orders.Read.All'] })
const handler = async () => 'ok'

t.test('allows and refuses as the same guard in preHandler does', async (t) => {
  const { outcome, get } = await startApi(t, {
    tenant,
    routes: {
      '/config': { config: { auth: read } },
      '/hook': { preHandler: read },
      '/any': { config: { auth: anyOf(read, all) } },
      '/all': { config: { auth: allOf(read, admin) } }
    }
  })
  for (const token of [undefined, lacking, holding, service, 'garbage'])
    t.equal(await outcome('/config', token), await outcome('/hook', token))
  t.equal(await outcome('/config', holding), '200')
  t.equal(await outcome('/config', lacking), '403 insufficient_permissions')
  t.equal(await outcome('/config'), '401 credentials_missing')
  t.same([await outcome('/any', service), await outcome('/any', holding)], ['200', '200'])
  t.equal(await outcome('/all', holding), '403 insufficient_permissions')
  const refused = await get('/config', lacking)
  t.match(refused.headers.get('www-authenticate'), `scope="api://${clientId}/Orders.Read"`)
})

t.test('applies to HEAD, to scopes below, and to routes declared before an un-awaited register', async (t) => {
  const { outcome, origin } = await startApi(t, {
    tenant,
    before: (app) => void app.get('/early', { config: { auth: read } }, handler),
    routes: async (app) => {
      app.get('/x', { config: { auth: read } }, handler)
      await app.register(async (child) => {
        child.get('/below', { config: { auth: read } }, handler)
        await child.register(async (deep) => void deep.get('/deep', { config: { auth: read } }, handler))
      })
    }
  })
  for (const path of ['/x', '/below', '/deep', '/early'])
    t.same([await outcome(path, lacking), await outcome(path, holding)], ['403 insufficient_permissions', '200'], path)
  const head = async (token: string) => (await get(`${origin}/x`, token, { method: 'HEAD' })).status
  t.same([await head(lacking), await head(holding)], [403, 200])
})

t.test('a refused request runs neither preHandlers nor the handler; a policy gets the parsed body', async (t) => {
  const ran: string[] = []
  const notes = (name: string) => async () => void ran.push(name)
  const own = requirePolicy('own', (principal, request) => {
    ran.push(`policy ${request.principalOrNull?.id === principal.id}`)
    return (request.body as { mine: boolean }).mine
  })
  const { origin } = await startApi(t, {
    tenant,
    routes: (app) => {
      app.addHook('preHandler', notes('hook of the scope'))
      app.post('/own', { config: { auth: own }, preHandler: [notes('own'), notes('second')] }, notes('handler'))
    }
  })
  const send = async (mine: boolean) => {
    ran.length = 0
    const headers = { 'content-type': 'application/json' }
    const { status } = await get(`${origin}/own`, lacking, { method: 'POST', headers, body: JSON.stringify({ mine }) })
    return [status, ...ran]
  }
  t.same(await send(false), [403, 'policy true'])
  t.same(await send(true), [200, 'policy true', 'hook of the scope', 'own', 'second', 'handler'])
})

t.test('guards in config and in preHandler both apply, and one answer names all that is missing', async (t) => {
  const { outcome, get } = await startApi(t, {
    tenant,
    routes: (app) => {
      app.addHook('preHandler', requireUser())
      app.get('/both', { config: { auth: read }, preHandler: requireScope('Orders.Write') }, handler)
      app.get('/twice', { config: { auth: read }, preHandler: read }, handler)
    }
  })
  const names = ['Orders.Read', 'Orders.Write'].map((name) => `api://${clientId}/${name}`).join(' ')
  t.match((await get('/both', lacking)).headers.get('www-authenticate'), `scope="${names}"`)
  t.equal(await outcome('/both', holding), '403 insufficient_permissions')
  t.equal(await outcome('/both', await tenant.userToken({ scp: 'Orders.Write' })), '403 insufficient_permissions')
  t.equal(await outcome('/both', await tenant.userToken({ scp: 'Orders.Write Orders.Read' })), '200')
  t.equal(await outcome('/twice', holding), '200')
})

t.test('the matrix, strictRoutes and OpenAPI see it', async (t) => {
  const { app } = await buildApi(t, {
    options: { ...optionsFor(tenant), strictRoutes: true },
    routes: {
      '/config': { config: { auth: anyOf(read, all) } },
      '/both': { config: { auth: read }, preHandler: admin }
    }
  })
  await app.ready()
  const matrix = app.entra.accessMatrix().filter(({ method }) => method === 'GET')
  t.same(
    matrix.map(({ url, auth, callers }) => [url, auth, callers]),
    [
      ['/config', 'required', 'the scope Orders.Read, or the application permission Orders.Read.All'],
      ['/both', 'required', 'the scope Orders.Read, and the role Admin, held by a user']
    ]
  )
  const [declared, hooked] = [
    await documented(t, { config: { auth: read } }),
    await documented(t, { preHandler: read })
  ]
  t.same(declared.security, [{ entraUser: [`api://${clientId}/Orders.Read`] }])
  t.same(declared, hooked)
})

/** What is documented for a route. */
async function documented(t: Test, route: RouteShorthandOptions): Promise<{ security?: unknown }> {
  let schema = {}
  const { app } = await buildApi(t, {
    options: optionsFor(tenant),
    routes: (app) => {
      app.addHook('onRoute', (route) => {
        schema = app.entra.openapi.transform({ schema: {}, url: route.url, route }).schema
      })
      app.get('/documented', route, handler)
    }
  })
  await app.ready()
  return schema
}

const allowed = 'give required, optional, none or one guard'

t.test('mistakes stop the start, and the sentence says what to change', async (t) => {
  const rows: readonly (readonly [auth: unknown, says: string])[] = [
    ['non', `GET /x has config.auth "non"; ${allowed}`],
    [{ rule: read.rule }, `GET /x has config.auth {"rule":{"kind":"scope","name":"Orders.Read"}}; ${allowed}`],
    [[read, admin], 'GET /x has a list in config.auth; give one guard, and combine several with allOf or anyOf'],
    [[[requireUser]], 'GET /x has a list in config.auth; give one guard, and combine several with allOf or anyOf'],
    [requireUser, 'GET /x has a function that makes guards in config.auth; call it to make the guard']
  ]
  for (const [auth, message] of rows) {
    const routes = { '/x': { config: { auth } } as object }
    await t.rejects(buildApi(t, { options: optionsFor(tenant), routes }), { name: 'EntraConfigurationError', message })
  }
  const both = 'GET /x requires a user and an app at once'
  const routes = { '/x': { config: { auth: read }, preHandler: requireApp() } }
  await t.rejects(buildApi(t, { options: optionsFor(tenant), routes }), { message: new RegExp(`^${both}`) })
})

t.test('a not-found handler: one guard decides; anything else stops the start', async (t) => {
  type Set = (options: object, handler: () => Promise<string>) => FastifyInstance
  const set = (app: FastifyInstance, auth: unknown) => (app.setNotFoundHandler as Set)({ config: { auth } }, handler)
  const { outcome } = await startApi(t, {
    tenant,
    routes: async (app) => {
      set(app, read)
      app.get('/calls', async (_request, reply) => reply.callNotFound())
      await app.register(async (child) => void set(child, admin), { prefix: '/below' })
    }
  })
  for (const path of ['/nowhere', '/calls'])
    t.same(
      [await outcome(path), await outcome(path, lacking), await outcome(path, holding)],
      ['401 credentials_missing', '403 insufficient_permissions', '200'],
      path
    )
  t.equal(await outcome('/below/nowhere', holding), '403 insufficient_permissions')
  t.equal(await outcome('/below/nowhere', await tenant.userToken({ roles: ['Admin'] })), '200')

  const list = 'has a list in config.auth; give one guard, and combine several with allOf or anyOf'
  const rows: readonly (readonly [auth: unknown, says: string])[] = [
    [[read], list],
    ['non', `has config.auth "non"; ${allowed}`],
    [requireUser, 'has a function that makes guards in config.auth; call it to make the guard']
  ]
  for (const [auth, says] of rows) {
    const { app } = await buildApi(t, { options: optionsFor(tenant), routes: (app) => void set(app, auth) })
    const message = `the not-found handler of / ${says}`
    await t.rejects(async () => app.ready(), { name: 'EntraConfigurationError', message })
  }
  const { app } = await buildApi(t, {
    options: optionsFor(tenant),
    routes: (app) => app.register(async (child) => void set(child, [read]), { prefix: '/below' })
  })
  await t.rejects(async () => app.ready(), { message: `the not-found handler of /below ${list}` })
  const without = Fastify()
  t.teardown(() => without.close())
  set(without, read)
  await t.rejects(async () => without.ready(), {
    message: /^the not-found handler of \/ has a guard in config\.auth where fastify-entra is not registered; /
  })
  const other = Fastify()
  t.teardown(() => other.close())
  set(other, ['jwt'])
  await t.resolves(async () => other.ready(), 'no other app is affected')
})

t.test('websocket routes, and routes of other methods: a list stops the start', async (t) => {
  for (const more of [{ method: 'HEAD' }, { method: ['GET', 'POST'] }, { method: 'GET', websocket: true }]) {
    const route = { ...more, url: '/x', config: { auth: [read] }, handler } as unknown as RouteOptions
    const routes = (app: FastifyInstance) => app.register(async (child) => void child.route(route))
    await t.rejects(buildApi(t, { options: optionsFor(tenant), routes }), {
      message: /^\S+ \/x has a list in config\.auth/
    })
  }
})

const outside =
  'GET /x has a guard in config.auth where fastify-entra is not registered; register the plugin there, or in a scope around it, before that scope is created'

t.test('a route outside the plugin’s scope stops the start', async (t) => {
  const declare = async (app: FastifyInstance) => void app.get('/x', { config: { auth: read } }, handler)
  const rows: Record<string, (app: FastifyInstance) => unknown> = {
    'in a scope that was created first': (app) => app.register(declare),
    'beside the scope of the plugin, before': (app) => {
      declare(app)
      app.register(async (child) => void (await buildApi(t, { app: child, options: optionsFor(tenant) })))
    }
  }
  for (const [name, before] of Object.entries(rows)) {
    const app = Fastify()
    t.teardown(() => app.close())
    before(app)
    if (name.startsWith('in ')) await buildApi(t, { app, options: optionsFor(tenant) })
    await t.rejects(async () => app.ready(), { name: 'EntraConfigurationError', message: outside }, name)
  }
  const without = Fastify()
  t.teardown(() => without.close())
  await declare(without)
  await t.rejects(async () => without.ready(), { message: outside }, 'without the plugin')
  const early = Fastify()
  t.teardown(() => early.close())
  early.get('/x', { config: { auth: [read] } as object }, handler)
  await buildApi(t, { app: early, options: optionsFor(tenant) })
  await t.rejects(async () => early.ready(), { message: /^GET \/x has a list in config\.auth/ }, 'declared before')
})

t.test('no other app is affected', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  for (const [at, auth] of ['jwt', { strategies: ['jwt'] }, ['jwt'], () => true, null].entries())
    app.get(`/${at}`, { config: { auth } as object }, handler)
  await t.resolves(async () => app.ready())
})

t.test('an error of the guard is the answer, and not a way in', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  enforceConfigGuards(app)
  app.addHook(
    'onRoute',
    Object.assign(() => {}, { [watcherMark]: true })
  )
  app.get('/x', { config: { auth: read } }, handler)
  const { statusCode, body } = await app.inject('/x')
  t.equal(statusCode, 500)
  t.match(body, 'GET /x has a guard where fastify-entra is not registered')
})

t.test(
  'a plugin whose onRoute hook loses the guard stops the start; one that copies the config or adds guards does not',
  async (t) => {
    const withHook = async (hook: (route: RouteOptions) => void, place: 'before' | 'after') => {
      const add = (app: FastifyInstance) => void app.addHook('onRoute', hook)
      const { app } = await buildApi(t, {
        options: optionsFor(tenant),
        ...(place === 'before' && { before: add }),
        routes: (app) => {
          if (place === 'after') add(app)
          app.get('/x', { config: { auth: read } }, handler)
        }
      })
      await app.ready()
      const authorization = `Bearer ${lacking}`
      return (await app.inject({ url: '/x', headers: { authorization } })).statusCode
    }
    const losing: readonly ((route: RouteOptions) => void)[] = [
      (route) => Object.assign(route, { config: JSON.parse(JSON.stringify(route.config)) }),
      (route) => Object.assign(route.config as object, { auth: 'none' }),
      (route) => Object.assign(route.config as object, { auth: undefined })
    ]
    const message =
      'GET /x was declared with a guard in config.auth that an onRoute hook removed or replaced; have that hook keep config.auth, or give the guard as a preHandler'
    for (const hook of losing)
      for (const place of ['before', 'after'] as const)
        await t.rejects(withHook(hook, place), { name: 'EntraConfigurationError', message }, `${hook} ${place}`)
    t.equal(await withHook((route) => Object.assign(route, { config: { ...route.config } }), 'after'), 403)
    t.equal(
      await withHook((route) => Object.assign(route.config as object, { auth: allOf(read, admin) }), 'after'),
      403
    )
  }
)

t.test('an inherited guard would decide nothing, and stops the start', async (t) => {
  const config = Object.create({ auth: read })
  const message =
    'GET /x inherits a guard in config.auth, and inherited values do not count; give each route a config with an auth of its own'
  const expected = { name: 'EntraConfigurationError', message }
  await t.rejects(buildApi(t, { options: optionsFor(tenant), routes: { '/x': { config } } }), expected)
  const before = Fastify()
  t.teardown(() => before.close())
  before.get('/x', { config }, handler)
  await buildApi(t, { app: before, options: optionsFor(tenant) })
  await t.rejects(async () => before.ready(), expected, 'declared before')
})

t.test('options of Fastify’s register are no mistakes of the plugin', async (t) => {
  const options = { ...optionsFor(tenant), prefix: '/v1', logLevel: 'warn', logSerializers: {} }
  await t.resolves(buildApi(t, { options, routes: {} }))
})
