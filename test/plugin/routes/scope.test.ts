/** The plugin in a scope of its own: the log says what it protects, and what it does not see. */
import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import entra, { requireRole } from '../../../src/plugin/index.js'
import { makeApp } from '../../support/http.js'
import { clientId, tenantId } from '../../support/tenant.js'

const options = { tenantId, clientId, authority: 'http://127.0.0.1:9' }
const handler = async () => 'ok'

/** The lines of an app that name what is protected, by their level. */
async function said(
  t: Test,
  program: (app: FastifyInstance) => unknown
): Promise<readonly (readonly [number, string])[]> {
  const { app, logged } = makeApp(t)
  await program(app)
  await app.ready()
  const lines = logged()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: number; msg: string })
  return lines.flatMap(({ level, msg }) => (/protects|does not protect/.test(msg) ? [[level, msg] as const] : []))
}

const fix =
  'register it on the root instance, with fastify-plugin around the plugin that does so, or declare these routes in its scope'
/** As @fastify/autoload registers a file that is not wrapped in fastify-plugin. */
const inScope =
  (routes: (app: FastifyInstance) => unknown = () => {}) =>
  async (scope: FastifyInstance) => {
    await scope.register(entra, options)
    await routes(scope)
  }

t.test('on the root instance nothing is said', async (t) => {
  const lines = await said(t, async (app) => {
    app.get('/early', handler)
    await app.register(entra, options)
  })
  t.same(lines, [])
})

t.test('in a scope: which routes it protects, and which others the app has', async (t) => {
  const lines = await said(t, async (app) => {
    await app.register(cors)
    app.get('/before/:id', handler)
    await app.register(
      inScope((scope) => void scope.get('/inside', { preHandler: requireRole('Admin') }, handler)),
      {
        prefix: '/api'
      }
    )
    app.get('/before/:name/more', { exposeHeadRoute: false }, handler)
    app.post('/after', handler)
    app.get('/v', { constraints: { version: '1.0.0' } }, handler)
  })
  t.same(lines, [
    [30, 'fastify-entra is registered in the scope /api, and protects GET /api/inside'],
    [
      40,
      `fastify-entra does not protect GET /before/:id|:name, GET /before/:id|:name/more, POST /after, GET /v; ${fix}`
    ]
  ])
})

t.test('in a scope with nothing in it, as autoload would do', async (t) => {
  const lines = await said(t, async (app) => {
    app.register(inScope())
    app.register(async (scope) => void scope.get('/orders', handler))
  })
  t.same(lines, [
    [30, 'fastify-entra is registered in a scope without a prefix, and protects no route'],
    [40, `fastify-entra does not protect GET /orders; ${fix}`]
  ])
})

t.test('two scopes, each with a plugin of its own: no route is left', async (t) => {
  const lines = await said(t, async (app) => {
    for (const prefix of ['/one', '/two'])
      app.register(
        inScope((scope) => void scope.get('/', handler)),
        { prefix }
      )
  })
  t.same(lines, [
    [30, 'fastify-entra is registered in the scope /one, and protects GET /one, GET /one/'],
    [30, 'fastify-entra is registered in the scope /two, and protects GET /two, GET /two/']
  ])
})
