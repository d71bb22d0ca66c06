/** Node keeps a bounded number of headers and drops the rest unseen: a request that reaches the bound is refused, whichever server took it. */
import dns from 'node:dns'
import { once } from 'node:events'
import http, { type RequestListener } from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import websocket from '@fastify/websocket'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildApi, optionsFor } from '../../support/api.js'
import { clientCertificate } from '../../support/certificate.js'
import { startTestTenant, type TestTenant } from '../../support/tenant.js'

const others = (count: number): string[] => Array.from({ length: count }, () => 'a:b')

/** Registers the plugin on an app with routes that ask for a token, allow one, and do not look at any. */
async function guarded(t: Test, app: object, tenant: TestTenant): Promise<FastifyInstance> {
  const options = optionsFor(tenant)
  const routes = (app: FastifyInstance) => {
    app.get('/', async ({ principal }) => principal.id)
    app.post('/', async ({ principal }) => principal.id)
    app.get('/optional', { config: { auth: 'optional' } }, async () => 'optional')
    app.get('/open', { config: { auth: 'none' } }, async () => 'open')
    app.get('/socket', { websocket: true }, (socket) => socket.close())
  }
  return (await buildApi(t, { app, options, before: (app) => app.register(websocket), routes })).app
}

/** Status and `code` of the answer to a request, sent as it is. */
async function answer(socket: Duplex, lines: readonly string[], body = ''): Promise<string> {
  socket.write(`${[...lines, '', ''].join('\r\n')}${body}`)
  let text = ''
  // A WebSocket that was opened stays open.
  for await (const chunk of socket) {
    text += chunk
    if (text.includes('\r\n\r\n') && text.startsWith('HTTP/1.1 101')) break
  }
  return [text.slice(9, 12), ...(/"code":"(\w+)"/.exec(text)?.slice(1) ?? [])].join(' ')
}

const request = (path: string, ...headers: readonly string[]) => [
  ...[`GET ${path} HTTP/1.1`, 'Host: api', 'Connection: close', ...headers]
]

/** Whether this Node.js answers 431 by itself to a request with more headers than it keeps, as 22.23, 24.21 and 26 do. Older ones drop them. */
const isNodeStrict = await (async () => {
  const server = http.createServer((_request, response) => response.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const status = await answer(connect((server.address() as AddressInfo).port), request('/', ...others(1100)))
  server.close()
  return status === '431'
})()
const refused = isNodeStrict ? /^(400 too_many_headers|431)$/ : /^400 too_many_headers$/

t.test('localhost: each address has its own server, with its own bound', async (t) => {
  const tenant = await startTestTenant(t)
  const app = await guarded(t, Fastify({ forceCloseConnections: true }), tenant)
  // Two addresses of loopback, in place of 127.0.0.1 and ::1, which not every machine has.
  const found = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }))
  t.intercept(dns, 'lookup', {
    value: (name: string, options: object, done = options as (...found: unknown[]) => void) => {
      const known = name === 'localhost' ? found : [{ address: name, family: 4 }]
      return 'all' in options ? done(null, known) : done(null, known[0]?.address, 4)
    }
  })
  await app.listen({ host: 'localhost', port: 0 })
  const addresses = app.addresses() as AddressInfo[]
  t.equal(addresses.length, 2)
  t.equal(app.server.maxHeadersCount, null, 'the bound is the app’s to set')
  const good = `Authorization: Bearer ${await tenant.userToken()}`
  const forged = 'Authorization: Bearer abc.abc.abc'
  for (const { address, port } of addresses) {
    const ask = (...lines: string[]) => answer(connect(port, address), request('/', ...lines))
    t.equal(await ask(good), '200', address)
    t.equal(await ask(good, ...others(990), forged), '400 authorization_repeated', address)
    for (const count of [998, 1000, 1100, 2000, 2001, 3000])
      t.match(await ask(good, ...others(count), forged), refused, `${address}, ${count} headers between the two`)
    t.match(await ask(good, ...others(2001)), refused, `${address}, without a second one`)
    t.match(await ask(...others(2001)), refused, `${address}, without any`)
    const at = (path: string) => answer(connect(port, address), request(path, ...others(2001), good))
    t.match(await at('/optional'), refused)
    t.match(await at('/nowhere'), refused)
    t.equal(await at('/open'), isNodeStrict ? '431' : '200')
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
    const handshake = ['GET /socket HTTP/1.1', 'Host: api', ...upgrade, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
    t.equal(await answer(connect(port, address), [...handshake, good]), '101')
    t.match(await answer(connect(port, address), [...handshake, good, ...others(1001), forged]), refused)
  }
})

const bounds: [own: unknown, passes: number, refuses: readonly number[]][] = [
  [50, 40, [47, 50, 60, 3000]],
  [1, 0, []],
  [1500, 1400, [1500, 3000]],
  [0, 3000, []],
  [-1, 3000, []],
  [null, 900, [1000]],
  [2 ** 31, 3000, []]
]

