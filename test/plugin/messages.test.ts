/** Messages for common mistakes: each says what was expected, what was found, and what to change. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { adviceFor } from '../../src/plugin/keys/advice.js'
import {
  allOf,
  anyOf,
  createVerifier,
  type Guard,
  requireGroup,
  requireRole,
  TokenRefusedError
} from '../../src/plugin/verifier-index.js'
import { buildApi, optionsFor } from '../support/api.js'
import { recordingLogger } from '../support/log.js'
import { clientId, startTestTenant, tenantId } from '../support/tenant.js'
import { startVerifier } from '../support/verifier.js'

const tenant = await startTestTenant(t)
const options = optionsFor(tenant)

const start = (t: Test, more: object = {}) => startVerifier(t, tenant, more)

async function detailOf(t: Test, token: string, more: object = {}): Promise<string> {
  try {
    await start(t, more).verify({ scheme: 'Bearer', token })
    return 'accepted'
  } catch (error) {
    if (!(error instanceof TokenRefusedError)) throw error
    return error.message
  }
}

t.test('a variable of the client that holds no token', async (t) => {
  for (const word of ['undefined', 'null', 'NaN'])
    t.match(await detailOf(t, word), `The token is the word "${word}": the client has put a variable`)
})

t.test('an encrypted token', async (t) => {
  const [header] = [{ alg: 'RSA-OAEP', enc: 'A256GCM', kid: 'x' }].map((each) =>
    Buffer.from(JSON.stringify(each)).toString('base64url')
  )
  t.match(
    await detailOf(t, `${header}.a2V5.aXY.dGV4dA.dGFn`),
    /is encrypted \(JWE, RFC 7516\).*Turn token encryption off/
  )
  t.match(await detailOf(t, `${header}.a2V5.aXY`), /is not a signed JWT/)
})

t.test('the headers of App Service authentication (Easy Auth) are no credentials', async (t) => {
  const routes = (app: FastifyInstance) => {
    app.get('/', async () => 'ok')
    app.get('/optional', { config: { auth: 'optional' } }, async ({ principalOrNull }) => String(principalOrNull))
  }
  const made = await buildApi(t, { options, routes })
  const principal = Buffer.from(JSON.stringify({ claims: [{ typ: 'roles', val: 'Admin' }] })).toString('base64')
  const ask = (url: string, headers: Record<string, string>) => made.app.inject({ url, headers })
  for (const name of ['X-MS-CLIENT-PRINCIPAL', 'X-MS-TOKEN-AAD-ACCESS-TOKEN', 'X-MS-TOKEN-AAD-ID-TOKEN']) {
    const sent = name.includes('TOKEN') ? await tenant.userToken() : principal
    for (const more of [{}, { authorization: 'Basic YTpi' }] as Record<string, string>[]) {
      const { statusCode, body, headers } = await ask('/', { [name]: sent, ...more })
      t.equal(statusCode, 401, name)
      t.match(JSON.parse(body), { code: 'credentials_missing', detail: /Easy Auth\) are not read/ }, name)
      t.equal(headers['www-authenticate'], `Bearer realm="api://${clientId}"`)
    }
    t.equal((await ask('/optional', { [name]: sent })).body, 'null', 'nobody')
    const malformed = await ask('/', { [name]: sent, authorization: 'Bearer' })
    t.match(JSON.parse(malformed.body), { code: 'authorization_malformed', detail: /^The Authorization header must/ })
  }
  t.notMatch((await ask('/', { 'x-ms-other': '1' })).body, 'Easy Auth')
})

t.test('another issuer: the detail lists those that are trusted, not the unverified one', async (t) => {
  const detail = await detailOf(t, await tenant.userToken({ iss: 'https://elsewhere.example' }))
  t.match(detail, `which is ${tenant.origin}/${tenantId}/v2.0 or ${tenant.origin}/${tenantId}/. Get the token`)
  t.notMatch(detail, 'elsewhere')
  const several = Array.from({ length: 5 }, (_, at) => ({ issuer: `https://${at}.example`, audience: 'api' }))
  const of = createVerifier({ tenants: several, keysTimeoutSeconds: 0.1 })
  t.teardown(() => of.close())
  await t.rejects(of.verify({ scheme: 'Bearer', token: await tenant.userToken() }), {
    message: /https:\/\/0\.example or https:\/\/1\.example or .* or others\. Get/
  })
})

t.test('an audience that replaces the client ID', async (t) => {
  const log = recordingLogger()
  const detail = await detailOf(t, await tenant.userToken(), { audience: 'api://own', log })
  t.match(detail, `The token is for "${clientId}", and this API is api://own. That is the client ID of this API`)
  t.match(log.lines, [{ level: 'warn', message: /^audience replaces the client ID.*add the client ID to it/ }])
  const both = recordingLogger()
  t.equal(await detailOf(t, await tenant.userToken(), { audience: ['api://own', clientId], log: both }), 'accepted')
  t.same(
    both.lines.filter(({ level }) => level === 'warn'),
    []
  )
})

t.test('one ID given as tenantId and clientId', async (t) => {
  await t.rejects(start(t, { tenantId: clientId }).ready(), {
    message: /^tenantId and clientId are both .*; give the Directory \(tenant\) ID and the Application \(client\) ID/
  })
})

t.test('Keycloak’s account', async (t) => {
  const issuer = `${tenant.origin}/${tenantId}/v2.0`
  const oidc = createVerifier({ issuer, audience: 'orders' })
  t.teardown(() => oidc.close())
  await t.rejects(oidc.verify({ scheme: 'Bearer', token: await tenant.userToken({ aud: 'account' }) }), {
    message: /"account" is Keycloak's own account console: add an audience mapper/
  })
  await t.rejects(oidc.verify({ scheme: 'Bearer', token: await tenant.userToken({ aud: 'other' }) }), {
    message: /The token is for "other", and this API is orders\. Ask for a scope/
  })
})

/** A tenant whose clock is wrong, or that refuses its documents. */
async function otherTenant(t: Test, answer: (path: string) => { status?: number; date?: string; body: unknown }) {
  const server = createServer((request, response) => {
    const { status = 200, date, body } = answer(request.url ?? '')
    if (date !== undefined) response.setHeader('date', date)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('the error code of Entra, and what to change', async (t) => {
  const error_description = `AADSTS90002: Tenant '${clientId}' not found.\r\nTrace ID: 1\r\nTimestamp: 2`
  const authority = await otherTenant(t, () => ({ status: 400, body: { error: 'invalid_tenant', error_description } }))
  const log = recordingLogger()
  await start(t, { authority, log }).ready()
  t.match(log.lines.filter(({ message }) => /could not be fetched/.test(message)).at(0)?.details, {
    reason: `answered 400: AADSTS90002: Tenant '${clientId}' not found.`,
    fix: /^tenantId must be the Directory \(tenant\) ID, not the Application \(client\) ID/
  })
})

t.test('error codes with an advice, and those without', async (t) => {
  t.match(adviceFor('Proxy response (407) !== 200 when HTTP Tunneling'), /user and password into the proxy variable/)
  t.match(adviceFor('unable to get local issuer certificate'), /NODE_EXTRA_CA_CERTS/)
  t.match(adviceFor('getaddrinfo ENOTFOUND login.example'), /cannot be resolved/)
  t.match(adviceFor('connect ECONNREFUSED 127.0.0.1:9'), /no process listens at that address/)
  t.equal(adviceFor('took too long'), undefined)
})

t.test('a clock that differs from that of the tenant', async (t) => {
  const seconds = Math.floor(Date.now() / 1000)
  for (const [ahead, words] of [
    [3600, /is (3599|3600|3601) s behind that of http/],
    [-3600, /is (3599|3600|3601) s ahead of that of http/],
    [5, /The operator of this API should check that clock\.$/]
  ] as const) {
    const date = new Date(Date.now() + ahead * 1000).toUTCString()
    const authority: string = await otherTenant(t, (path) => {
      const own = `${authority}/${tenantId}`
      if (path.includes('openid-configuration'))
        return { date, body: { issuer: path.includes('v2.0') ? `${own}/v2.0` : `${own}/`, jwks_uri: `${own}/keys` } }
      return { date, body: { keys: [tenant.keys[0]] } }
    })
    const iss = `${authority}/${tenantId}/v2.0`
    const late = await tenant.userToken({ iss, iat: seconds + 1800, nbf: seconds + 1800, exp: seconds + 7200 })
    t.match(await detailOf(t, late, { authority }), words)
  }
})

t.test('a Date header that cannot be parsed is ignored', async (t) => {
  const authority: string = await otherTenant(t, () => ({ date: 'yesterday', body: {} }))
  await t.resolves(start(t, { authority }).ready())
})

t.test('anyOf and allOf: a list, no guard, and a function that was not called', async (t) => {
  const admin = requireRole('Admin')
  t.throws(() => anyOf([admin, admin] as never), {
    message: /^anyOf got a list; write anyOf\(a, b\), not anyOf\(\[a, b\]\)$/
  })
  t.throws(() => allOf(), { message: 'allOf got no guard; give guards, such as requireRole("Admin")' })
  t.throws(() => anyOf(requireRole as never), {
    message: /^anyOf got a function that makes guards, and was not called; give guards/
  })
  t.throws(() => anyOf(admin, 'Admin' as never), { message: /^anyOf got "Admin" in place of a guard; give guards/ })
})

t.test('a group by its name', async (t) => {
  const warnings = async (guard: Guard, own: object = options) => {
    const { app, logged } = await buildApi(t, { options: own, routes: { '/staff': { preHandler: guard } } })
    await app.ready()
    return logged().match(/[^"]*has requireGroup.*?a GUID/g)
  }
  t.match(await warnings(allOf(requireRole('Admin'), requireGroup('Staff'))), [
    /GET \/staff has requireGroup\(\\"Staff\\"\), and Microsoft Entra lists groups by object ID; give the Object ID/
  ])
  t.equal(await warnings(requireGroup(clientId)), null)
  t.equal(
    await warnings(requireGroup('Staff'), { issuer: `${tenant.origin}/x`, audience: 'api' }),
    null,
    'others have names'
  )
})

t.test('groups by name in a token of Entra', async (t) => {
  const [group, other] = ['aaaaaaaa-1111-4222-8333-444444444444', 'bbbbbbbb-1111-4222-8333-444444444444']
  const named = { groups: [other, 'Sales'] }
  const verifier = start(t)
  const said = async (claims: object, guard: Guard, own = verifier) => {
    const principal = await own.verify({ scheme: 'Bearer', token: await tenant.userToken({ ...claims }) })
    return own.authorize(principal, guard).then(
      () => 'passes',
      (error: Error) => error.message
    )
  }
  const words = /lists groups by name .* not supported: .* leaving out additionalProperties/
  t.match(await said(named, requireGroup(group)), words)
  t.match(await said(named, anyOf(requireRole('Admin'), requireGroup(group))), words)
  t.notMatch(await said(named, requireRole('Admin')), 'groups', 'no group is required')
  t.notMatch(await said({ groups: [other] }, requireGroup(group)), 'by name', 'IDs')
  t.notMatch(await said(named, allOf(requireGroup(other), requireRole('Admin'))), 'by name', 'the group is there')
  t.notMatch(await said({ groups: ['Sales'] }, requireGroup('Staff')), 'by name', 'the start says it')
  t.equal(await said(named, requireGroup(other)), 'passes')
  const oidc = createVerifier({ issuer: `${tenant.origin}/${tenantId}/v2.0`, audience: clientId })
  t.teardown(() => oidc.close())
  t.notMatch(await said(named, requireGroup(group), oidc), 'by name', 'another provider may have names')
})

t.test('Microsoft Entra given as any OpenID provider', async (t) => {
  const hosts: readonly (readonly [issuer: string, instead: RegExp])[] = [
    [
      'https://login.microsoftonline.com/common/v2.0',
      /give tenantId and clientId, and cloud for a national cloud in place of issuer$/
    ],
    [`https://login.microsoftonline.com/${tenantId}/v2.0`, /give tenantId and clientId/],
    [`https://LOGIN.MicrosoftOnline.com/${tenantId}/v2.0`, /give tenantId and clientId/],
    [`https://login.microsoftonline.com.:443/${tenantId}/v2.0`, /give tenantId and clientId/],
    [`https://sts.windows.net/${tenantId}/`, /give tenantId and clientId/],
    [`https://sts.chinacloudapi.cn/${tenantId}/`, /give tenantId and clientId/],
    [`https://login.microsoftonline.us/${tenantId}/v2.0`, /give tenantId and clientId/],
    [`https://login.partner.microsoftonline.cn/${tenantId}/v2.0`, /give tenantId and clientId/],
    [`https://login.sovcloud-identity.fr/${tenantId}/v2.0`, /give tenantId and clientId/],
    [`https://login.windows.net/${tenantId}/`, /give tenantId and clientId/],
    [`https://login.microsoft.com/${tenantId}/v2.0`, /give tenantId and clientId/],
    [
      `https://contoso.ciamlogin.com/${tenantId}/v2.0`,
      /authority "https:\/\/contoso\.ciamlogin\.com" in place of issuer$/
    ],
    [`https://contoso.b2clogin.com/${tenantId}/v2.0/`, /userFlow and authority "https:\/\/contoso\.b2clogin\.com"/]
  ]
  for (const [issuer, instead] of hosts) {
    await t.rejects(createVerifier({ issuer, audience: 'api' }).ready(), { message: instead }, issuer)
    await t.rejects(createVerifier({ tenants: [{ issuer, audience: 'api' }] }).ready(), { message: instead }, issuer)
  }
  for (const issuer of ['https://login.example/x', 'https://microsoftonline.example', 'https://notb2clogin.com/x']) {
    const other = createVerifier({ issuer, audience: 'api', keysTimeoutSeconds: 0.1 })
    t.teardown(() => other.close())
    await t.resolves(other.ready(), issuer)
  }
})
