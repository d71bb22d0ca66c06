/** The server as a process. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t, { type Test } from 'tap'
import { environmentFor } from '../../src/server/environment.js'
import { startTenant } from '../../src/tenant/index.js'
import { type Running, run } from '../support/process.js'
import { appToken, getJson } from '../support/server.js'
import { clientId, startTestTenant, tenantId } from '../support/tenant.js'

const start = (t: Test, env: Record<string, string>) => run(t, 'src/server/main.ts', env)

async function listening(server: Running): Promise<string> {
  return (await server.printed(/Server listening at (http:[^"]+)/))?.[1] ?? ''
}

t.test('without configuration: one line that names the variable, and no stack', async (t) => {
  const rows: [env: Record<string, string>, line: RegExp][] = [
    [{}, /^fastify-entra: ENTRA_TENANT_ID and ENTRA_CLIENT_ID are missing; [^\n]+\n$/],
    [{ ENTRA_CLIENT_ID: clientId }, /^fastify-entra: ENTRA_TENANT_ID is missing; [^\n]+\n$/],
    [{ ENTRA_TENANT_ID: 'contoso.example' }, /^fastify-entra: ENTRA_CLIENT_ID is missing; [^\n]+\n$/]
  ]
  for (const [env, line] of rows) {
    const server = start(t, env)
    const [code] = await once(server.process, 'close')
    t.equal(code, 1)
    t.match(server.output.err, line)
    t.equal(server.output.out, '')
  }
})

t.test('an address that cannot be had: one line too', async (t) => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  t.teardown(() => other.close())
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const rows: [env: Record<string, string>, line: RegExp][] = [
    [
      { PORT: String((other.address() as AddressInfo).port) },
      /^fastify-entra: listen EADDRINUSE[^\n]+; [^\n]+ set PORT to another port\n$/
    ],
    [{ HOST: 'no.such.host.invalid' }, /^fastify-entra: getaddrinfo [^\n]+\n$/]
  ]
  for (const [env, line] of rows) {
    const server = start(t, { ...environmentFor(tenant), LOG_LEVEL: 'silent', ...env })
    const [code] = await once(server.process, 'close')
    t.equal(code, 1)
    t.match(server.output.err, line)
  }
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal}: requests in flight are finished, then the process ends`, async (t) => {
    const tenant = await startTestTenant(t)
    const { origin, paths } = tenant
    const endpoints = { authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token` }
    const discovery = { issuer: `${origin}/${tenantId}/v2.0`, jwks_uri: origin + paths.keys, ...endpoints }
    tenant.answers.set(paths.discovery, (_request, response) => response.end(JSON.stringify(discovery)))
    tenant.answers.set(`/${tenantId}/oauth2/v2.0/token`, (_request, response) =>
      response.end('{"access_token":"t","expires_in":3600}')
    )
    tenant.answers.set('/v1.0/users?$select=id,displayName,userPrincipalName,mail', (_request, response) => {
      server.process.kill(signal)
      setTimeout(() => response.end('{"value":[]}'), 1000)
    })
    const secret = { ENTRA_CLIENT_SECRET: 's', GRAPH_URL: origin }
    const entra = { ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_AUTHORITY: origin }
    // Of SIGTERM alone: whoever presses Ctrl-C does not want to wait.
    const delay = { SHUTDOWN_DELAY_SECONDS: signal === 'SIGINT' ? '300' : '0' }
    const server = start(t, { ...entra, ...secret, ...delay, PORT: '0' })
    const answer = getJson(`${await listening(server)}/users`, await tenant.appToken())
    const ended = once(server.process, 'close')
    t.equal((await answer).status, 200, 'the request in flight is answered')
    const [code] = await ended
    t.equal(code, 0)
    t.match(server.output.out, `"signal":"${signal}"`)
    t.equal(server.output.err, '')
  })
}

t.test('SHUTDOWN_DELAY_SECONDS: after SIGTERM it is not ready, and answers; a second signal ends it', async (t) => {
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const server = start(t, { ...environmentFor(tenant), PORT: '0', SHUTDOWN_DELAY_SECONDS: '300' })
  const address = await listening(server)
  t.equal((await getJson(`${address}/readyz`)).status, 200)
  const ended = once(server.process, 'close')
  server.process.kill('SIGTERM')
  await server.printed(/"msg":"closing"/)
  t.match(await getJson(`${address}/readyz`), { status: 503, body: { status: 'shutting down' } })
  t.equal((await getJson(`${address}/protected`, await appToken(tenant, 'daemon'))).status, 200)
  server.process.kill('SIGTERM')
  t.same(await ended, [1, null])
})

t.test('SIGTERM while the start waits for a tenant that hangs: the process ends', async (t) => {
  const tenant = await startTestTenant(t)
  tenant.answers.set(tenant.paths.discovery, () => server.process.kill('SIGTERM'))
  const entra = { ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_AUTHORITY: tenant.origin }
  const server = start(t, { ...entra, PORT: '0' })
  const [code] = await once(server.process, 'close')
  t.equal(code, 0)
  t.notMatch(server.output.out, 'Server listening', 'it never opened its port')
})

t.test('nothing of a request’s headers, path or query reaches the log', async (t) => {
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const server = start(t, { ...environmentFor(tenant), PORT: '0', LOG_LEVEL: 'trace', TRUST_PROXY: 'on' })
  const address = await listening(server)
  const token = await appToken(tenant, 'daemon')
  const [header = '', payload = '', signature = ''] = token.split('.')
  t.equal((await getJson(`${address}/protected?access_token=${token}`)).status, 401)
  t.equal((await getJson(`${address}/protected`, token)).status, 200)
  t.equal((await getJson(`${address}/protected`, `${header}.${payload}.${signature.slice(0, -8)}AAAAAAAA`)).status, 401)
  t.equal((await getJson(`${address}/${token}`, token)).status, 404)
  t.equal((await fetch(`${address}/`, { headers: { 'x-forwarded-for': token } })).status, 200)
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname)
  socket.end(`GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\u0001\r\n\r\n`)
  socket.resume()
  await once(socket, 'close')
  server.process.kill('SIGTERM')
  await once(server.process, 'close')
  t.match(server.output.out, '"route":"/protected"')
  for (let at = 0; at + 8 <= token.length; at += 1) {
    const piece = token.slice(at, at + 8)
    if (server.output.out.includes(piece)) t.fail(`the log holds ${at}–${at + 8} of the token`)
  }
})
