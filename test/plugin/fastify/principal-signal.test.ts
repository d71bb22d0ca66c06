/** `request.principalSignal` on real connections: when it fires, and what ends it. */
import { once } from 'node:events'
import { get as httpGet, type IncomingMessage } from 'node:http'
import { connect } from 'node:http2'
import websocket from '@fastify/websocket'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import WebSocket from 'ws'
import type { Principal } from '../../../src/plugin/index.js'
import { until, within } from '../../faults/waits.js'
import { type Api, startApi } from '../../support/api.js'
import { processClock } from '../../support/clock.js'
import { signingKey, startTestTenant } from '../../support/tenant.js'

const tenant = await startTestTenant(t)

/** Streams, and a WebSocket, that end with the token; and the signals of all requests. */
async function start(t: Test, options: object = {}, own = tenant) {
  const signals: AbortSignal[] = []
  const routes = (app: FastifyInstance) => {
    const opened = ({ principalSignal }: FastifyRequest) => {
      signals.push(principalSignal)
      return principalSignal
    }
    app.get('/events', (request, reply) => {
      const signal = opened(request)
      reply.hijack()
      reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
      reply.raw.write('data: hello\n\n')
      signal.addEventListener('abort', () => reply.raw.end(`data: ${signal.reason.code}\n\n`))
    })
    app.get('/ws', { websocket: true }, (socket, request) => {
      const signal = opened(request)
      signal.addEventListener('abort', () => socket.close(4401, signal.reason.code))
      socket.send('hello')
    })
    app.get('/short', async (request) => String(opened(request) === request.principalSignal))
    app.get('/late', (request, reply) => {
      reply.send('sent')
      reply.raw.once('close', () => opened(request))
    })
    app.get('/optional', { config: { auth: 'optional' } }, async (request) => String(opened(request).aborted))
  }
  const api = await startApi(t, { tenant: own, options, before: (app) => app.register(websocket), routes })
  return { ...api, signals }
}

/** A stream that has begun, and all that it sends. */
async function stream({ port }: Api, token: string) {
  const request = httpGet({ port, host: '127.0.0.1', path: '/events', headers: { authorization: `Bearer ${token}` } })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let received = ''
  response.setEncoding('utf8').on('data', (chunk) => {
    received += chunk
  })
  for (const each of [request, response]) each.on('error', () => {})
  await until('the first event', () => received.includes('hello'))
  const ended = new Promise<string>((resolve) => response.once('close', () => resolve(received)))
  return { request, ended }
}

async function connected({ port }: Api, token: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers: { authorization: `Bearer ${token}` } })
  socket.on('error', () => {})
  await once(socket, 'message')
  return { socket, closed: once(socket, 'close').then(([code, reason]) => `${code} ${reason}`) }
}

t.test('streams and WebSockets end with their token, also one that was cached', async (t) => {
  const api = await start(t)
  const clock = processClock(t)
  const token = await tenant.userToken()
  for (let time = 0; time < 3; time += 1) t.equal((await api.get('/short', token)).body, 'true', 'one signal a request')
  const [events, socket] = [await stream(api, token), await connected(api, token)]
  const longer = await connected(api, await tenant.userToken({ exp: Math.floor(Date.now() / 1000) + 7200 }))
  clock.advance(3661_000)
  t.match(await within('the stream', events.ended), 'data: token_expired')
  t.equal(await within('the socket', socket.closed), '4401 token_expired')
  t.equal(longer.socket.readyState, WebSocket.OPEN)
  t.same(
    api.signals.map(({ aborted }) => aborted),
    [false, false, false, true, true, false],
    'those of finished requests do not fire'
  )
  longer.socket.terminate()
})

t.test('a revocation, and a withdrawn key', async (t) => {
  const own = await startTestTenant(t)
  const revoked = new Set<unknown>()
  const api = await start(
    t,
    { isRevoked: ({ claims }: Principal) => revoked.has(claims.uti), keysCooldownSeconds: 1 },
    own
  )
  const key = await signingKey('key-2')
  own.keys.push(key.jwk)
  const open = async (uti: string, by = own.key) => connected(api, await own.userToken({ uti }, {}, by))
  const [first, second] = [await open('first'), await open('second')]
  own.keys = [key.jwk]
  await until('a refresh', async () => (await api.outcome('/short', await own.userToken({}, {}, key))) === '200')
  const [third, fourth] = [await open('third', key), await open('fourth', key)]
  revoked.add('third')
  t.equal(await within('the socket', third.closed), '4401 token_revoked')
  for (const { closed } of [first, second]) t.equal(await within('the socket', closed), '4401 unknown_key')
  t.equal(fourth.socket.readyState, WebSocket.OPEN)
  fourth.socket.terminate()
})

t.test('closing the app fires all signals before it waits for connections', async (t) => {
  const api = await start(t)
  const token = await tenant.userToken()
  const events = await stream(api, token)
  await api.app.close()
  t.match(await within('the stream', events.ended), 'data: 20', 'AbortError')
  t.match(api.signals[0]?.reason, { name: 'AbortError', message: 'the app is closing' })
})

t.test('a connection that is gone, and one that ended before, have signals that never fire', async (t) => {
  const api = await start(t)
  const clock = processClock(t)
  const token = await tenant.userToken()
  const events = await stream(api, token)
  events.request.destroy()
  const { socket, closed } = await connected(api, token)
  socket.terminate()
  await closed
  await api.get('/late', token)
  await until('three signals', () => api.signals.length === 3)
  const kept = await connected(api, token)
  await new Promise((resolve) => setImmediate(resolve))
  clock.advance(3661_000)
  t.equal(await within('the socket', kept.closed), '4401 token_expired')
  t.same(
    api.signals.map(({ aborted }) => aborted),
    [false, false, false, true]
  )
})

t.test('over HTTP/2, also of a stream that ended before', async (t) => {
  const signals: AbortSignal[] = []
  const routes = (app: FastifyInstance) => {
    const open = ({ principalSignal }: FastifyRequest) => signals.push(principalSignal)
    app.get('/events', (request, reply) => {
      open(request)
      reply.hijack()
      reply.raw.write('data: hello\n\n')
    })
    app.get('/late', (request, reply) => {
      reply.send('sent')
      reply.raw.once('close', () => open(request))
    })
  }
  const { origin } = await startApi(t, { tenant, app: Fastify({ http2: true }), routes })
  const clock = processClock(t)
  const client = connect(origin)
  t.teardown(() => client.destroy())
  const authorization = `Bearer ${await tenant.userToken()}`
  const ask = (path: string) => client.request({ ':path': path, authorization })
  ask('/late').resume()
  await until('its signal', () => signals.length === 1)
  const gone = ask('/events')
  await once(gone, 'data')
  gone.close()
  await once(gone, 'close')
  await once(ask('/events'), 'data')
  const [, , kept] = signals as [AbortSignal, AbortSignal, AbortSignal]
  const fired = once(kept, 'abort')
  clock.advance(3661_000)
  await within('the signal', fired)
  t.same(
    signals.map(({ aborted }) => aborted),
    [false, false, true]
  )
})

t.test('an unauthenticated request has none', async (t) => {
  const api = await start(t)
  t.equal((await api.get('/optional', await tenant.userToken())).body, 'false')
  t.equal((await api.get('/optional')).status, 500)
  t.match(api.logged(), /GET \/optional reads request\.principalSignal, and its caller is not verified; read it only/)
})
