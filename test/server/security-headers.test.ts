/** The security headers of the server are those that @fastify/helmet writes, on every response. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import helmet from '@fastify/helmet'
import t from 'tap'
import { get, makeApp } from '../support/http.js'
import { startServerWithTenant, userToken } from '../support/server.js'

/** Headers by helmet, with its defaults. */
async function helmetHeaders(test: Parameters<typeof makeApp>[0]): Promise<Record<string, string>> {
  const { app } = makeApp(test)
  app.get('/none', async () => '')
  const without = await app.inject('/none')
  const { app: other } = makeApp(test)
  await other.register(helmet)
  other.get('/none', async () => '')
  const { headers } = await other.inject('/none')
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !(name in without.headers))) as never
}

t.test('the same headers as helmet, byte for byte', async (t) => {
  const expected = await helmetHeaders(t)
  t.ok(Object.keys(expected).length >= 12, `${Object.keys(expected)}`)
  const api = await startServerWithTenant(t, { DOCS: 'public' })
  const token = await userToken(api.tenant, 'user@contoso.example')
  const requests: [status: number, path: string, token?: string | undefined, init?: RequestInit][] = [
    [200, '/unprotected'],
    [200, '/unprotected', undefined, { method: 'HEAD' }],
    [200, '/me', token],
    [401, '/me'],
    [403, '/role-protected', token],
    [404, '/nowhere', token],
    [404, '/me', token, { method: 'POST', body: 'x', headers: { 'content-type': 'text/x' } }],
    [200, '/openapi.json'],
    [302, '/docs/static/index.html', undefined, { redirect: 'manual' }]
  ]
  for (const [status, path, sent, init = {}] of requests) {
    const answer = await get(`${api.address}${path}`, sent, init)
    const found = Object.fromEntries(Object.keys(expected).map((name) => [name, answer.headers.get(name)]))
    // The pages that sign in have a policy of their own.
    const own = path.startsWith('/docs/') ? ['content-security-policy', 'cross-origin-opener-policy'] : []
    for (const name of own) t.not(found[name], expected[name], `${path}: ${name}`)
    t.same(found, { ...expected, ...Object.fromEntries(own.map((name) => [name, found[name]])) }, path)
    t.equal(answer.status, status, path)
  }
  // No hook sees these: an undecodable path, and what is no HTTP request.
  for (const request of ['GET /%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', 'GARBAGE\r\n\r\n']) {
    const [head = ''] = (await exchange(api.address, request)).split('\r\n\r\n')
    const [status, ...lines] = head.split('\r\n')
    t.equal(status, 'HTTP/1.1 400 Bad Request', request)
    const found = Object.fromEntries(
      lines.map((line) => [line.split(': ')[0]?.toLowerCase(), line.replace(/^.*?: /, '')])
    )
    t.match(found, expected, request)
  }
})

/** What a server sends before it closes the connection. */
async function exchange(address: string, request: string): Promise<string> {
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname)
  socket.write(request)
  return text(socket)
}
