import { connect } from 'node:net'
import t from 'tap'
import { environmentFor } from '../../src/server/environment.js'
import { startTenant } from '../../src/tenant/index.js'
import { appToken, getJson, startServer, startServerWithTenant, userToken } from '../support/server.js'
import { clientId, startTestTenant, tenantId } from '../support/tenant.js'

/** Sends bytes and reads until the server closes: what fetch would never send. */
function raw(address: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(address)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname)
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
    socket.write(bytes)
  })
}

t.test('routes answer by scope and role, with tokens from the tenant', async (t) => {
  const api = await startServerWithTenant(t)
  const tokens = {
    stranger: undefined,
    user: await userToken(api.tenant, 'user@contoso.example'),
    admin: await userToken(api.tenant, 'admin@contoso.example'),
    guest: await userToken(api.tenant, 'guest@fabrikam.example'),
    overage: await userToken(api.tenant, 'groups@contoso.example'),
    adminWithOneScope: await userToken(api.tenant, 'admin@contoso.example', ['access_as_user']),
    daemon: await appToken(api.tenant, 'daemon'),
    roleless: await appToken(api.tenant, 'daemon-no-roles')
  }
  // Statuses in the order of the callers above.
  const rows: [path: string, ...statuses: number[]][] = [
    ['/', 200, 200, 200, 200, 200, 200, 200, 200],
    ['/unprotected', 200, 200, 200, 200, 200, 200, 200, 200],
    ['/healthz', 200, 200, 200, 200, 200, 200, 200, 200],
    ['/readyz', 200, 200, 200, 200, 200, 200, 200, 200],
    ['/protected', 401, 200, 200, 200, 200, 200, 200, 403],
    ['/tenant', 401, 200, 200, 200, 200, 200, 200, 403],
    ['/me', 401, 200, 200, 200, 200, 200, 403, 403],
    ['/role-protected', 401, 403, 200, 403, 403, 200, 403, 403],
    ['/users', 401, 403, 200, 403, 403, 403, 200, 403],
    ['/nowhere', 401, 404, 404, 404, 404, 404, 404, 403],
    ['/openapi.json', 401, 404, 404, 404, 404, 404, 404, 403]
  ]
  for (const [path, ...statuses] of rows) {
    for (const [index, [caller, token]] of Object.entries(tokens).entries()) {
      const answer = await api.get(path, token)
      t.equal(answer.status, statuses[index], `${caller} gets ${answer.status} from ${path}`)
      if (answer.status < 400) continue
      t.equal(
        answer.headers.get('content-type'),
        'application/problem+json; charset=utf-8',
        `${path} refuses with a problem`
      )
      t.equal(answer.headers.get('cache-control'), 'no-store', `the refusal of ${path} is not cached`)
      t.equal(answer.body.status, answer.status)
    }
  }
  for (const token of [tokens.daemon, tokens.roleless]) {
    const { headers } = await api.get('/me', token)
    t.match(
      headers.get('www-authenticate'),
      /scope="api:\/\/[^ "]+\/access_as_user"/,
      'the challenge names the scope as a client asks for it'
    )
  }
  t.match((await api.get('/users', tokens.daemon)).body.users, [{ userPrincipalName: 'admin@contoso.example' }])
  t.match((await api.get('/me', tokens.overage)).body, { groups: [], claims: { _claim_names: { groups: 'src1' } } })
  t.match((await api.get('/me', tokens.user)).body, {
    kind: 'user',
    email: 'user@contoso.example',
    tenantId: api.tenant.tenantId,
    scopes: ['access_as_user', 'Directory.Read']
  })
  t.match((await api.get('/tenant', tokens.daemon)).body, {
    tenantId: api.tenant.tenantId,
    issuers: [api.tenant.issuer]
  })
})

