/** WebSockets and streams: an upgrade is a request like any other, and the first message can bring the token. */
import { once } from 'node:events'
import websocket from '@fastify/websocket'
import t, { type Test } from 'tap'
import WebSocket from 'ws'
import entra, { requireScope, TokenRefusedError } from '../../../src/plugin/index.js'
import { listen, makeApp } from '../../support/http.js'
import { clientId, startTestTenant, tenantId } from '../../support/tenant.js'

async function start(t: Test) {
  const tenant = await startTestTenant(t)
  const made = makeApp(t)
  const { app } = made
  await app.register(websocket)
  await app.register(entra, { tenantId, clientId, authority: tenant.origin })
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
  const { port } = await listen(made)
  return { tenant, port }
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

t.test('the first message brings the token: the same checks, the same errors', async (t) => {
  const { tenant, port } = await start(t)
  t.match(await greeting(port, '/first-message', undefined, await tenant.userToken()), /^hello /)
  t.equal(await greeting(port, '/first-message', undefined, 'garbage'), 'close 4000 401 token_malformed')
  const foreign = await tenant.userToken({ aud: 'another' })
  t.equal(await greeting(port, '/first-message', undefined, foreign), 'close 4000 401 wrong_audience')
  const bare = await tenant.userToken({ scp: undefined })
  t.equal(await greeting(port, '/first-message', undefined, bare), 'close 4000 403 no_permissions')
})

t.test(
  'registered too late, @fastify/websocket would leave the sockets of refused upgrades open: an error at the start',
  async (t) => {
    const { app } = makeApp(t)
    await app.register(entra, { tenantId, clientId, authority: 'http://127.0.0.1:1' })
    await app.register(websocket)
    const message = /@fastify\/websocket must be registered before/
    await t.rejects(async () => app.ready(), { name: 'EntraConfigurationError', message })
  }
)

t.test('in a scope of its own it would miss upgrades as well', async (t) => {
  const { app } = makeApp(t)
  await app.register(entra, { tenantId, clientId, authority: 'http://127.0.0.1:1' })
  await app.register(async (scope) => {
    await scope.register(websocket)
    scope.get('/ws', { websocket: true }, () => {})
  })
  const message = /@fastify\/websocket must be registered before/
  await t.rejects(async () => app.ready(), { name: 'EntraConfigurationError', message })
})

t.test('a stream is guarded before its first byte', async (t) => {
  const tenant = await startTestTenant(t)
  const made = makeApp(t)
  await made.app.register(entra, { tenantId, clientId, authority: tenant.origin })
  let streams = 0
  made.app.get('/events', (request, reply) => {
    streams += 1
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
    reply.raw.end(`data: ${request.principal.id}\n\n`)
  })
  const { origin } = await listen(made)
  const ask = (token: string) => fetch(`${origin}/events`, { headers: { authorization: `Bearer ${token}` } })
  t.equal((await ask('garbage')).status, 401)
  t.equal(streams, 0)
  const answer = await ask(await tenant.userToken())
  t.match(await answer.text(), /^data: /)
})
