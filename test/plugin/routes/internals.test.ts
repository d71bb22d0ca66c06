/** What Fastify and pino do not promise, and this library reads: an upgrade that changes it fails here, by name. */
import Fastify from 'fastify'
import t from 'tap'
import {
  earlyRoutes,
  hooksOf,
  isSilent,
  redirect,
  watchNotFoundHandlers
} from '../../../src/plugin/routes/internals.js'

t.test('Fastify keeps the hooks of a scope under a symbol that is called fastify.hooks', async (t) => {
  const app = Fastify()
  const [outer, inner] = [async () => {}, async () => {}]
  app.addHook('preHandler', outer)
  let scope = app
  app.register(async (below) => {
    below.addHook('preHandler', inner)
    scope = below as typeof app
  })
  await app.ready()
  t.same(hooksOf(app).preHandler, [outer])
  t.same(hooksOf(scope).preHandler, [outer, inner])
  await app.close()
})

t.test('Fastify prints the tree of its router, one route a line', async (t) => {
  const app = Fastify()
  for (const url of ['/', '/orders', '/orders/:id', '/files/*']) app.get(url, async () => '')
  app.post('/orders', async () => '')
  const found = earlyRoutes(app).map(({ method, url }) => `${method} ${url}`)
  for (const route of ['GET /', 'GET /orders', 'POST /orders', 'GET /orders/:id', 'GET /files/*'])
    t.ok(found.includes(route), `${route} in ${found.join(', ')}`)
  await app.close()
})

t.test(
  'scopes inherit setNotFoundHandler of the instance, and requests have the config that it was called with',
  async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    const found: unknown[] = []
    watchNotFoundHandlers(app, ({ prefix }, { config }) => found.push([prefix, config]))
    app.setNotFoundHandler(async ({ routeOptions }) => routeOptions.config)
    app.register(
      async (child) => {
        const options = { config: { own: true } } as object
        child.setNotFoundHandler(options, async ({ routeOptions }) => routeOptions.config)
      },
      { prefix: '/below' }
    )
    await app.ready()
    t.same(found, [
      ['', undefined],
      ['/below', { own: true }]
    ])
    t.match((await app.inject('/below/nowhere')).json(), { own: true })
  }
)

t.test('a log that writes nothing calls a function of the name noop', async (t) => {
  t.ok(isSilent(Fastify().log), 'Fastify without a logger')
  t.ok(isSilent(Fastify({ logger: { level: 'error' } }).log), 'pino above info')
  t.notOk(isSilent(Fastify({ logger: { level: 'info' } }).log), 'pino at info')
})

t.test(
  'Fastify calls the onRoute hooks of a scope in the order of its list, and those of its parent first',
  async (t) => {
    const app = Fastify()
    const calls: string[] = []
    app.addHook('onRoute', () => void calls.push('added'))
    hooksOf(app).onRoute?.unshift(() => void calls.push('first'))
    app.register(async (child) => {
      child.addHook('onRoute', () => void calls.push('below'))
      child.get('/x', { exposeHeadRoute: false }, async () => '')
    })
    await app.ready()
    t.same(calls, ['first', 'added', 'below'])
    await app.close()
  }
)

t.test('Fastify binds each hook of a route to its scope before it is ready, and stops when that throws', async (t) => {
  const app = Fastify()
  const bound: unknown[] = []
  const hook = Object.assign(async () => {}, { bind: (scope: unknown) => bound.push(scope) && hook })
  app.get('/x', { preHandler: hook, exposeHeadRoute: false }, async () => '')
  await app.ready()
  t.same(
    bound.map((each) => each === app),
    [true]
  )
  await app.close()
  const other = Fastify()
  const bind = () => {
    throw new Error('not here')
  }
  other.get('/x', { preHandler: Object.assign(async () => {}, { bind }) }, async () => '')
  await t.rejects(async () => other.ready(), { message: 'not here' })
  await other.close()
})

t.test('Fastify keeps the context of a request under a symbol that is called fastify.context', async (t) => {
  const app = Fastify()
  const schema = { querystring: { type: 'object', required: ['q'] } }
  app.addHook('onRequest', async (request) => {
    if (request.headers.redirected) redirect(request, (_request, reply) => void reply.send('redirected'))
  })
  app.get('/x', { schema }, async () => 'own')
  const answer = async (headers: object) => (await app.inject({ url: '/x', headers: { ...headers } })).body
  t.equal(await answer({ redirected: '1' }), 'redirected', 'its query does not fit the schema')
  t.match(await answer({}), 'querystring must have required property', 'no other request is affected')
  await app.close()
})
