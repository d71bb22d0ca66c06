/** WebSockets and streams: an upgrade is a request like any other, and the first message can bring the token. */
import { once } from 'node:events'
import { connect } from 'node:net'
import websocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import WebSocket from 'ws'
import { requireScope, TokenRefusedError } from '../../../src/plugin/index.js'
import { type ApiSetup, startApi } from '../../support/api.js'

async function start(t: Test) {
  const routes = (app: FastifyInstance) => {
    const greet = (socket: WebSocket, { principal }: { principal: { id: string } }) =>
      socket.send(`hello ${principal.id}`)
    app.get('/any', { websocket: true }, greet)
    app.get('/scope', { websocket: true, preHandler: requireScope('Orders.Read') }, greet)
    // Browsers cannot set headers of an upgrade: there the token comes in the first message.
    app.get('/first-message', { websocket: true, config: { auth: 'none' } }, (socket) => {
      socket.once('message', async (message: Buffer) => {
        try {
          const { id } = await app.verifyToken(message.toString())
          socket.send(`hello ${id}`)
        } catch (error) {
          socket.close(4000, error instanceof TokenRefusedError ? `${error.statusCode} ${error.code}` : 'no refusal')
        }
      })
    })
  }
  return startApi(t, { before: (app) => app.register(websocket), routes })
}

/** The first message, or the status of the answer to the upgrade, or why the socket was closed. */
async function greeting(port: number, path: string, token?: string, first?: string): Promise<string> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers })
  socket.on('error', () => {})
  if (first !== undefined) socket.on('open', () => socket.send(first))
  const [kind, value] = await Promise.race([
    once(socket, 'message').then(([data]) => ['message', String(data)]),
    once(socket, 'unexpected-response').then(([, response]) => ['status', String(response.statusCode)]),
    once(socket, 'close').then(([code, reason]) => ['close', `${code} ${reason}`])
  ])
  socket.terminate()
  return kind === 'message' ? String(value) : `${kind} ${value}`
}

t.test('the upgrade request is guarded like any other', async (t) => {
  const { tenant, port } = await start(t)
  const user = await tenant.userToken({ scp: 'Orders.Read' })
  const other = await tenant.userToken()
  t.match(await greeting(port, '/any', user), /^hello /)
  t.match(await greeting(port, '/scope', user), /^hello /)
  t.equal(await greeting(port, '/scope', other), 'status 403')
  t.equal(await greeting(port, '/any'), 'status 401')
  t.equal(await greeting(port, '/any', 'garbage'), 'status 401')
  t.equal(await greeting(port, '/any', await tenant.userToken({ aud: 'another' })), 'status 401')
  t.equal(await greeting(port, '/nowhere'), 'status 401', 'what exists is not revealed')
  t.equal(await greeting(port, `/any?access_token=${user}`), 'status 401', 'no token in the query')
})

t.test('a token in the first message: the same checks, the same errors', async (t) => {
  const { tenant, port } = await start(t)
  t.match(await greeting(port, '/first-message', undefined, await tenant.userToken()), /^hello /)
  t.equal(await greeting(port, '/first-message', undefined, 'garbage'), 'close 4000 401 token_malformed')
  const foreign = await tenant.userToken({ aud: 'another' })
  t.equal(await greeting(port, '/first-message', undefined, foreign), 'close 4000 401 wrong_audience')
  const bare = await tenant.userToken({ scp: undefined })
  t.equal(await greeting(port, '/first-message', undefined, bare), 'close 4000 403 no_permissions')
})

/** The status of a refused upgrade, once the server has closed its socket. */
async function refusedUpgrade(port: number, path: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const fields = ['Host: 127.0.0.1', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
  socket.write([`GET ${path} HTTP/1.1`, ...fields, 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==', '', ''].join('\r\n'))
  let received = ''
  socket.setEncoding('utf8').on('data', (chunk) => {
    received += chunk
  })
  await once(socket, 'close')
  return received.slice(0, received.indexOf('\r\n'))
}

const foreign = /upgrade listener that may not be one of Fastify/
const greet = (socket: WebSocket) => socket.send('hello')

t.test('the socket of a refused upgrade is closed, wherever the plugin that upgrades is registered', async (t) => {
  const ways: Record<string, ApiSetup> = {
    before: {
      before: (app) => app.register(websocket),
      routes: (app) => void app.get('/ws', { websocket: true }, greet)
    },
    after: {
      routes: async (app) => {
        await app.register(websocket)
        app.get('/ws', { websocket: true }, greet)
      }
    },
    'in a scope of its own': {
      routes: (app) =>
        app.register(async (scope) => {
          await scope.register(websocket)
          scope.get('/ws', { websocket: true }, greet)
        })
    }
  }
  for (const [way, setup] of Object.entries(ways)) {
    const { port, tenant, logged } = await startApi(t, setup)
    t.equal(await greeting(port, '/ws', await tenant.userToken()), 'hello', way)
    for (const path of ['/ws', '/nowhere']) t.equal(await refusedUpgrade(port, path), 'HTTP/1.1 401 Unauthorized', way)
    if (way !== 'in a scope of its own') t.notMatch(logged(), foreign)
  }
})

t.test('what upgrades by itself, as socket.io does, is not protected: a warning says so', async (t) => {
  const { port, logged, outcome } = await startApi(t, {
    before: (app) => void app.server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 426 Its own\r\n\r\n'))
  })
  t.match(logged(), foreign)
  t.equal(await refusedUpgrade(port, '/socket.io/'), 'HTTP/1.1 426 Its own')
  t.equal(await outcome('/me'), '401 credentials_missing')
})

t.test('a stream is guarded before its first byte', async (t) => {
  let streams = 0
  const { tenant, get } = await startApi(t, {
    routes: (app) =>
      void app.get('/events', (request, reply) => {
        streams += 1
        reply.hijack()
        reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
        reply.raw.end(`data: ${request.principal.id}\n\n`)
      })
  })
  t.equal((await get('/events', 'garbage')).status, 401)
  t.equal(streams, 0)
  t.match((await get('/events', await tenant.userToken())).body, /^data: /)
})