t.test('maxHeadersCount of the app decides, and is not changed', async (t) => {
  const tenant = await startTestTenant(t)
  const good = `Authorization: Bearer ${await tenant.userToken()}`
  for (const [own, passes, refuses] of bounds) {
    const app = await guarded(t, Fastify({ forceCloseConnections: true }), tenant)
    app.server.maxHeadersCount = own as number
    await app.listen({ host: '127.0.0.1', port: 0 })
    t.equal(app.server.maxHeadersCount, own)
    const { port } = app.server.address() as AddressInfo
    const ask = (...lines: string[]) => answer(connect(port), request('/', ...lines))
    const twice = `${own}: two, with ${passes} between them`
    if (own === 1) t.match(await ask(good), refused, 'not even one header is sure to be all')
    else t.equal(await ask(good, ...others(passes), good), '400 authorization_repeated', twice)
    for (const count of refuses) t.match(await ask(good, ...others(count), good), refused, `${own}: ${count} others`)
  }
})

t.test('trailers come after the headers, and do not count', async (t) => {
  const tenant = await startTestTenant(t)
  const app = await guarded(t, Fastify({ forceCloseConnections: true }), tenant)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const good = `Authorization: Bearer ${await tenant.userToken()}`
  const head = ['POST / HTTP/1.1', 'Host: api', 'Connection: close', 'Transfer-Encoding: chunked']
  const text = [...head, 'Content-Type: text/plain', good]
  const trailers = ['0', ...others(2001), good, '', ''].join('\r\n')
  const { port } = app.server.address() as AddressInfo
  t.equal(await answer(connect(port), text, trailers), isNodeStrict ? '431' : '200')
  t.match(await answer(connect(port), [...text, ...others(1001), good], trailers), refused)
})

t.test('https, a server that the app makes, and HTTP/1 on a server for HTTP/2', async (t) => {
  const tenant = await startTestTenant(t)
  const { certificate: cert, privateKey: key } = await clientCertificate()
  const good = `Authorization: Bearer ${await tenant.userToken()}`
  const own = (handler: RequestListener) => Object.assign(http.createServer(handler), { maxHeadersCount: 50 })
  const secured = (handler: RequestListener) => https.createServer({ key, cert }, handler)
  const servers: [name: string, isTls: boolean, app: object, bound: number][] = [
    ['https', true, Fastify({ https: { key, cert }, forceCloseConnections: true }), 1000],
    ['serverFactory', false, Fastify({ serverFactory: own, forceCloseConnections: true }), 50],
    ['serverFactory, https', true, Fastify({ serverFactory: secured, forceCloseConnections: true }), 1000],
    ['HTTP/2 with HTTP/1', true, Fastify({ http2: true, https: { key, cert, allowHTTP1: true } }), 1000]
  ]
  for (const [name, isTls, made, bound] of servers) {
    const app = await guarded(t, made, tenant)
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo
    const to = { port, host: '127.0.0.1', ca: cert, checkServerIdentity: () => undefined, ALPNProtocols: ['http/1.1'] }
    const ask = async (...lines: string[]) => answer(isTls ? tls.connect(to) : connect(port), request('/', ...lines))
    t.equal(await ask(good), '200', name)
    t.equal(await ask(good, ...others(bound - 10), good), '400 authorization_repeated', name)
    for (const more of [0, 100, 2001]) t.match(await ask(good, ...others(bound + more), good), refused, name)
  }
})

t.test('HTTP/2: a stream with too many headers is reset, and none is dropped', async (t) => {
  const tenant = await startTestTenant(t)
  const token = await tenant.userToken()
  const own = (handler: (request: http2.Http2ServerRequest, response: http2.Http2ServerResponse) => void) =>
    http2.createServer({ maxHeaderListPairs: 5000, settings: { maxHeaderListSize: 2 ** 20 } }, handler)
  for (const [most, options] of [
    [100, { http2: true }],
    [1500, { http2: true, serverFactory: own }]
  ] as const) {
    const app = await guarded(t, Fastify(options as object), tenant)
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo
    const session = http2.connect(`http://127.0.0.1:${port}`, { settings: { maxHeaderListSize: 2 ** 20 } })
    const ask = async (count: number) => {
      const filler = Object.fromEntries(Array.from({ length: count }, (_, at) => [`x${at}`, 'b']))
      const stream = session.request({ ...filler, authorization: `Bearer ${token}` })
      const answered = once(stream, 'response').then(([headers]) => headers[':status'])
      return Promise.race([answered, once(stream, 'close').then(() => `reset ${stream.rstCode}`)]).catch(
        () => `reset ${stream.rstCode}`
      )
    }
    t.equal(await ask(most), 200)
    if (most === 100) t.equal(await ask(2001), `reset ${http2.constants.NGHTTP2_ENHANCE_YOUR_CALM}`)
    session.destroy()
  }
})

t.test('inject(): no headers are parsed, so none were dropped', async (t) => {
  const tenant = await startTestTenant(t)
  const app = await guarded(t, Fastify(), tenant)
  const filler = Object.fromEntries(Array.from({ length: 2001 }, (_, at) => [`x${at}`, 'b']))
  const headers = { ...filler, authorization: `Bearer ${await tenant.userToken()}` }
  t.equal((await app.inject({ url: '/', headers })).statusCode, 200)
})
