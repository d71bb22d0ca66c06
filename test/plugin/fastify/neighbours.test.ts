/** Other plugins as they are published, beside this one: @fastify/otel, @fastify/http-proxy and socket.io. */
import { once } from 'node:events'
import { connect } from 'node:net'
import httpProxy from '@fastify/http-proxy'
import { FastifyOtelInstrumentation } from '@fastify/otel'
import swagger from '@fastify/swagger'
import websocket from '@fastify/websocket'
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'
import t, { type Test } from 'tap'
import WebSocket, { type RawData } from 'ws'
import {
  anyOf,
  type Guard,
  requireAppPermission,
  requireRole,
  requireScope,
  requireUser,
  TokenRefusedError
} from '../../../src/plugin/index.js'
import { type Api, buildApi, startApi } from '../../support/api.js'
import { makeApp } from '../../support/http.js'
import { clientId, tenantId } from '../../support/tenant.js'

const handler = async () => 'ok'
const read = requireScope('Orders.Read')
const traced = (app: FastifyInstance) =>
  app.register(new FastifyOtelInstrumentation().plugin() as FastifyPluginCallback)

const routes = async (app: FastifyInstance) => {
  const { transform, securitySchemes } = app.entra.openapi
  await app.register(swagger, { openapi: { components: { securitySchemes: { ...securitySchemes } } }, transform })
  app.get('/one', { preHandler: read }, handler)
  app.get('/two', { preHandler: [read, requireRole('Admin')] }, handler)
  app.get('/either', { preHandler: anyOf(read, requireAppPermission('Orders.Read.All')) }, handler)
  app.post('/early', { onRequest: read }, handler)
  app.get('/in-config', { config: { auth: read } }, handler)
  app.get('/open', { config: { auth: 'none' } }, handler)
  app.get('/optional', { config: { auth: 'optional' } }, handler)
  app.get('/any', { config: { auth: 'required' } }, handler)
  app.register(async (scope) => {
    scope.addHook('preHandler', requireRole('Admin'))
    scope.get('/below', handler)
  })
}

t.test(
  '@fastify/otel before the plugin: matrix, strictRoutes, document and responses are those without it',
  async (t) => {
    const options = { strictRoutes: true }
    const plain = await startApi(t, { options, routes })
    const { tenant } = plain
    const otel = await startApi(t, { tenant, options, routes, before: traced })
    t.ok(otel.app.hasPlugin('@fastify/otel'))
    const matrix = plain.app.entra.accessMatrix()
    t.same(otel.app.entra.accessMatrix(), matrix)
    t.same(otel.app.swagger(), plain.app.swagger())
    const callers = matrix.find(({ url }) => url === '/two')?.callers
    t.equal(callers, 'the scope Orders.Read, and the role Admin, held by a user')
    t.equal(matrix.find(({ url }) => url === '/early')?.callers, 'the scope Orders.Read')
    const { paths } = otel.app.swagger() as unknown as { paths: Record<string, Record<string, { security: unknown }>> }
    t.same(
      paths['/early']?.post?.security,
      paths['/one']?.get?.security,
      'a guard as onRequest is known like a preHandler'
    )
    const tokens = [
      undefined,
      'garbage',
      await tenant.userToken(),
      await tenant.userToken({ scp: 'Orders.Read' }),
      await tenant.userToken({ scp: 'Orders.Read', roles: ['Admin'] }),
      await tenant.appToken({ roles: ['Orders.Read.All'] })
    ]
    const seen = new Set<number>()
    for (const { method, url } of [...matrix, { method: 'GET', url: '/nowhere' }]) {
      for (const token of tokens) {
        const of = async (api: Api) => {
          const { status, headers, body } = await api.get(url, token, { method })
          seen.add(status)
          return [status, headers.get('www-authenticate'), body.replace(/"re(questId|qId)":"[^"]+"/, '')]
        }
        t.same(await of(otel), await of(plain), `${method} ${url}`)
      }
    }
    t.same([...seen].sort(), [200, 401, 403, 404])
  }
)

/** What the start stops with. */
async function stop(t: Test, program: (app: FastifyInstance) => unknown, before = traced): Promise<string> {
  const options = { tenantId, clientId, authority: 'http://127.0.0.1:1' }
  const { app } = await buildApi(t, { options, before, routes: program })
  return app.ready().then(
    () => 'it starts',
    (error: Error) => error.message
  )
}

t.test(
  '@fastify/otel: a guard that was not called throws at startup, and so does @fastify/otel after the plugin',
  async (t) => {
    const uncalled = (make: unknown) => stop(t, (app) => void app.get('/x', { preHandler: make as Guard }, handler))
    const message = /^GET \/x has a function that makes guards in preHandler; call it to make the guard$/
    for (const make of [requireScope, requireUser]) await t.rejects(uncalled(make), { message })
    const late = async (app: FastifyInstance) => {
      await traced(app)
      app.get('/x', { preHandler: read }, handler)
    }
    t.match(await stop(t, late, (async () => {}) as never), /register .* such as @fastify\/otel, before fastify-entra$/)
  }
)

/** A server that greets over http, and over WebSockets. */
async function startUpstream(t: Test): Promise<string> {
  const { app } = makeApp(t)
  await app.register(websocket)
  app.get('/hello', async () => 'hello')
  app.get('/ws', { websocket: true }, (socket) => socket.send('hello'))
  return app.listen({ host: '127.0.0.1', port: 0 })
}

/** The first message of a WebSocket, or the status of the response to its upgrade. */
async function greeting(port: number, path: string, token?: string): Promise<string> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers })
  socket.on('error', () => {})
  const answer = await Promise.race([
    once(socket, 'message').then(([data]) => String(data as RawData)),
    once(socket, 'unexpected-response').then(([, { statusCode }]) => String(statusCode))
  ])
  socket.terminate()
  return answer
}

