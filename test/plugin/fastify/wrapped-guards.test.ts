/** Plugins that wrap hooks, as those that trace them do: the rule of a route stays known, or the start fails. */
import type { FastifyInstance, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import t, { type Test } from 'tap'
import {
  type Guard,
  requireAgent,
  requireApp,
  requireHuman,
  requireMember,
  requirePolicy,
  requireRole,
  requireScope,
  requireUser
} from '../../../src/plugin/index.js'
import { type ApiSetup, buildApi, startApi } from '../../support/api.js'
import { get } from '../../support/http.js'
import { clientId, tenantId } from '../../support/tenant.js'

type Hook = (this: unknown, ...values: unknown[]) => unknown

const names = ['onRequest', 'preParsing', 'preValidation', 'preHandler', 'onSend'] as const
const wrapped = (hook: Hook): Hook =>
  function (...values) {
    return hook.apply(this, values)
  }
const wrapAll = (hooks: unknown) => (Array.isArray(hooks) ? hooks.map(wrapped) : wrapped(hooks as Hook))

/** Wraps the hooks of routes. */
const wrapsRoutes = fp(async (app: FastifyInstance) => {
  app.addHook('onRoute', (route) => {
    for (const name of names) if (route[name]) Object.assign(route, { [name]: wrapAll(route[name]) })
  })
})

/** Wraps the hooks of scopes. */
const wrapsHooks = fp(async (app: FastifyInstance) => {
  const { addHook } = app as unknown as { addHook: (this: unknown, name: string, hook: Hook) => unknown }
  Object.assign(app, {
    addHook(this: unknown, name: string, hook: Hook) {
      return addHook.call(this, name, (names as readonly string[]).includes(name) ? wrapped(hook) : hook)
    }
  })
})

const tracing = fp(async (app: FastifyInstance) => {
  await app.register(wrapsRoutes)
  await app.register(wrapsHooks)
})

/** Replaces the guards of routes by nothing. */
const stripping = fp(async (app: FastifyInstance) => {
  app.addHook('onRoute', (route) => void Reflect.deleteProperty(route, 'preHandler'))
})

const handler = async () => 'ok'
const read = requireScope('Orders.Read')
const admin = requireRole('Admin')

const start = (t: Test, routes: (app: FastifyInstance) => unknown, more: ApiSetup = {}) =>
  startApi(t, { before: (app) => app.register(tracing), routes, ...more })

/** What the start stops with. */
async function stop(t: Test, routes: (app: FastifyInstance) => unknown, before = tracing): Promise<string> {
  const options = { tenantId, clientId, authority: 'http://127.0.0.1:1' }
  const starting = buildApi(t, { options, before: (app) => app.register(before), routes })
  const error = await starting
    .then(({ app }) => app.ready())
    .then(
      () => undefined,
      (thrown: Error) => thrown
    )
  if (error) t.equal(error.name, 'EntraConfigurationError')
  return error?.message ?? 'it starts'
}

t.test(
  'the rules of wrapped guards: in the matrix, with strictRoutes, in the document and in the challenge',
  async (t) => {
    const program = (app: FastifyInstance) => {
      app.get('/one', { preHandler: read }, handler)
      app.get('/two', { preValidation: [read], onRequest: admin }, handler)
      app.register(async (child) => {
        child.get('/hooked', handler)
        child.addHook('preHandler', admin)
        child.register(async (below) => void below.get('/below', { preHandler: read }, handler))
      })
    }
    const { app, tenant, get, outcome } = await start(t, program, { options: { strictRoutes: true } })
    const matrix = app.entra.accessMatrix().map(({ method, url, callers }) => `${method} ${url}: ${callers}`)
    t.same(
      matrix.filter((line) => line.startsWith('GET')),
      [
        'GET /one: the scope Orders.Read',
        'GET /two: the role Admin, held by a user, and the scope Orders.Read',
        'GET /hooked: the role Admin, held by a user',
        'GET /below: the role Admin, held by a user, and the scope Orders.Read'
      ]
    )
    const [neither, reader, both] = [
      await tenant.userToken(),
      await tenant.userToken({ scp: 'Orders.Read' }),
      await tenant.userToken({ scp: 'Orders.Read', roles: ['Admin'] })
    ]
    for (const path of ['/one', '/two', '/hooked', '/below']) {
      t.equal((await get(path)).status, 401, path)
      t.equal((await get(path, neither)).status, 403, path)
      t.equal((await get(path, reader)).status, path === '/one' ? 200 : 403, path)
      t.equal(await outcome(path, both), '200', path)
      t.match((await get(path, neither)).headers.get('www-authenticate'), /error="insufficient_scope"/)
    }
    t.match((await get('/below', neither)).headers.get('www-authenticate'), `scope="api://${clientId}/Orders.Read"`)
  }
)

t.test('a guard is called once, whether its wrapper calls it or not, and after the hooks of its scope', async (t) => {
  const calls: string[] = []
  const policy = requirePolicy('Noted', (_principal, request) => {
    calls.push(String((request as unknown as { order?: string }).order))
    return true
  })
  const program = (app: FastifyInstance) => {
    app.addHook('preHandler', async (request) => void Object.assign(request, { order: 'loaded' }))
    app.get('/x', { preHandler: policy }, handler)
  }
  for (const before of [wrapsRoutes, stripping]) {
    const { tenant, outcome } = await start(t, program, { before: (app) => app.register(before) })
    t.equal(await outcome('/x', await tenant.userToken()), '200')
    t.same(calls.splice(0), ['loaded'])
  }
})

t.test('a guard that an earlier onRoute hook takes away is enforced', async (t) => {
  const program = (app: FastifyInstance) => void app.get('/x', { preHandler: [read, admin] }, handler)
  const { app, tenant, outcome } = await start(t, program, { before: (app) => app.register(stripping) })
  t.equal(app.entra.accessMatrix()[0]?.callers, 'the scope Orders.Read, and the role Admin, held by a user')
  t.equal(await outcome('/x', await tenant.userToken({ scp: 'Orders.Read' })), '403 insufficient_permissions')
  t.equal(await outcome('/x', await tenant.userToken({ scp: 'Orders.Read', roles: ['Admin'] })), '200')
})

t.test(
  'an earlier onRoute hook that empties the array opens neither HEAD nor another route with that array',
  async (t) => {
    const emptying = fp(async (app: FastifyInstance) => {
      app.addHook('onRoute', ({ preHandler }) => void (Array.isArray(preHandler) && preHandler.splice(0)))
    })
    const guards = [read]
    const { tenant, origin, app } = await startApi(t, {
      before: (app) => app.register(emptying),
      routes: { '/x': { preHandler: guards }, '/y': { preHandler: guards } }
    })
    const token = await tenant.userToken()
    for (const path of ['/x', '/y'])
      for (const method of ['GET', 'HEAD'])
        t.equal((await get(origin + path, token, { method })).status, 403, `${method} ${path}`)
    t.same([...new Set(app.accessMatrix().map(({ callers }) => callers))], ['the scope Orders.Read'])
  }
)

t.test('a guard that was not called stops the start, wrapped or not', async (t) => {
  const uncalled = requireUser as unknown as Guard
  const inRoute = 'GET /x has a function that makes guards in preHandler; call it to make the guard'
  t.equal(await stop(t, (app) => void app.get('/x', { preHandler: uncalled }, handler)), inRoute)
  const inHook = (app: FastifyInstance) => {
    app.addHook('preHandler', uncalled as never)
    app.get('/x', handler)
  }
  const inScope = 'a scope of GET /x has a function that makes guards in preHandler; call it to make the guard'
  t.equal(await stop(t, inHook), inScope)
  t.equal(
    await stop(t, (app) => void app.get('/x', { onSend: read as never }, handler)),
    'GET /x has a guard in onSend; put it into preHandler'
  )
})

t.test('a guard that was not called never hangs a request, also where nothing sees it', async (t) => {
  const call = (make: unknown) => () => (make as Hook)({ url: '/x' }, {}, () => {})
  for (const make of [requireUser, requireApp, requireMember, requireAgent, requireHuman]) {
    const message = `${make.name} got an argument, as a hook does that was not called; call it to make the guard: ${make.name}()`
    t.throws(call(make), { name: 'EntraConfigurationError', message })
    t.equal(typeof make.bind(null)(), 'function', 'bound to anything but a scope it makes guards')
  }
})

t.test('a wrapped guard outside the scope of the plugin allows nobody', async (t) => {
  t.equal(read.bind(undefined), read, 'bound, it is the same guard')
  const { app } = await buildApi(t, {
    options: { tenantId, clientId, authority: 'http://127.0.0.1:1' },
    routes: {},
    before: async () => {}
  })
  const outside = Object.create(null) as object
  const request = { method: 'GET', routeOptions: { url: '/x' }, server: outside }
  const message =
    'GET /x has a guard where fastify-entra is not registered; register the plugin there, or in a scope around it'
  await t.rejects(read.call(app, request as never, {} as never), { name: 'EntraConfigurationError', message })
})

t.test('what wraps hooks after the plugin was registered stops the start', async (t) => {
  const nothing = fp(async () => {})
  const register = 'register the plugin of that hook, such as @fastify/otel, before fastify-entra'
  const late = 'GET /x was declared with a guard that an onRoute hook replaced after fastify-entra read it'
  const program = (wraps: typeof tracing) => async (app: FastifyInstance) => {
    await app.register(wraps)
    app.get('/x', { preHandler: read }, handler)
  }
  t.equal(await stop(t, program(wrapsRoutes), nothing), `${late}; ${register}`)
  t.equal(await stop(t, program(stripping), nothing), `${late}; ${register}`)
  t.equal(
    await stop(t, program(wrapsHooks), nothing),
    'addHook was replaced after fastify-entra was registered, so guards in hooks of GET /x may be hidden; register what replaces it, such as @fastify/otel, before fastify-entra'
  )
  const strips = (app: FastifyInstance) => {
    app.addHook('onRoute', (route: RouteOptions) => {
      route.preHandler = []
    })
    app.get('/x', { preHandler: read }, handler)
  }
  t.match(await stop(t, strips), late, 'also where it was replaced before as well')
  t.equal(await stop(t, (app) => void app.get('/x', handler), nothing), 'it starts')
})
