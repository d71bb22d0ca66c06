/** `/me/profile` and `/me/groups`: on behalf of the caller, against the embedded tenant and its Graph. */
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import entra, { anyOf, type EntraOptions, graphGroups, requireGroup, requireRole } from '../../src/plugin/index.js'
import { environmentFor } from '../../src/server/environment.js'
import { signIn } from '../../src/tenant/client.js'
import { startTenant, type Tenant } from '../../src/tenant/index.js'
import { clientCertificate } from '../support/certificate.js'
import { get, listen, makeApp } from '../support/http.js'
import { run } from '../support/process.js'
import { clients, needsRedis, startRedis } from '../support/redis.js'
import {
  appToken,
  getJson,
  type ServerWithTenant,
  startServer,
  startServerWithTenant,
  userToken
} from '../support/server.js'

const user = 'user@contoso.example'
const userId = '40000000-0000-4000-8000-000000000002'

/** Changes something in the tenant, as an administrator does. */
async function control({ origin }: Tenant, path: string, query: Record<string, string>): Promise<void> {
  const response = await fetch(`${origin}/_control/${path}?${new URLSearchParams(query)}`, { method: 'POST' })
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
}

const statuses = async (api: ServerWithTenant, token: string) =>
  Promise.all(['/me/profile', '/me/groups'].map(async (path) => (await api.get(path, token)).status))

t.test('a user’s profile and groups', async (t) => {
  const api = await startServerWithTenant(t)
  const token = await userToken(api.tenant, user)
  const profile = await api.get('/me/profile', token)
  t.equal(profile.status, 200)
  t.same(profile.body, { id: userId, displayName: 'Contoso User', userPrincipalName: user, mail: user })
  const groups = await api.get('/me/groups', token)
  t.equal(groups.status, 200)
  t.match(groups.body, { groups: [{ id: /^[0-9a-f-]{36}$/, displayName: 'Group 1' }] })
  const admin = await api.get('/me/profile', await userToken(api.tenant, 'admin@contoso.example'))
  t.match(admin.body, { displayName: 'Contoso Admin' }, 'each user has an own one')
})

t.test('instances share users’ tokens through Redis', needsRedis, async (t) => {
  const redis = await startRedis(t)
  const shared = { REDIS_URL: redis.url }
  const api = await startServerWithTenant(t, shared)
  const token = await userToken(api.tenant, user)
  t.equal((await api.get('/me/profile', token)).status, 200)
  const client = clients.ioredis(t, redis)
  const kept = await Promise.all((await client.keys('*')).map((key) => client.get(key)))
  t.ok(kept.length > 0, 'something is kept')
  t.notMatch(kept.join(), 'eyJ', 'sealed')

  await control(api.tenant, 'consent', { scope: 'User.Read', granted: 'no' })
  const other = await startServer(t, { ...environmentFor(api.tenant), ...shared })
  t.equal(
    (await getJson(`${other.listeningOrigin}/me/profile`, token)).status,
    200,
    'the tenant, which would say no, is not asked'
  )
  const alone = await startServer(t, environmentFor(api.tenant))
  t.equal((await getJson(`${alone.listeningOrigin}/me/profile`, token)).status, 403)
})

t.test('who may not', async (t) => {
  const api = await startServerWithTenant(t)
  t.same(await statuses(api, await appToken(api.tenant, 'daemon')), [403, 403], 'an app')
  t.same(await statuses(api, await userToken(api.tenant, user, ['Directory.Read'])), [403, 403], 'without the scope')
  const without = await startServerWithTenant(t, { ENTRA_CLIENT_SECRET: '' })
  t.equal((await without.get('/me/profile')).status, 401)
  t.equal((await without.get('/me/profile', await appToken(without.tenant, 'daemon'))).status, 403)
  const answer = await without.get('/me/profile', await userToken(without.tenant, user))
  t.match([answer.status, answer.body.code], [503, 'graph_not_configured'], 'after the guards')
})

