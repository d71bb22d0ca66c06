/** deploy/compose with real processes: the API with exactly the file's variables, Redis with the file's command, and a provider with its realm. */
import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { before } from '../support/faulty.js'
import { run } from '../support/process.js'
import { skipWithout } from '../support/programs.js'
import { startRedis } from '../support/redis.js'
import { getJson } from '../support/server.js'
import { composed, ownValues } from './files.js'
import { type Keycloak, startKeycloak } from './keycloak.js'
import { readRealm } from './realm.js'

const programs = ['docker-compose', 'redis-server', 'bash']
const needs = { skip: programs.map(skipWithout).find((reason) => reason !== false) ?? false }

async function token({ origin, path }: Keycloak, form: Record<string, string>): Promise<string> {
  const url = `${origin}${path}/protocol/openid-connect/token`
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(form) })
  const body = (await response.json()) as { access_token?: string }
  if (!body.access_token) throw new Error(`no token: ${response.status} ${JSON.stringify(body)}`)
  return body.access_token
}

const jobToken = (keycloak: Keycloak) =>
  token(keycloak, {
    grant_type: 'client_credentials',
    client_id: 'nightly-job',
    client_secret: ownValues.NIGHTLY_JOB_SECRET
  })

/** Leads the names of the file's network to processes of the test. */
const inNetwork = (names: Readonly<Record<string, number>>) => `
  import net from 'node:net'
  const { connect } = net
  const names = ${JSON.stringify(names)}
  net.connect = net.createConnection = (options, ...rest) => {
    const port = names[options.host + ':' + options.port]
    return connect(port === undefined ? options : { ...options, host: '127.0.0.1', port }, ...rest)
  }`

/** By code and PKCE, as the page `/docs` signs in. */
async function userToken(keycloak: Keycloak, scope: string): Promise<string> {
  const verifier = randomBytes(32).toString('base64url')
  const redirect = 'http://localhost:3000/docs/static/oauth2-redirect.html'
  const query = new URLSearchParams({
    client_id: 'shop-spa',
    response_type: 'code',
    redirect_uri: redirect,
    scope: `openid ${scope}`,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    login_hint: 'alice'
  })
  const cookies = new Map<string, string>()
  let url = `${keycloak.origin}${keycloak.path}/protocol/openid-connect/auth?${query}`
  for (let steps = 0; !url.startsWith(redirect); steps += 1) {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (!location || steps === 10) throw new Error(`no code: ${response.status} ${await response.text()}`)
    url = new URL(location, url).href
  }
  const code = String(new URL(url).searchParams.get('code'))
  const form = { client_id: 'shop-spa', code, redirect_uri: redirect, code_verifier: verifier }
  return token(keycloak, { grant_type: 'authorization_code', ...form })
}

t.test('the API accepts tokens of the realm, and Redis its password', needs, async (t) => {
  const { services } = composed()
  const { environment } = services.api
  const realm = await readRealm('deploy/compose/realm.json', services.keycloak.environment)
  const keycloak = await startKeycloak(t, realm, String(environment.OIDC_ISSUER))
  const [, ...settings] = services.redis.command ?? []
  const redis = await startRedis(t, ...settings, '--dir', t.testdir({}))
  const names = { 'keycloak:8080': keycloak.port, 'redis:6379': redis.port }
  const server = run(t, 'src/server/main.ts', { ...environment, PORT: '0', ...before(t, inNetwork(names)) })
  const address = (await server.printed(/Server listening at (http:[^"]+)/))?.[1] ?? ''
  t.match(await getJson(`${address}/readyz`), { status: 200, body: { issuers: [{ state: 'fresh' }] } })

  const document = await (await fetch(`${address}/openapi.json`)).text()
  t.match(document, `"openIdConnectUrl":"${environment.OIDC_ISSUER}/`, 'where browsers find Keycloak')

  const job = await jobToken(keycloak)
  t.match(await getJson(`${address}/protected`, job), { status: 200 })
  t.match(await getJson(`${address}/users`, job), { status: 503, body: { code: 'graph_not_configured' } }, 'allowed')
  t.match(await getJson(`${address}/me`, job), { status: 403 })
  const metrics = await fetch(`${address}/metrics`, { headers: { authorization: `Bearer ${job}` } })
  t.match(await metrics.text(), /^# HELP /)

  const alice = await userToken(keycloak, 'access_as_user')
  t.match(await getJson(`${address}/me`, alice), { status: 200 })
  t.match(await getJson(`${address}/role-protected`, alice), { status: 200 })
  t.match(await getJson(`${address}/users`, alice), { status: 403 })
  const reader = await userToken(keycloak, 'Directory.Read')
  t.match(await getJson(`${address}/users`, reader), { status: 503, body: { code: 'graph_not_configured' } }, 'allowed')
  t.match(await getJson(`${address}/me`, reader), { status: 403 })

  const [, ...check] = services.api.healthcheck.test
  const { status } = spawnSync(String(check[0]), [
    ...check.slice(1).map((part) => part.replace('http://127.0.0.1:3000', address))
  ])
  t.equal(status, 0, 'the health check')
  server.process.kill('SIGTERM')
  await once(server.process, 'close')
  t.notMatch(server.output.out, ownValues.REDIS_PASSWORD)
})

t.test('the health check of Keycloak reads its status', needs, async (t) => {
  const [, ...command] = composed().services.keycloak.healthcheck.test
  for (const status of [200, 503]) {
    const asked: unknown[] = []
    const server = createServer(({ url }, response) => {
      asked.push(url)
      response.writeHead(status).end('{}')
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    const check = command.map((part) => part.replace('/9000', `/${port}`).replaceAll('$$', '$'))
    const [code] = await once(spawn(String(check[0]), check.slice(1), { stdio: 'inherit' }), 'close')
    t.equal(code === 0, status === 200, String(status))
    t.same(asked, ['/health/ready'])
    server.close()
  }
})
