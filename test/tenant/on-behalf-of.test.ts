/** The on-behalf-of flow: what an API gets for its user, and how Entra ID refuses it. */
import t, { type Test } from 'tap'
import type { Tenant } from '../../src/tenant/index.js'
import { apiScope, appToken, claimsOf, clientId, otherTenant, postToken, start, userTokens } from './helpers.js'

const username = 'user@contoso.example'
const graph = (...names: string[]) => names.map((name) => `https://graph.microsoft.com/${name}`).join(' ')

/** What the API is answered, which presents an assertion. */
async function exchange(tenant: Tenant, assertion: string, more: Record<string, string> = {}) {
  const { clientId: client_id, clientSecret } =
    tenant.description.clients.find(({ name }) => name === (more.name ?? 'api')) ?? {}
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    requested_token_use: 'on_behalf_of',
    client_id: String(client_id),
    client_secret: String(clientSecret),
    scope: graph('User.Read'),
    assertion,
    ...more
  }
  const response = await postToken(tenant, form)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const control = async (tenant: Tenant, path: string) =>
  (await fetch(`${tenant.origin}/_control/${path}`, { method: 'POST' })).json()

async function assertion(tenant: Tenant, claims?: string): Promise<string> {
  const scope = apiScope(tenant, 'access_as_user')
  return (await userTokens(tenant, username, { scope, ...(claims !== undefined && { claims }) })).access_token
}

async function setUp(t: Test, options = {}) {
  const tenant = await start(t, options)
  return { tenant, token: await assertion(tenant) }
}

t.test('a token for Graph, for the user of the assertion', async (t) => {
  for (const accessTokenVersion of [1, 2] as const) {
    const { tenant, token } = await setUp(t, { accessTokenVersion })
    const { status, body } = await exchange(tenant, token)
    t.equal(status, 200)
    t.match(body, { token_type: 'Bearer', expires_in: 3600, ext_expires_in: 3600, scope: graph('User.Read') })
    t.notOk('id_token' in body)
    const claims = await claimsOf(tenant, String(body.access_token))
    const user = await claimsOf(tenant, token)
    t.match(claims, { aud: 'https://graph.microsoft.com', scp: 'User.Read', oid: user.oid, name: 'Contoso User' })
    t.equal(accessTokenVersion === 2 ? claims.azp : claims.appid, tenant.description.api.clientId)
  }
})

t.test('with openid, an ID token for the API', async (t) => {
  const { tenant, token } = await setUp(t)
  const { body } = await exchange(tenant, token, { scope: `openid profile offline_access ${graph('User.Read')}` })
  const claims = await claimsOf(tenant, String(body.id_token))
  t.match(claims, { aud: tenant.description.api.clientId, iss: tenant.issuer, preferred_username: username })
})

t.test('.default is all that there is consent to', async (t) => {
  const { tenant, token } = await setUp(t)
  t.match(await control(tenant, 'consent?scope=GroupMember.Read.All&granted=no'), { developmentOnly: true })
  const { body } = await exchange(tenant, token, { scope: graph('.default') })
  t.equal((await claimsOf(tenant, String(body.access_token))).scp, 'User.Read Directory.Read.All')
  const refused = await exchange(tenant, token, { scope: graph('User.Read', 'GroupMember.Read.All') })
  t.match(refused, {
    status: 400,
    body: { error: 'invalid_grant', error_codes: [65001], suberror: 'consent_required' }
  })
  await control(tenant, 'consent?scope=GroupMember.Read.All&granted=yes')
  const { status } = await exchange(tenant, token, { scope: graph('User.Read', 'GroupMember.Read.All') })
  t.equal(status, 200)
})