t.test('a tenant that issues v1 tokens for the API', async (t) => {
  const api = await startServerWithTenant(t, {}, 1)
  const me = await api.get('/me', await userToken(api.tenant, 'user@contoso.example'))
  t.equal(me.status, 200)
  t.match(me.body.claims, { ver: '1.0', iss: `${api.tenant.origin}/${api.tenant.tenantId}/` })
  t.equal((await api.get('/users', await appToken(api.tenant, 'daemon'))).status, 200)
  t.equal((await api.get('/users', await appToken(api.tenant, 'daemon-no-roles'))).status, 403)
})

t.test('an ID token opens nothing', async (t) => {
  const api = await startServerWithTenant(t)
  const { clientId, scopes } = api.tenant.description.api
  const now = Math.floor(Date.now() / 1000)
  const idToken = await api.tenant.sign({
    ...{ iss: api.tenant.issuer, aud: clientId, sub: 'somebody', tid: api.tenant.tenantId, ver: '2.0' },
    ...{ iat: now, nbf: now, exp: now + 3600, nonce: 'n', roles: ['Admin'], scp: scopes.join(' ') }
  })
  const answer = await api.get('/protected', idToken)
  t.equal(answer.status, 401)
  t.equal(answer.body.code, 'not_an_access_token')
})

t.test('the request ID is a UUID of the server, never the client', async (t) => {
  const api = await startServerWithTenant(t)
  const response = await fetch(`${api.address}/protected`, {
    headers: { 'request-id': 'mine', 'x-request-id': 'mine' }
  })
  const { requestId } = (await response.json()) as { requestId: string }
  t.match(requestId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

t.test('a browser of an allowed origin reads refusals, and preflights pass', async (t) => {
  const origin = 'https://app.example'
  const api = await startServerWithTenant(t, { CORS_ORIGINS: `${origin}, http://localhost:5173` })
  const preflight = await fetch(`${api.address}/me`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' }
  })
  t.equal(preflight.status, 204)
  t.equal(preflight.headers.get('access-control-allow-origin'), origin)
  t.match(preflight.headers.get('access-control-allow-headers'), /authorization/i)
  const refusal = await fetch(`${api.address}/me`, { headers: { origin } })
  t.equal(refusal.status, 401)
  t.equal(refusal.headers.get('access-control-allow-origin'), origin)
  t.equal(refusal.headers.get('access-control-expose-headers'), 'WWW-Authenticate, Retry-After')
  const other = await fetch(`${api.address}/me`, { headers: { origin: 'https://evil.example' } })
  t.equal(other.headers.get('access-control-allow-origin'), null, 'another origin reads nothing')
  const options = await fetch(`${api.address}/me`, { method: 'OPTIONS' })
  t.equal(options.status, 401, 'OPTIONS that is no preflight is a request like all')
  const withToken = { authorization: `Bearer ${await userToken(api.tenant, 'user@contoso.example')}` }
  t.equal((await fetch(`${api.address}/me`, { method: 'OPTIONS', headers: withToken })).status, 404)
  const withoutCors = await startServerWithTenant(t)
  t.equal(
    (await fetch(`${withoutCors.address}/me`, { method: 'OPTIONS' })).status,
    401,
    'OPTIONS as such is not exempt'
  )
})

t.test('what fails before any route is a problem too', async (t) => {
  const api = await startServerWithTenant(t)
  const token = await userToken(api.tenant, 'user@contoso.example')
  const authorized = { authorization: `Bearer ${token}` }
  const badUrl = await fetch(`${api.address}/%zz`, { headers: authorized })
  t.equal(badUrl.status, 400)
  t.match(await badUrl.json(), { code: 'bad_request', status: 400 })

  const rows: [name: string, bytes: string, status: number, code: string][] = [
    ['no HTTP', 'NONSENSE\r\n\r\n', 400, 'bad_request'],
    [
      'a control byte in a header',
      'GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a\u0001b\r\n\r\n',
      400,
      'bad_request'
    ],
    [
      'headers over the limit',
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers_too_large'
    ]
  ]
  for (const [name, bytes, status, code] of rows) {
    const answer = await raw(api.address, bytes)
    t.match(answer, new RegExp(`^HTTP/1.1 ${status} `), `${name}: ${status}`)
    t.match(answer, /content-type: application\/problem\+json\r\n/)
    t.match(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))), { code, status })
  }
})