/** Whether the server closes the socket of an upgrade without a token. */
async function closed(port: number, path: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const fields = ['Host: a', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
  socket.write([`GET ${path} HTTP/1.1`, ...fields, 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', '', ''].join('\r\n'))
  let received = ''
  socket.setEncoding('utf8').on('data', (part) => {
    received += part
  })
  await once(socket, 'close')
  return received.slice(0, 12)
}

t.test(
  '@fastify/http-proxy with websockets, before or after the plugin: requests and upgrades are guarded',
  async (t) => {
    const upstream = await startUpstream(t)
    const proxy = (app: FastifyInstance) =>
      app.register(httpProxy, { upstream, prefix: '/orders', websocket: true, preHandler: read })
    for (const way of ['before', 'after']) {
      const program =
        way === 'before' ? { before: proxy, routes: {} } : { routes: proxy, options: { strictRoutes: true } }
      const { app, tenant, port, get, outcome, logged } = await startApi(t, program)
      const [reader, other] = [await tenant.userToken({ scp: 'Orders.Read' }), await tenant.userToken()]
      t.equal((await get('/orders/hello', reader)).body, 'hello', way)
      t.equal(await outcome('/orders/hello', other), '403 insufficient_permissions', way)
      t.equal(await outcome('/orders/hello'), '401 credentials_missing', way)
      t.equal(await greeting(port, '/orders/ws', reader), 'hello', way)
      t.equal(await greeting(port, '/orders/ws', other), '403', way)
      for (const path of ['/orders/ws', '/nowhere']) t.equal(await closed(port, path), 'HTTP/1.1 401', way)
      t.notMatch(logged(), /upgrade listener that may not be one of Fastify/, way)
      const entries = app.entra.accessMatrix().filter(({ url }) => url.startsWith('/orders'))
      t.ok(entries.length >= 7, way)
      const callers = {
        before: 'not known: declared before fastify-entra was registered',
        after: 'the scope Orders.Read'
      }
      t.same([...new Set(entries.map((entry) => entry.callers))], [callers[way as 'before']])
    }
  }
)

/** Connects to socket.io, and returns what it says. */
async function connected(origin: string, transports: string[], token?: string): Promise<string> {
  const socket = io(origin, { transports, forceNew: true, reconnection: false, ...(token && { auth: { token } }) })
  const said = await new Promise<string>((resolve) => {
    socket.on('hello', resolve)
    socket.on('connect_error', ({ message }) => resolve(message))
  })
  socket.disconnect()
  return said
}

t.test(
  'socket.io on the same server: its requests never reach the plugin, and it verifies tokens by itself',
  async (t) => {
    const start = (verifies: boolean) =>
      startApi(t, {
        routes: (app) => {
          const sockets = new Server(app.server)
          app.addHook('preClose', () => sockets.local.disconnectSockets(true))
          app.addHook('onClose', () => sockets.close())
          const verify = async (token: unknown) =>
            app.entra.verifyToken(String(token)).then(
              () => undefined,
              (error) => new Error(error instanceof TokenRefusedError ? `${error.statusCode} ${error.code}` : 'failed')
            )
          if (verifies) sockets.use((socket, next) => void verify(socket.handshake.auth.token).then(next))
          sockets.on('connection', (socket) => socket.emit('hello', 'hello'))
          app.get('/any', handler)
        }
      })
    const open = await start(false)
    t.equal(await connected(open.origin, ['websocket']), 'hello', 'why a warning says so')
    t.match(open.logged(), /the server has an upgrade listener .* such as that of socket.io/)
    const { tenant, origin, outcome } = await start(true)
    for (const transport of ['websocket', 'polling']) {
      t.equal(await connected(origin, [transport], await tenant.userToken()), 'hello', transport)
      t.equal(await connected(origin, [transport]), '401 token_malformed', transport)
      t.equal(await connected(origin, [transport], 'garbage'), '401 token_malformed', transport)
    }
    t.equal(await outcome('/any'), '401 credentials_missing')
  }
)