t.test('what is no assertion of a user for this API is refused, by number', async (t) => {
  const { tenant, token } = await setUp(t, { accessTokenLifetimeSeconds: 600 })
  const claims = await claimsOf(tenant, token)
  const elsewhere = { iss: otherTenant(tenant).issuer, tid: otherTenant(tenant).tenantId }
  const forGraph = await userTokens(tenant, username, { scope: graph('User.Read') })
  const rows: [what: string, assertion: string, code: number][] = [
    ['no token', 'garbage', 50013],
    ['a forged token', `${token.slice(0, -8)}AAAAAAAA`, 50013],
    ['a token of another tenant', await tenant.sign({ ...claims, ...elsewhere }), 50013],
    ['a user who is not there', await tenant.sign({ ...claims, oid: tenant.tenantId }), 50013],
    ['an expired token', await tenant.sign({ ...claims, exp: Number(claims.iat) - 1 }), 500133],
    ['a token for Graph', forGraph.access_token, 500131],
    ['a token without a user', await appToken(tenant, 'daemon'), 7000114]
  ]
  for (const [what, presented, code] of rows) {
    const { status, body } = await exchange(tenant, presented)
    t.match({ status, ...body }, { status: 400, error: 'invalid_grant', error_codes: [code] }, what)
    t.match(body.error_description, `AADSTS${code}: `)
  }
  const daemon = await exchange(tenant, token, { name: 'daemon' })
  t.match(daemon.body, { error_codes: [500131] }, 'another application than the one it is for')
})

t.test('what is no such request is refused', async (t) => {
  const { tenant, token } = await setUp(t)
  const rows: [more: Record<string, string>, expected: object][] = [
    [{ requested_token_use: '' }, { error: 'invalid_request', error_codes: [900144] }],
    [{ scope: '' }, { error: 'invalid_scope', error_codes: [70011] }],
    [{ scope: 'openid' }, { error: 'invalid_scope' }],
    [{ scope: graph('Mail.Read') }, { error: 'invalid_scope' }],
    [{ scope: 'api://unknown/x' }, { error: 'invalid_target' }],
    [{ client_secret: 'wrong' }, { error: 'invalid_client' }]
  ]
  for (const [more, expected] of rows)
    t.match((await exchange(tenant, token, more)).body, expected, JSON.stringify(more))
  const common = await exchange({ ...tenant, tenantId: 'common' }, token)
  t.match(common.body, { error_codes: [50059] }, 'which tenant?')
})

t.test('what a policy wants of the user comes back as claims, until the user has proved it', async (t) => {
  const { tenant, token } = await setUp(t)
  const policy = `conditional-access?username=${username}&scope=User.Read&authContext=`
  t.match(await control(tenant, `${policy}c1`), { developmentOnly: true })
  const { status, body } = await exchange(tenant, token)
  t.match({ status, ...body }, { status: 400, error: 'interaction_required', suberror: 'basic_action' })
  t.same(JSON.parse(String(body.claims)), { access_token: { acrs: { essential: true, value: 'c1' } } })
  t.equal((await exchange(tenant, token, { scope: graph('GroupMember.Read.All') })).status, 200, 'only for that')
  const proved = await exchange(tenant, await assertion(tenant, String(body.claims)))
  t.same((await claimsOf(tenant, String(proved.body.access_token))).acrs, ['c1'])
  const asked = await exchange(tenant, token, { scope: graph('GroupMember.Read.All'), claims: String(body.claims) })
  t.match(
    asked.body,
    { error: 'interaction_required', claims: body.claims },
    'also where the request itself asks for it'
  )
  await control(tenant, policy)
  t.equal((await exchange(tenant, token)).status, 200)
})

t.test('who is signed in comes as client_info, where it is asked for', async (t) => {
  const { tenant, token } = await setUp(t)
  const { body } = await exchange(tenant, token, { client_info: '1' })
  const info = JSON.parse(Buffer.from(String(body.client_info), 'base64url').toString())
  t.same(info, { uid: (await claimsOf(tenant, token)).oid, utid: tenant.tenantId })
  const secret = tenant.description.clients.find(({ name }) => name === 'daemon')?.clientSecret
  const form = {
    grant_type: 'client_credentials',
    client_id: clientId(tenant, 'daemon'),
    client_secret: String(secret)
  }
  const scope = apiScope(tenant, '.default')
  const response = await postToken(tenant, { ...form, scope, client_info: '1' })
  t.notOk('client_info' in ((await response.json()) as object), 'nobody is')
})
