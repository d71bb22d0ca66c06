/** The end of the server loses no request: RFC 9112 §9.6, and readiness before it. */
import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { Shutdown } from '../../../src/server/process/shutdown.js'
import { ended } from '../../support/faulty.js'
import { run } from '../../support/process.js'
import { getJson, startServer } from '../../support/server.js'

const env = {
  ENTRA_TENANT_ID: '11111111-2222-4333-8444-555555555555',
  ENTRA_CLIENT_ID: '66666666-7777-4888-8999-aaaaaaaaaaaa',
  ENTRA_AUTHORITY: 'http://127.0.0.1:9'
}

interface Client {
  readonly socket: Socket
  readonly received: () => string
  readonly closed: Promise<unknown>
}

async function server(t: Test) {
  const app = await startServer(t, env)
  const { port } = app.server.address() as AddressInfo
  const client = async (): Promise<Client> => {
    const socket = connect(port, '127.0.0.1').setEncoding('utf8')
    let text = ''
    socket.on('data', (part) => {
      text += part
    })
    const closed = once(socket, 'close')
    await once(socket, 'connect')
    return { socket, received: () => text, closed }
  }
  return { app, shutdown: app.getDecorator<Shutdown>('shutdown'), client, port }
}

/** A complete request, and its response. */
async function get({ socket, received }: Client, path: string): Promise<string> {
  const from = received().length
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  while (!received().slice(from).includes('}')) await once(socket, 'data')
  return received().slice(from)
}

t.test('before the delay has passed, all is answered as before, but the instance is not ready', async (t) => {
  const { shutdown, client, port } = await server(t)
  const early = await client()
  t.match(await get(early, '/readyz'), /^HTTP\/1.1 503 .*"status":"waiting for the keys of the tenant"/s)
  void shutdown.run(300_000)
  t.match(await get(early, '/readyz'), /^HTTP\/1.1 503 .*retry-after: 5.*"status":"shutting down"/s)
  t.match(await get(early, '/healthz'), /^HTTP\/1.1 200 /)
  t.notMatch(await get(early, '/unprotected'), /connection: close/i)
  t.equal((await getJson(`http://127.0.0.1:${port}/unprotected`)).status, 200, 'a new connection is accepted')
  early.socket.destroy()
})

t.test('without connections it ends at once, and can be closed after that', async (t) => {
  const { app, shutdown } = await server(t)
  await shutdown.run(0)
  await app.close()
})

t.test('a connection ends after a response that says so; one without a request after a second', async (t) => {
  const { shutdown, client, port } = await server(t)
  const [silent, idle, slow, busy] = await Promise.all([client(), client(), client(), client()])
  await get(idle, '/unprotected')
  slow.socket.write('GET /unprotected HTTP/1.1\r\nHost: x\r\nX-Rest:')
  await get(busy, '/unprotected')
  const ended = shutdown.run(0)
  while (!/connection: close/i.test(await get(busy, '/unprotected'))) t.pass('the port is still open')
  await busy.closed
  await t.rejects(getJson(`http://127.0.0.1:${port}/unprotected`), { cause: { code: 'ECONNREFUSED' } })
  slow.socket.write(' of a header')
  await Promise.all([silent.closed, idle.closed])
  t.equal(silent.received(), '')
  slow.socket.write('\r\n\r\n')
  await slow.closed
  t.match(slow.received(), /^HTTP\/1.1 200 .*connection: close.*Anyone may read this/is, 'a request that had begun')
  await ended
})

t.test('connections that wait to be accepted are, though the event loop accepts one at a time', async (t) => {
  const { shutdown, port } = await server(t)
  const sockets = Array.from({ length: 50 }, () => connect(port, '127.0.0.1'))
  const answers = sockets.map(async (socket) => {
    let text = ''
    socket.setEncoding('utf8').end('GET /unprotected HTTP/1.1\r\nHost: x\r\n\r\n')
    for await (const part of socket) text += part
    return text.slice(0, 12)
  })
  await shutdown.run(0)
  t.same(new Set(await Promise.all(answers)), new Set(['HTTP/1.1 200']))
})

t.test('a client that uploads while the server ends reads its refusal', async (t) => {
  const { shutdown, client } = await server(t)
  const { socket, received, closed } = await client()
  const body = Buffer.alloc(4 * 1024 * 1024)
  socket.write('POST /protected HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n')
  const ended = shutdown.run(0)
  while (!shutdown.isDraining) await new Promise(setImmediate)
  socket.pause().write(`Content-Length: ${body.length}\r\n\r\n`)
  await new Promise((resolve) => socket.write(body, resolve))
  socket.resume()
  await closed
  t.match(received(), /^HTTP\/1.1 401 .*"requestId"/s)
  await ended
})

t.test('what does not close in time is reported, and the process ends with status 1', async (t) => {
  const { code, err } = await ended(run(t, 'test/server/process/closing-child.ts'))
  t.equal(code, 1)
  t.match(err, /^fastify-entra: Error: closing took longer than 0\.05 seconds; open requests are cut off\n/)
})
