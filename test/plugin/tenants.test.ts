/** Several tenants and providers for one API: each with keys, audience and rules of its own. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { type EntraOptions, Revocations } from '../../src/plugin/index.js'
import { toSettings } from '../../src/plugin/options.js'
import { optionsFor, startApi } from '../support/api.js'
import { callerId, clientId, seconds, startTestTenant, type TestTenant, tenantId } from '../support/tenant.js'

const audience = 'https://orders.example'

/** Another provider: a key under the same `kid` as the tenant's. */
async function startProvider(t: Test) {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'key-1' }] }
  const answers: RequestListener = (request, response) => {
    response.setHeader('content-type', 'application/json')
    const isMetadata = request.url?.endsWith('openid-configuration')
    response.end(JSON.stringify(isMetadata ? { issuer, jwks_uri: `${issuer}/keys` } : keys))
  }
  const server = createServer(answers)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const token = (claims: object = {}) => {
    const now = seconds()
    const good = {
      iss: issuer,
      aud: audience,
      iat: now,
      exp: now + 60,
      sub: 'pairwise-subject',
      azp: 'spa',
      scope: 'a'
    }
    return new SignJWT({ ...good, ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'key-1' }).sign(privateKey)
  }
  return { issuer, token }
}

/** An API that trusts a tenant and a provider. */
const start = (t: Test, tenant: TestTenant, { issuer }: { issuer: string }, more: object = {}) =>
  startApi(t, {
    tenant,
    options: { tenants: [optionsFor(tenant), { issuer, audience }], keysTimeoutSeconds: 1, ...more }
  })

t.test(
  'a session and an ID belong to one issuer: v1 and v2 of one directory share them, other issuers do not',
  async (t) => {
    const tenant = await startTestTenant(t)
    const provider = await startProvider(t)
    const revocations = new Revocations()
    const { isRevoked } = revocations
    const { get } = await start(t, tenant, provider, { isRevoked })
    const [ids, sid] = [{ oid: 'same', sub: 'same' }, 'same']
    const statuses = async (iat: number) => {
      const tokens = [
        await tenant.userToken({ ...ids, sid, iat }),
        await tenant.v1Token({ ...ids, sid, iat }),
        await provider.token({ sub: ids.sub, sid, iat })
      ]
      return Promise.all(tokens.map(async (token) => (await get('/me', token)).status))
    }
    const early = seconds() - 30
    t.same(await statuses(early), [200, 200, 200])
    revocations.revoke({ tenantId: provider.issuer, sessionId: sid })
    t.same(await statuses(early), [200, 200, 401])
    revocations.revoke({ tenantId, sessionId: sid })
    t.same(await statuses(early), [401, 401, 401])
    t.same(await statuses(seconds() + 30), [200, 200, 200], 'issued since then')
  }
)

t.test('a revoked user is one of one issuer, even if another issuer has the same ID', async (t) => {
  const tenant = await startTestTenant(t)
  const provider = await startProvider(t)
  const revocations = new Revocations()
  const { isRevoked } = revocations
  const { get } = await start(t, tenant, provider, { isRevoked })
  const status = async (token: string) => (await get('/me', token)).status
  const [own, others] = [await tenant.userToken({ oid: 'same' }), await provider.token({ sub: 'same' })]
  revocations.revoke({ tenantId: provider.issuer, id: 'same' })
  t.same([await status(own), await status(others)], [200, 401])
})

t.test('an Entra tenant and another provider: the iss of a token picks the keys and the rules', async (t) => {
  const tenant = await startTestTenant(t)
  const provider = await startProvider(t)
  const { get, app } = await start(t, tenant, provider)
  const ask = async (token: string) => {
    const { status, body } = await get('/me', token)
    const { issuer, tenantId, id, code } = JSON.parse(body) as Record<string, unknown>
    return status === 200 ? { issuer, tenantId, id } : `${status} ${code}`
  }
  const v2 = `${tenant.origin}/${tenantId}/v2.0`
  t.same(await ask(await tenant.userToken()), { issuer: v2, tenantId, id: callerId })
  const { issuer } = provider
  t.same(
    await ask(await provider.token()),
    { issuer, tenantId: issuer, id: 'pairwise-subject' },
    'distinguished by issuer'
  )
  t.equal(
    await ask(await provider.token({ iss: v2 })),
    '401 wrong_algorithm',
    'its key does not verify the tenant’s tokens'
  )
  t.equal(await ask(await tenant.userToken({ iss: issuer })), '401 wrong_algorithm', 'nor the other way round')
  t.equal(await ask(await tenant.userToken({ aud: audience })), '401 wrong_audience', 'each has its own audience')
  t.equal(await ask(await provider.token({ aud: clientId })), '401 wrong_audience')
  t.equal(await ask(await provider.token({ iss: 'https://nobody.example' })), '401 wrong_issuer')
  t.same(
    app.entra.issuers.map((each) => each.issuer),
    [v2, `${tenant.origin}/${tenantId}/`, issuer]
  )
  const { headers } = await get('/me')
  t.match(headers.get('www-authenticate'), `realm="api://${clientId}"`, 'the realm is that of the first entry')
})

t.test('the outage of one tenant does not affect the others', async (t) => {
  const tenant = await startTestTenant()
  const provider = await startProvider(t)
  const token = await tenant.userToken()
  await tenant.close()
  const { get, app } = await start(t, tenant, provider)
  t.equal((await get('/me', await provider.token())).status, 200)
  t.equal((await get('/me', token)).status, 503, 'only its own tokens wait')
  t.ok(app.entra.ready, 'one is enough')
})

const entraTenant = { tenantId, clientId }
const other = { issuer: 'https://issuer.example', audience }
const bad: { what: string; options: object; says: RegExp }[] = [
  { what: 'none', options: { tenants: [] }, says: /^tenants \[\] is not allowed; give a list/ },
  { what: 'no list', options: { tenants: entraTenant }, says: /^tenants .* is not allowed; give a list/ },
  { what: 'a name', options: { tenants: ['contoso.com'] }, says: /^tenants \["contoso.com"\] is not allowed/ },
  { what: 'null', options: { tenants: [null] }, says: /^tenants \[null\] is not allowed/ },
  { what: 'one beside', options: { tenants: [other], ...entraTenant }, says: /no option "tenantId" beside "tenants"/ },
  {
    what: 'seconds of one',
    options: { tenants: [{ ...other, keysTimeoutSeconds: 1 }] },
    says: /no option "keysTimeoutSeconds"/
  },
  {
    what: 'a slip',
    options: { tenants: [{ ...other, audiences: 'x' }] },
    says: /no option "audiences" beside "issuer"/
  },
  {
    what: 'a bad value',
    options: { tenants: [entraTenant, { ...other, issuer: 'x' }] },
    says: /^issuer "x" is not allowed/
  },
  {
    what: 'one twice',
    options: { tenants: [other, { ...other, audience: 'b' }] },
    says: /has https:.* twice; give each/
  },
  { what: 'tenants within tenants', options: { tenants: [{ tenants: [other] }] }, says: /tenantId|clientId|tenants/ }
]

t.test('the options of several tenants', async (t) => {
  for (const { what, options, says } of bad)
    t.throws(() => toSettings(options as EntraOptions), { name: 'EntraConfigurationError', message: says }, what)
  const { algorithms, issuers } = toSettings({ tenants: [entraTenant, { ...other, algorithms: ['ES256'] }] })
  t.same(algorithms, ['RS256', 'ES256'], 'each key verifies its own')
  t.equal(issuers.length, 3)
})
