/** What the metadata of a protected resource says (RFC 9728 §2), over real issuers. */
import t, { type Test } from 'tap'
import { allOf, anyOf, requireAppPermission, requireRole, requireScope } from '../../../src/plugin/index.js'
import { startApi } from '../../support/api.js'
import { clientId, json, startTestTenant, type TestTenant, tenantId } from '../../support/tenant.js'

const resource = { publicUrl: 'https://api.example.com/mcp' }
const path = '/.well-known/oauth-protected-resource/mcp'
const guarded = {
  '/read': { preHandler: requireScope('Tools.Read') },
  '/write': { preHandler: [requireScope('Tools.Read'), requireScope('Tools.Write')] },
  '/either': {
    config: { auth: anyOf(allOf(requireScope('Tools.All'), requireRole('Admin')), requireAppPermission('All')) }
  }
}

/** The document, of an API with these options beside the resource. */
async function documentOf(t: Test, options: object | ((tenant: TestTenant) => object), tenant?: TestTenant) {
  const given = tenant ?? (await startTestTenant(t))
  const own = typeof options === 'function' ? options(given) : options
  const api = await startApi(t, { tenant: given, options: { resource, ...own }, routes: guarded })
  const { status, body } = await api.get(path)
  return { status, body: JSON.parse(body) as Record<string, unknown>, api }
}

t.test('of one tenant: its issuer, and scopes by the names that clients request', async (t) => {
  const { status, body, api } = await documentOf(t, { resource: { ...resource, name: 'Tools of Contoso' } })
  t.equal(status, 200)
  t.strictSame(body, {
    resource: 'https://api.example.com/mcp',
    authorization_servers: [`${api.tenant.origin}/${tenantId}/v2.0`],
    scopes_supported: ['Tools.Read', 'Tools.Write', 'Tools.All'].map((name) => `https://api.example.com/mcp/${name}`),
    bearer_methods_supported: ['header'],
    resource_name: 'Tools of Contoso'
  })
  const [server] = body.authorization_servers as string[]
  const document = await fetch(`${server}/.well-known/openid-configuration`)
  t.match(await document.json(), { issuer: server }, 'RFC 8414 §3.3: the document at the issuer names the issuer')
})

t.test('RFC 9728 §3.2: without guards for scopes there is no scopes_supported', async (t) => {
  const api = await startApi(t, { options: { resource }, routes: { '/any': {} } })
  const { body } = await api.get(path)
  t.notMatch(body, 'scopes_supported')
  t.notMatch(body, 'resource_name')
})

t.test('of many tenants: those that are listed, and none if they are not', async (t) => {
  const other = '22222222-2222-4333-8444-555555555555'
  const listed = await documentOf(t, { tenantId: 'organizations', allowedTenants: [tenantId.toUpperCase(), other] })
  const { origin } = listed.api.tenant
  t.same(listed.body.authorization_servers, [`${origin}/${tenantId}/v2.0`, `${origin}/${other}/v2.0`])
  t.notMatch(listed.api.logged(), 'names no authorization server')
  for (const allowedTenants of ['*', [tenantId, '*'], { decide: () => true, sharedBy: 'tenant' }]) {
    const { body, api } = await documentOf(t, { tenantId: 'common', allowedTenants })
    t.notOk('authorization_servers' in body, 'RFC 9728 §2: a set that is not enumerable is left out')
    t.match(api.logged(), 'the metadata of resource names no authorization server')
  }
})

t.test('of another provider: its issuer, and scopes by their names', async (t) => {
  const { body, api } = await documentOf(t, ({ origin }) => ({ issuer: origin, audience: 'orders' }))
  t.same(body.authorization_servers, [api.tenant.origin])
  t.same(body.scopes_supported, ['Tools.Read', 'Tools.Write', 'Tools.All'])
})

t.test('of several providers: each once, with the names that its clients request', async (t) => {
  const { body, api } = await documentOf(t, ({ origin }) => ({
    tenants: [
      { tenantId, clientId, authority: origin },
      { issuer: `${origin}/other`, audience: 'orders' }
    ]
  }))
  const { origin } = api.tenant
  t.same(body.authorization_servers, [`${origin}/${tenantId}/v2.0`, `${origin}/other`])
  t.same(body.scopes_supported, [
    ...['Tools.Read', 'Tools.Write', 'Tools.All'].map((name) => `https://api.example.com/mcp/${name}`),
    ...['Tools.Read', 'Tools.Write', 'Tools.All']
  ])
})

t.test('a tenant that is named by its domain: 503 until its document names the issuer', async (t) => {
  const tenant = await startTestTenant(t)
  const v2 = '/contoso.example/v2.0/.well-known/openid-configuration'
  const issuer = `${tenant.origin}/${tenantId}/v2.0`
  const api = await startApi(t, {
    tenant,
    options: { resource, tenantId: 'contoso.example', keysCooldownSeconds: 1 },
    routes: guarded
  })
  const before = await api.get(path)
  t.match(before, { status: 503, headers: new Headers() })
  t.equal(before.headers.get('retry-after'), '1')
  t.equal(before.headers.get('cache-control'), 'no-store')
  t.equal(before.headers.get('access-control-allow-origin'), '*')
  t.match(JSON.parse(before.body), { status: 503, code: 'tenant_unavailable' })
  tenant.answers.set(
    v2,
    json(() => ({ issuer, jwks_uri: `${tenant.origin}${tenant.paths.keys}` }))
  )
  const token = await tenant.userToken({ scp: 'Tools.Read' })
  let after = before
  while (after.status === 503) {
    await api.get('/read', token) // one refresh in a second
    after = await api.get(path)
  }
  t.equal(after.status, 200)
  t.same(JSON.parse(after.body).authorization_servers, [issuer])
})
