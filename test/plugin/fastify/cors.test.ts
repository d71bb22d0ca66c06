/** CORS: a script of another origin reads the challenge of a refusal, and after how long to try again. */
import cors, { type FastifyCorsOptions } from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { DownstreamError, requireScope } from '../../../src/plugin/index.js'
import { refusal } from '../../../src/plugin/refusals/refusal.js'
import { startApi } from '../../support/api.js'

const origin = 'https://app.example'
const both = 'WWW-Authenticate, Retry-After'
const exposedIn = (headers: Headers) => headers.get('access-control-expose-headers')

const routes = (app: FastifyInstance) => {
  app.get('/any', async () => 'ok')
  app.get('/guarded', { preHandler: requireScope('Orders.Read') }, async () => 'ok')
  app.post('/early', { onRequest: requireScope('Orders.Read') }, async () => 'ok')
  app.get('/in-config', { config: { auth: requireScope('Orders.Read') } }, async () => 'ok')
  app.get('/optional', { config: { auth: 'optional' } }, async () => 'ok')
  app.get('/downstream', async () => {
    throw new DownstreamError(refusal('downstream_unavailable', { retryAfterSeconds: 7 }))
  })
}

const start = (t: Test, options: FastifyCorsOptions, more: object = {}) =>
  startApi(t, { before: (app) => app.register(cors, options), routes, ...more })

t.test('every refusal exposes its headers where CORS allows it to be read', async (t) => {
  const api = await start(t, { origin })
  const token = await api.tenant.userToken()
  const requests: [status: number, path: string, token?: string | undefined, method?: string][] = [
    [401, '/any'],
    [401, '/any', undefined, 'HEAD'],
    [401, '/any', 'garbage'],
    [401, '/optional', 'garbage'],
    [401, '/nowhere'],
    [400, '/any', 'two tokens'],
    [403, '/guarded', token],
    [403, '/guarded', token, 'HEAD'],
    [403, '/early', token, 'POST'],
    [403, '/in-config', token],
    [503, '/downstream', token]
  ]
  for (const [status, path, sent, method = 'GET'] of requests) {
    const answer = await api.get(path, sent, { method, headers: { origin } })
    t.equal(answer.status, status, `${method} ${path}`)
    t.equal(answer.headers.get('access-control-allow-origin'), origin)
    t.equal(exposedIn(answer.headers), both, `${method} ${path}`)
  }
  t.equal((await api.get('/downstream', token)).headers.get('retry-after'), '7')
  const passed = await api.get('/any', token, { headers: { origin } })
  t.same([passed.status, exposedIn(passed.headers)], [200, null], 'only refusals are changed')
})

t.test('an outage: 503 with a Retry-After that can be read', async (t) => {
  const api = await start(t, { origin }, { options: { authority: 'http://127.0.0.1:1' } })
  const { status, headers } = await api.get('/any', await api.tenant.userToken(), { headers: { origin } })
  t.same([status, exposedIn(headers)], [503, both])
  t.match(headers.get('retry-after'), /^\d+$/)
})

t.test('what is exposed already stays, and nothing is named twice', async (t) => {
  const cases: [options: FastifyCorsOptions, exposed: string | null][] = [
    [{ exposedHeaders: [] }, both],
    [{ exposedHeaders: 'X-Total' }, `X-Total, ${both}`],
    [{ exposedHeaders: ['X-Total', 'www-authenticate'] }, 'X-Total, www-authenticate, Retry-After'],
    [{ exposedHeaders: 'Retry-After,WWW-Authenticate' }, 'Retry-After,WWW-Authenticate'],
    [{ exposedHeaders: '*' }, '*'],
    // Fetch, "CORS protocol and credentials": with credentials, `*` is the name of a header.
    [{ exposedHeaders: '*', credentials: true }, `*, ${both}`],
    [{ exposedHeaders: 'X-Total', origin: ['https://other.example'] }, 'X-Total']
  ]
  for (const [options, exposed] of cases) {
    const { get } = await start(t, { origin, ...options })
    const { status, headers } = await get('/any', undefined, { headers: { origin } })
    t.same([status, exposedIn(headers)], [401, exposed], JSON.stringify(options))
  }
})

t.test('headers that the app itself sets: on the reply, several times, or on the response of Node.js', async (t) => {
  const { get } = await startApi(t, {
    routes,
    before: (app) => {
      app.addHook('onRequest', async ({ url }, reply) => {
        if (url === '/nowhere') return
        reply.raw.setHeader('Access-Control-Allow-Origin', '*')
        if (url === '/any') reply.header('access-control-expose-headers', ['X-One', 'X-Two'])
        if (url === '/optional') reply.raw.setHeader('Access-Control-Expose-Headers', 'X-Three')
      })
    }
  })
  t.equal(exposedIn((await get('/any')).headers), `X-One, X-Two, ${both}`)
  t.equal(exposedIn((await get('/optional', 'garbage')).headers), `X-Three, ${both}`)
  t.equal(exposedIn((await get('/nowhere')).headers), null, 'without CORS nothing is exposed')
})

t.test('@fastify/cors after the plugin: refusals of guards can be read, and no others', async (t) => {
  const late = (app: FastifyInstance) => app.register(cors, { origin }).after(() => routes(app))
  const { get, tenant, logged } = await startApi(t, { routes: late })
  t.match(logged(), /@fastify\/cors must be registered before fastify-entra/)
  const token = await tenant.userToken()
  const headers = { origin }
  t.equal(exposedIn((await get('/guarded', token, { headers })).headers), both)
  t.equal(exposedIn((await get('/downstream', token, { headers })).headers), both)
  const unauthenticated = await get('/any', undefined, { headers })
  t.equal(unauthenticated.status, 401)
  t.equal(unauthenticated.headers.get('access-control-allow-origin'), null)
})