t.test(
  'consent that is missing is named; a wrong secret is the operator’s fault; a tenant that is gone an outage',
  async (t) => {
    const api = await startServerWithTenant(t)
    await control(api.tenant, 'consent', { scope: 'User.Read', granted: 'no' })
    const refused = await api.get('/me/profile', await userToken(api.tenant, user))
    t.match(refused, { status: 403, body: { code: 'consent_required', detail: /User\.Read/ } })

    const wrong = await startServer(t, { ...environmentFor(api.tenant), ENTRA_CLIENT_SECRET: 'wrong-secret' })
    const token = await userToken(api.tenant, user)
    const answer = await getJson(`${wrong.listeningOrigin}/me/groups`, token)
    t.match(answer, { status: 502, body: { code: 'downstream_refused' } })
    t.notMatch(JSON.stringify(answer.body), 'wrong-secret')

    await api.tenant.close()
    const gone = await api.get('/me/groups', token)
    t.match(gone, { status: 503, body: { code: 'downstream_unavailable' } })
    t.ok(gone.headers.get('retry-after'))
  }
)

t.test('a step up that Graph asks for: challenge, sign-in with its claims, 200', async (t) => {
  const { tenant, ...api } = await startServerWithTenant(t)
  await control(tenant, 'conditional-access', { username: user, scope: 'User.Read', authContext: 'c1' })
  const first = await api.get('/me/profile', await userToken(tenant, user))
  t.match(first, { status: 401, body: { code: 'insufficient_claims' } })
  const challenge = String(first.headers.get('www-authenticate'))
  t.match(challenge, /error="insufficient_claims"/)
  const [, claims = ''] = /claims="([A-Za-z0-9+/=]+)"/.exec(challenge) ?? []
  const spa = tenant.description.clients.find(({ name }) => name === 'spa')
  const { access_token } = await signIn(tenant.origin, {
    tenantId: tenant.tenantId,
    clientId: String(spa?.clientId),
    username: user,
    scope: `api://${tenant.description.api.clientId}/access_as_user`,
    claims: Buffer.from(claims, 'base64').toString()
  })
  t.equal((await api.get('/me/profile', access_token)).status, 200)
})

t.test('with a certificate', async (t) => {
  const { pem, certificate } = await clientCertificate()
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const { ENTRA_CLIENT_SECRET: _, ...env } = environmentFor(tenant)
  const file = `${t.testdir({ 'certificate.pem': pem })}/certificate.pem`
  const app = await startServer(t, { ...env, ENTRA_CLIENT_CERTIFICATE: file })
  const asked = async (path: string, token: string) => (await getJson(app.listeningOrigin + path, token)).status
  const daemon = await appToken(tenant, 'daemon')
  t.equal(await asked('/users', daemon), 502, 'not registered yet')
  const url = `${tenant.origin}/_control/certificate?clientId=${env.ENTRA_CLIENT_ID}`
  await fetch(url, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: certificate })
  t.equal(await asked('/me/profile', await userToken(tenant, user)), 200)
})