t.test('MAX_HEADER_BYTES: the server takes longer headers, up to that', async (t) => {
  const api = await startServerWithTenant(t, { MAX_HEADER_BYTES: '32768' })
  const ask = (length: number) =>
    raw(api.address, `GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: ${'x'.repeat(length)}\r\n\r\n`)
  t.match(await ask(30_000), /^HTTP\/1.1 200 /)
  t.match(await ask(33_000), /^HTTP\/1.1 431 /)
})

t.test('a client that is gone before it is answered does no harm', async (t) => {
  const api = await startServerWithTenant(t)
  const { hostname, port } = new URL(api.address)
  const refused = new Promise((resolve) => api.app.server.once('clientError', resolve))
  const socket = connect(Number(port), hostname, () => {
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n', () => socket.resetAndDestroy())
  })
  await refused
  t.equal((await api.get('/healthz')).status, 200)
})

t.test('a client that keeps its side open holds neither a socket nor the close', async (t) => {
  const api = await startServerWithTenant(t)
  const { hostname, port } = new URL(api.address)
  api.app.server.keepAliveTimeout = 1000 // Fastify's 72 s end the last row as well
  const rows: [name: string, bytes: string][] = [
    ['no HTTP', 'NONSENSE\r\n\r\n'],
    ['headers over the limit', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
    ['a second request that is no HTTP', 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nNONSENSE\r\n\r\n'],
    ['a refusal with a body unread', 'POST /me HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{}']
  ]
  for (const [name, bytes] of rows) {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    t.teardown(() => socket.destroy())
    let answer = ''
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.write(bytes)
    await new Promise((resolve) => socket.once('end', resolve))
    t.equal(answer.match(/^HTTP\/1\.1 /gm)?.length, 1, `${name}: one answer, and the server hangs up`)
  }
  const open = () => new Promise<number>((resolve) => api.app.server.getConnections((_error, count) => resolve(count)))
  while ((await open()) > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  t.equal(await open(), 0, 'no socket is left')
})

t.test('a tenant without v1 has one issuer', async (t) => {
  const tenant = await startTestTenant(t)
  tenant.answers.set(tenant.paths.v1Discovery, (_request, response) => response.writeHead(404).end())
  const { origin: ENTRA_AUTHORITY } = tenant
  const app = await startServer(t, { ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_AUTHORITY })
  const answer = await getJson(`${app.listeningOrigin}/tenant`, await tenant.userToken())
  t.same(answer.body, { tenantId, issuers: [`${tenant.origin}/${tenantId}/v2.0`] })
})

t.test("Fastify's own refusals of a body are problems", async (t) => {
  const api = await startServerWithTenant(t)
  api.app.log.level = 'silent'
  const token = await userToken(api.tenant, 'user@contoso.example')
  const send = (headers: Record<string, string>, body: string) =>
    fetch(`${api.address}/echo`, { method: 'POST', headers: { authorization: `Bearer ${token}`, ...headers }, body })
  const rows: [name: string, type: string, body: string, status: number, code: string][] = [
    ['a body that is no JSON', 'application/json', '{', 400, 'bad_request'],
    ['a body that is too large', 'application/json', `"${'x'.repeat(2 ** 20)}"`, 413, 'content_too_large'],
    ['a media type that nobody reads', 'application/x-unknown', 'x', 415, 'unsupported_media_type']
  ]
  // No route of the API takes a body; unknown routes parse none either, so one is added to a server of its own.
  const { buildApp } = await import('../../src/server/app.js')
  const { readConfig } = await import('../../src/server/config/config.js')
  const app = await buildApp(readConfig({ LOG_LEVEL: 'silent', ...environmentFor(api.tenant) }))
  t.teardown(() => app.close())
  const declared = { config: { auth: 'required' } } as const
  app.post('/echo', declared, async (request) => request.body)
  app.get('/teapot', declared, async () => {
    throw Object.assign(new Error('secret of the inside'), { statusCode: 418 })
  })
  app.get('/broken', declared, async () => {
    throw new Error('secret of the inside')
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  api.address = app.listeningOrigin
  for (const [name, type, body, status, code] of rows) {
    const answer = await send({ 'content-type': type }, body)
    t.equal(answer.status, status, name)
    t.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8')
    t.match(await answer.json(), { code, status })
  }
  const strange = await fetch(`${api.address}/echo`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{'
  })
  t.equal(strange.status, 401, 'a stranger never reaches the parser')
  const teapot = await getJson(`${api.address}/teapot`, token)
  t.match(teapot, { status: 418, body: { code: 'request_refused', detail: 'The request cannot be answered.' } })
  const broken = await getJson(`${api.address}/broken`, token)
  t.equal(broken.status, 500)
  t.notMatch(JSON.stringify(broken.body), 'secret', 'a failure says nothing of the inside')
})

t.test('DOCS says who may read the document', async (t) => {
  const shown = await startServerWithTenant(t, { DOCS: 'public' })
  const json = await shown.get('/openapi.json')
  t.equal(json.status, 200)
  t.match(json.body, { openapi: '3.1.0', components: { securitySchemes: { entraUser: { type: 'oauth2' } } } })
  const yaml = await fetch(`${shown.address}/openapi.yaml`)
  t.equal(yaml.headers.get('content-type'), 'application/yaml')
  t.match(await yaml.text(), /^openapi: 3\.1\.0\n/)

  const closed = await startServerWithTenant(t, { DOCS: 'protected' })
  t.equal((await closed.get('/openapi.json')).status, 401)
  t.equal((await closed.get('/openapi.json', await appToken(closed.tenant, 'daemon'))).status, 200)
})

t.test('the tenant is down before the start: the server comes up, and recovers by itself', async (t) => {
  const first = await startTenant({ port: 0 })
  const { port } = new URL(first.origin)
  const env = environmentFor(first)
  const token = await appToken(first, 'daemon')
  await first.close()

  const { listeningOrigin: address } = await startServer(t, { ...env, DOCS: 'public' })
  t.equal((await getJson(`${address}/healthz`)).status, 200)
  const ready = await getJson(`${address}/readyz`)
  t.equal(ready.status, 503)
  t.ok(Number(ready.headers.get('retry-after')) > 0)
  t.notMatch(JSON.stringify(ready.body), 'ECONNREFUSED', 'readiness says nothing of the network')
  const refused = await getJson(`${address}/protected`, token)
  t.equal(refused.status, 503)
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  t.equal(refused.headers.get('www-authenticate'), null)
  t.equal(refused.body.code, 'tenant_unavailable')
  const document = await getJson(`${address}/openapi.json`)
  t.match(document.body, { components: { securitySchemes: { entraUser: { type: 'openIdConnect' } } } })

  const again = await startTenant({ port: Number(port) })
  t.teardown(() => again.close())
  const deadline = Date.now() + 5000
  let status = 503
  while (status === 503 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    status = (await getJson(`${address}/readyz`)).status
  }
  t.equal(status, 200, 'ready within 5 s of the tenant coming back')
  t.equal((await getJson(`${address}/protected`, await appToken(again, 'daemon'))).status, 200)
})

t.test('the tenant goes down after the start: nothing changes for callers', async (t) => {
  const api = await startServerWithTenant(t)
  const token = await userToken(api.tenant, 'admin@contoso.example')
  await api.tenant.close()
  t.equal((await api.get('/me', token)).status, 200)
  t.equal((await api.get('/role-protected', token)).status, 200)
  t.equal((await api.get('/readyz')).status, 200)
  const users = await api.get('/users', token)
  t.equal(users.status, 503, 'what needs the tenant says so')
  t.equal(users.body.code, 'graph_unavailable')
  t.ok(Number(users.headers.get('retry-after')) > 0)
})
