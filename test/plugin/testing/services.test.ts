/** What a test tenant answers beside documents: tokens for other APIs, other services, and an API in another process. */
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { type EntraOptions, graphGroups, requireGroup, requireRole } from '../../../src/plugin/index.js'
import {
  createTestTenant,
  expectGuarded,
  type SentRequest,
  type TokenRequest
} from '../../../src/plugin/testing/index.js'
import { buildApi } from '../../support/api.js'
import { get, listen } from '../../support/http.js'

const downstream = { clientSecret: 'a secret' }
const scope = 'https://graph.microsoft.com/User.Read'

t.test('on-behalf-of: by default each request gets a token; a test answers otherwise', async (t) => {
  const tenant = await createTestTenant()
  const { app } = await buildApi(t, {
    options: { ...tenant.options, downstream } as EntraOptions,
    routes: (app: FastifyInstance) => app.get('/', async (request) => request.onBehalfOf(scope))
  })
  const answer = async (headers: object) => {
    const { statusCode, body, headers: of } = await app.inject({ url: '/', headers: { ...headers } })
    return { statusCode, body, challenge: String(of['www-authenticate']) }
  }
  t.match(await answer(tenant.user()), { statusCode: 200, body: `a token on-behalf-of for ${scope}` })
  t.equal(await app.entra.tokenForApp('api://other/.default'), 'a token client-credentials for api://other/.default')
  const asked: TokenRequest[] = []
  tenant.onTokenRequest(async (request) => {
    asked.push(request)
    return request.grant === 'on-behalf-of' ? 'the token' : { error: 'unauthorized_client' }
  })
  const user = tenant.user()
  t.match(await answer(user), { statusCode: 200, body: 'the token' })
  t.same(asked, [{ grant: 'on-behalf-of', scopes: [scope], assertion: user.authorization.slice(7) }])
  await t.rejects(app.entra.tokenForApp('api://third/.default'), { code: 'downstream_refused', statusCode: 502 })
  const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'
  tenant.onTokenRequest(() => ({ error: 'interaction_required', claims, code: 50_076 }))
  const stepUp = await answer(tenant.user({ claims: { xms_cc: ['cp1'] } }))
  t.equal(stepUp.statusCode, 401)
  t.match(stepUp.challenge, `claims="${Buffer.from(claims).toString('base64')}"`)
  tenant.onTokenRequest(() => ({ error: 'invalid_grant', suberror: 'consent_required', code: 65_001 }))
  t.match(await answer(tenant.user()), { statusCode: 403, body: /consent_required/ })
  tenant.goDown()
  t.match(await answer(tenant.user()), { statusCode: 503, body: /downstream_unavailable/ })
  await app.close()
})

t.test('another service, such as Microsoft Graph for groups overage', async (t) => {
  const tenant = await createTestTenant()
  const group = '40000000-0000-4000-8000-000000000001'
  const { app } = await buildApi(t, {
    options: { ...tenant.options, downstream, groups: graphGroups() } as EntraOptions,
    routes: { '/': { preHandler: requireGroup(group) } }
  })
  const status = async () => (await app.inject({ url: '/', headers: tenant.manyGroups() })).statusCode
  t.equal(await status(), 503, 'nobody answers')
  const asked: SentRequest[] = []
  tenant.answer('https://graph.microsoft.com', (request) => {
    asked.push(request)
    return { body: { value: [group] } }
  })
  t.equal(await status(), 200)
  t.match(asked, [{ method: 'POST', url: { pathname: /getMemberObjects$/ }, body: '{"securityEnabledOnly":true}' }])
  t.match(asked[0]?.headers, { authorization: /^Bearer a token client-credentials for/ })
  tenant.answer('https://graph.microsoft.com', async () => ({ status: 429, headers: { 'retry-after': '7' } }))
  const { headers, statusCode } = await app.inject({ url: '/', headers: tenant.manyGroups() })
  t.same([statusCode, headers['retry-after']], [503, '7'])
  t.same((await expectGuarded(app)).notTried, [], 'nobody has to be looked up for it')
  await app.close()
})

for (const shape of ['v2', 'v1', 'b2c', 'oidc'] as const)
  t.test(`${shape}: over HTTP, for an API in another process`, async (t) => {
    const tenant = await createTestTenant({ shape })
    t.teardown(() => tenant.close())
    const origin = await tenant.listen()
    t.match(origin, /^http:\/\/127\.0\.0\.1:\d+$/)
    // What another process gets: JSON.
    const options = JSON.parse(JSON.stringify(tenant.options))
    t.match(shape === 'oidc' ? options.issuer : options.authority, origin)
    const api = await listen(
      await buildApi(t, { options, routes: { '/': {}, '/admin': { preHandler: requireRole('Admin') } } })
    )
    const status = async (path: string, { authorization }: { authorization: string }) =>
      (await get(api.origin + path, authorization.slice(7))).status
    t.equal(await status('/', tenant.user()), 200)
    t.equal(await status('/admin', tenant.user()), 403)
    tenant.rotateKeys({ withdraw: true })
    t.equal(await status('/', tenant.user()), 200)
    tenant.goDown()
    tenant.rotateKeys()
    tenant.clock.advance(31)
    t.equal(await status('/', tenant.user()), 503)
    tenant.comeUp()
    tenant.clock.advance(31)
    t.equal(await status('/', tenant.user()), 200)
    // In the process it answers as well, without the socket.
    const { app } = await buildApi(t, { options: tenant.options, routes: { '/': {} } })
    t.equal((await app.inject({ url: '/', headers: tenant.user() })).statusCode, 200)
    for (const path of ['none', `${tenant.tenantId}/none`]) t.equal((await fetch(`${origin}/${path}`)).status, 404)
    await app.close()
  })

t.test('the token endpoint over HTTP; listen() comes first, and the first call counts', async (t) => {
  const tenant = await createTestTenant()
  const origin = await tenant.listen()
  t.equal(await tenant.listen(), origin)
  const endpoint = `${origin}/${tenant.tenantId}/oauth2/v2.0/token`
  const body = new URLSearchParams({ scope: 'a b openid', assertion: 'x' })
  const answer = await fetch(endpoint, { method: 'POST', body })
  t.match(await answer.json(), { access_token: 'a token on-behalf-of for a b' })
  t.match(await (await fetch(endpoint, { method: 'POST' })).json(), { access_token: 'a token client-credentials for ' })
  tenant.onTokenRequest(() => {
    throw new Error('a mistake of the test')
  })
  t.equal((await fetch(endpoint, { method: 'POST', body })).status, 500)
  await tenant.close()
  await t.rejects(fetch(endpoint))
  const message = 'listen() changes the issuer of the test tenant; call it before options are read and tokens are made'
  const used = await createTestTenant()
  used.user()
  await t.rejects(used.listen(), { message })
  const read = await createTestTenant()
  t.ok(read.options)
  await t.rejects(read.listen(), { message })
})