t.test('with a workload identity, whose token is in a file', async (t) => {
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const [issuer, subject] = ['https://cluster.example', 'system:serviceaccount:orders:api']
  const token = await new SignJWT({ iss: issuer, sub: subject, aud: 'api://AzureADTokenExchange' })
    .setProtectedHeader({ alg: 'RS256', kid: 'cluster-key' })
    .setExpirationTime('1h')
    .sign(privateKey)
  const { ENTRA_CLIENT_SECRET: _, ...env } = environmentFor(tenant)
  const { ENTRA_CLIENT_ID: clientId = '', ENTRA_TENANT_ID: tenantId = '' } = env
  const file = `${t.testdir({ token })}/token`
  const platform = { AZURE_FEDERATED_TOKEN_FILE: file, AZURE_CLIENT_ID: clientId, AZURE_TENANT_ID: tenantId }
  const app = await startServer(t, { ...env, ...platform })
  const asked = async () => (await getJson(`${app.listeningOrigin}/me/profile`, await userToken(tenant, user))).status
  t.equal(await asked(), 502, 'not trusted yet')
  const query = new URLSearchParams({ clientId, issuer, subject })
  await fetch(`${tenant.origin}/_control/federated-credential?${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'cluster-key' }] })
  })
  t.equal(await asked(), 200)
})

t.test('a tenant over https, as in production', async (t) => {
  const tenant = await startTenant({ port: 0, tls: true })
  t.teardown(() => tenant.close())
  const ca = `${t.testdir({ 'ca.pem': String(tenant.ca) })}/ca.pem`
  const server = run(t, 'src/server/main.ts', { ...environmentFor(tenant), PORT: '0', NODE_EXTRA_CA_CERTS: ca })
  const [, address = ''] = (await server.printed(/listening at (http:\/\/127\.0\.0\.1:\d+)/)) ?? []
  const { issuer, tenantId, description } = tenant
  const seconds = Math.floor(Date.now() / 1000)
  const token = await tenant.sign({
    ...{ iss: issuer, aud: description.api.clientId, tid: tenantId, oid: userId, sub: userId, ver: '2.0', azp: userId },
    ...{ scp: 'access_as_user', idtyp: 'user', uti: 'uti', iat: seconds, nbf: seconds, exp: seconds + 3600 }
  })
  t.match(await getJson(`${address}/me/profile`, token), { status: 200, body: { userPrincipalName: user } })
  t.notMatch(server.output.out + server.output.err, token.slice(-40))
})

/** An API with guards for groups, for a user who is in more of them than a token holds. */
async function startOverage(t: Test, as: 'app' | 'user', more: object = {}) {
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const { ENTRA_CLIENT_ID: clientId, ENTRA_CLIENT_SECRET: clientSecret } = environmentFor(tenant)
  const made = makeApp(t)
  const { tenantId, origin: authority } = tenant
  const groups = graphGroups({ as, url: authority })
  const options = { tenantId, clientId, authority, downstream: { clientSecret }, groups, ...more }
  await made.app.register(entra, options as EntraOptions)
  const group = (number: number) => `50000000-0000-4000-8000-${String(number).padStart(12, '0')}`
  const paths = [...Array.from({ length: 25 }, (_, at) => at + 230), 7].map((number) => {
    made.app.get(`/${number}`, { preHandler: requireGroup(group(number)) }, async () => 'ok')
    return `/${number}`
  })
  made.app.get('/either', { preHandler: anyOf(requireGroup(group(7)), requireRole('Admin')) }, async () => 'ok')
  made.app.get('/any', async () => 'ok')
  const { origin } = await listen(made)
  const token = await userToken(tenant, 'groups@contoso.example')
  const ask = async (path: string, other = token) => (await get(origin + path, other)).status
  return { tenant, ask, paths, groupId: group }
}

t.test('a user with more groups than fit into a token', async (t) => {
  for (const as of ['app', 'user'] as const) {
    for (const limit of ['1000', '100']) {
      const { tenant, ask, paths } = await startOverage(t, as)
      await control(tenant, 'graph', { memberObjectsLimit: limit })
      const answers = await Promise.all(paths.map((path) => ask(path)))
      const expected = paths.map((path) => (Number(path.slice(1)) <= 250 ? 200 : 403))
      t.same(answers, expected, `as ${as}, with ${limit} groups at the most`)
    }
  }
})

t.test('Graph out of reach: 503 for that route alone, and another guard that passes still wins', async (t) => {
  const { tenant, ask } = await startOverage(t, 'app', { groups: graphGroups({ url: 'http://127.0.0.1:9' }) })
  t.equal(await ask('/7'), 503)
  t.equal(await ask('/either'), 503)
  t.equal(await ask('/any'), 200)
  const claims = JSON.parse(
    Buffer.from(String((await userToken(tenant, 'groups@contoso.example')).split('.')[1]), 'base64url').toString()
  ) as object
  t.equal(await ask('/either', await tenant.sign({ ...claims, roles: ['Admin'] })), 200)
})
