/** The server behind a real proxy: with and without a password, over TLS, and to a tenant whose certificate is of an own authority. */
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { until, within } from '../faults/waits.js'
import { makeCertificate } from '../products/internet.js'
import { get } from '../support/http.js'
import { run } from '../support/process.js'
import { skipWithout } from '../support/programs.js'
import { startSquid } from '../support/squid.js'
import { clientId, startTestTenant, tenantId } from '../support/tenant.js'

const skip = skipWithout('squid') || skipWithout('openssl')
const name = 'id.shop.example'
const user = { name: 'ann', password: 'a#b%c@d:e/f' }
t.setTimeout(300_000)

/** A provider whose name leads nowhere but through the proxy. */
async function startProvider(t: Test) {
  const certificate = await makeCertificate(t, [name, 'localhost'])
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'es-1', use: 'sig', alg: 'ES256' }
  const server = createServer(certificate, ({ url = '' }, response) =>
    response.end(JSON.stringify(url === '/keys' ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/keys` }))
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const host = `${name}:${(server.address() as AddressInfo).port}`
  const issuer = `https://${host}`
  const token = () =>
    new SignJWT({ iss: issuer, aud: 'orders', sub: 'u', azp: 'spa', scope: 'read' })
      .setProtectedHeader({ alg: 'ES256', kid: 'es-1', typ: 'at+jwt' })
      .setExpirationTime('5m')
      .sign(privateKey)
  const env = { OIDC_ISSUER: issuer, OIDC_AUDIENCE: 'orders', NODE_EXTRA_CA_CERTS: certificate.authorityFile }
  return { host, token, env, certificate }
}

/** The server with these variables, and its log. */
async function startServer(t: Test, env: Record<string, string>) {
  const none = { HTTP_PROXY: '', http_proxy: '', HTTPS_PROXY: '', https_proxy: '', NO_PROXY: '', no_proxy: '' }
  const server = run(t, 'src/server/main.ts', { ...none, ...env, PORT: '0', LOG_LEVEL: 'info' })
  const [, origin] = (await within('the server to listen', server.printed(/Server listening at (http:[^"]+)/))) ?? []
  if (!origin) throw new Error(`the server did not start: ${server.output.err}`)
  return { origin, log: () => server.output.out, ready: async () => (await get(`${origin}/readyz`)).status === 200 }
}

const passwordIn = (address: string) => `http://${user.name}:${encodeURIComponent(user.password)}@${address}`

t.test('a token of a provider that only the proxy can reach', { skip }, async (t) => {
  const { host, token, env } = await startProvider(t)
  const open = await startSquid(t, { names: [name] })
  const closed = await startSquid(t, { names: [name], user })
  const ways = {
    'without a password': { squid: open, https_proxy: `http://${open.address}` },
    'without a scheme': { squid: open, https_proxy: open.address },
    'by HTTP_PROXY alone': { squid: open, http_proxy: open.address },
    'as Node’s own fetch is told as well': {
      squid: open,
      https_proxy: `http://${open.address}`,
      NODE_USE_ENV_PROXY: '1'
    },
    'with a password': { squid: closed, https_proxy: passwordIn(closed.address) }
  }
  for (const [what, { squid, ...proxy }] of Object.entries(ways)) {
    const before = squid.log().length
    const { origin, ready } = await startServer(t, { ...env, ...proxy })
    await until('the keys', ready)
    t.equal((await get(`${origin}/protected`, await token())).status, 200, what)
    // squid logs a tunnel when it ends.
    await until('the proxy to log it', () => squid.log().length > before)
    const lines = squid.log().slice(before)
    // Proxied twice, one of these would be the proxy's own address.
    for (const line of lines) t.match(line, `CONNECT ${host} `, what)
  }
})

t.test('TLS to the proxy itself, by a certificate of an own authority', { skip }, async (t) => {
  const { token, env, certificate } = await startProvider(t)
  const dir = t.testdir({ 'cert.pem': String(certificate.cert), 'key.pem': String(certificate.key) })
  const squid = await startSquid(t, { names: [name], tls: { cert: `${dir}/cert.pem`, key: `${dir}/key.pem` } })
  const https_proxy = `https://${squid.address.replace('127.0.0.1', 'localhost')}`
  const { origin, ready } = await startServer(t, { ...env, https_proxy })
  await until('the keys', ready)
  t.equal((await get(`${origin}/protected`, await token())).status, 200)
  await until('the proxy to log it', () => squid.log().join().includes('CONNECT'))
})

t.test('what the log says of a proxy that refuses, and of an unknown authority', { skip }, async (t) => {
  const { token, env } = await startProvider(t)
  const squid = await startSquid(t, { names: [name], user })
  const wrong = { ...user, password: 'another' }
  const rows = {
    'no password': [{ https_proxy: squid.address }, /407.*the proxy/],
    'a wrong password': [{ https_proxy: `http://${user.name}:${wrong.password}@${squid.address}` }, /407.*the proxy/],
    'an unknown authority': [
      { https_proxy: passwordIn(squid.address), NODE_EXTRA_CA_CERTS: '' },
      /NODE_EXTRA_CA_CERTS/
    ],
    'a name that the proxy does not know': [
      { https_proxy: passwordIn(squid.address), OIDC_ISSUER: 'https://nowhere.shop.example' },
      /50[0-9]|could not be fetched|cannot be fetched/
    ]
  } as const
  for (const [what, [proxy, words]] of Object.entries(rows)) {
    const { origin, log } = await startServer(t, { ...env, ...proxy })
    await until('the log to say why', () => words.test(log()))
    // Of a token of another issuer it is known that it is none.
    const status = 'OIDC_ISSUER' in proxy ? 401 : 503
    t.equal((await get(`${origin}/protected`, await token())).status, status, what)
    t.notMatch(log(), user.password, what)
    t.notMatch(log(), encodeURIComponent(user.password), what)
    t.notMatch(log(), wrong.password, what)
  }
})

t.test('loopback, and what NO_PROXY names, never go through it', { skip }, async (t) => {
  const squid = await startSquid(t, { names: [name] })
  const tenant = await startTestTenant(t)
  const url = `http://${squid.address}`
  const proxies = { http_proxy: url, https_proxy: url, NODE_USE_ENV_PROXY: '1' }
  const entra = { ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_AUTHORITY: tenant.origin }
  const { origin, ready } = await startServer(t, { ...entra, ...proxies })
  await until('the keys', ready)
  t.equal((await get(`${origin}/protected`, await tenant.userToken())).status, 200)
  const { env, host } = await startProvider(t)
  const exempt = await startServer(t, { ...env, ...proxies, no_proxy: host })
  await until('a try', () => /ENOTFOUND|EAI_AGAIN/.test(exempt.log()))
  t.strictSame(squid.log(), [])
})
