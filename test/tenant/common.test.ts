import t from 'tap'
import { createBrowser } from '../../src/tenant/client.js'
import type { Tenant } from '../../src/tenant/index.js'
import {
  alias,
  apiScope,
  appToken,
  authorizeUrl,
  claimsOf,
  clientId,
  codeVerifier,
  guid,
  json,
  otherTenant,
  postToken,
  start,
  userTokens
} from './helpers.js'

const aliases = ['common', 'organizations'] as const

/** Who signs in, and where at home. */
const homes = (tenant: Tenant): [username: string, home: Tenant][] => [
  ['user@contoso.example', tenant],
  ['user@fabrikam.example', otherTenant(tenant)]
]

t.test('the documents for all tenants name a template as the issuer, and their own endpoints', async (t) => {
  const { origin } = await start(t)
  for (const name of aliases) {
    const v2 = await json(`${origin}/${name}/v2.0/.well-known/openid-configuration`)
    t.match(v2, {
      issuer: `${origin}/{tenantid}/v2.0`,
      authorization_endpoint: `${origin}/${name}/oauth2/v2.0/authorize`,
      token_endpoint: `${origin}/${name}/oauth2/v2.0/token`,
      end_session_endpoint: `${origin}/${name}/oauth2/v2.0/logout`,
      jwks_uri: `${origin}/${name}/discovery/v2.0/keys`
    })
    const v1 = await json(`${origin}/${name}/.well-known/openid-configuration`)
    t.match(v1, {
      issuer: `${origin}/{tenantid}/`,
      authorization_endpoint: `${origin}/${name}/oauth2/authorize`,
      token_endpoint: `${origin}/${name}/oauth2/token`,
      jwks_uri: `${origin}/${name}/discovery/keys`
    })
  }
})

t.test("the keys for all tenants are each tenant's, with the template as their issuer", async (t) => {
  const { origin, tenantId } = await start(t)
  const { keys } = (await json(`${origin}/${tenantId}/discovery/v2.0/keys`)) as { keys: object[] }
  const expected = keys.map((key) => ({ ...key, issuer: `${origin}/{tenantid}/v2.0` }))
  for (const name of aliases) {
    for (const path of ['discovery/v2.0/keys', 'discovery/keys']) {
      t.strictSame(await json(`${origin}/${name}/${path}`), { keys: expected }, `${name}/${path}`)
    }
  }
})

t.test('users of every tenant sign in, and their tokens are those of their tenant', async (t) => {
  const tenant = await start(t)
  for (const name of aliases) {
    for (const [username, { issuer, tenantId }] of homes(tenant)) {
      const tokens = await userTokens(alias(tenant, name), username)
      const own = { iss: issuer, tid: tenantId, oid: guid, preferred_username: username }
      t.match(await claimsOf(tenant, tokens.access_token), { ...own, aud: tenant.description.api.clientId })
      t.match(await claimsOf(tenant, String(tokens.id_token)), { ...own, aud: clientId(tenant, 'spa') })
    }
  }
})

t.test('so are v1.0 tokens, also of the v1.0 endpoints', async (t) => {
  const tenant = await start(t, { accessTokenVersion: 1 })
  for (const [username, { tenantId }] of homes(tenant)) {
    const expected = { iss: `${tenant.origin}/${tenantId}/`, tid: tenantId, upn: username, ver: '1.0' }
    const { access_token } = await userTokens(alias(tenant, 'common'), username)
    t.match(await claimsOf(tenant, access_token), expected)

    const v1 = (url: string) => url.replace('/oauth2/v2.0/', '/oauth2/')
    const browse = createBrowser(tenant.origin)
    const page = await browse(v1(authorizeUrl(alias(tenant, 'organizations'))))
    const end = new URL((await browse(page.url, new URLSearchParams({ username }))).url)
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId(tenant, 'spa'),
      redirect_uri: 'http://localhost:5173/callback',
      code: String(end.searchParams.get('code')),
      code_verifier: codeVerifier
    })
    const response = await fetch(`${tenant.origin}/organizations/oauth2/token`, { method: 'POST', body })
    const tokens = (await response.json()) as { access_token: string }
    t.match(await claimsOf(tenant, tokens.access_token), expected)
  }
})

t.test('the sign-in page offers the accounts of every tenant, once each', async (t) => {
  const tenant = await start(t)
  const { text } = await createBrowser(tenant.origin)(authorizeUrl(alias(tenant, 'common')))
  const offered = [...text.matchAll(/name="username" value="([^"]+)"/g)].map(([, username]) => username)
  const { users, otherTenants } = tenant.description
  const all = [...users, ...otherTenants.flatMap((other) => other.users)].map(({ username }) => username)
  t.strictSame([...offered].sort(), [...new Set(all)].sort())
})

t.test('a guest signs in at home', async (t) => {
  const tenant = await start(t)
  const { access_token } = await userTokens(alias(tenant, 'common'), 'guest@fabrikam.example')
  const claims = await claimsOf(tenant, access_token)
  t.equal(claims.tid, otherTenant(tenant).tenantId)
  t.equal(claims.acct, 0)
})

t.test('the response names the issuer as the document has it (RFC 9207 §2.4)', async (t) => {
  const tenant = await start(t)
  const browse = createBrowser(tenant.origin)
  const page = await browse(authorizeUrl(alias(tenant, 'common')))
  const end = await browse(page.url, new URLSearchParams({ username: 'user@fabrikam.example' }))
  t.equal(new URL(end.url).searchParams.get('iss'), `${tenant.origin}/{tenantid}/v2.0`)
})

t.test('who is signed in at a tenant is signed in here too, until signing out here', async (t) => {
  const tenant = await start(t)
  const browse = createBrowser(tenant.origin)
  const silent = authorizeUrl(alias(tenant, 'common'), { prompt: 'none' })
  t.match(await browse(silent), { url: /\?error=login_required/ })
  const page = await browse(authorizeUrl(otherTenant(tenant)))
  await browse(page.url, new URLSearchParams({ username: 'user@fabrikam.example' }))
  t.match(await browse(silent), { url: /\?code=/ })
  await browse(`${tenant.origin}/organizations/oauth2/v2.0/logout`)
  t.match(await browse(silent), { url: /\?error=login_required/ })
})

t.test('a refresh token gets tokens of the same tenant', async (t) => {
  const tenant = await start(t)
  const common = alias(tenant, 'common')
  for (const [username, { issuer }] of homes(tenant)) {
    const scope = `openid offline_access ${apiScope(tenant, 'access_as_user')}`
    const { refresh_token } = await userTokens(common, username, { scope })
    const form = { grant_type: 'refresh_token', client_id: clientId(tenant, 'spa') }
    const response = await postToken(common, { ...form, refresh_token: String(refresh_token) })
    const tokens = (await response.json()) as { access_token: string; id_token: string }
    t.equal((await claimsOf(tenant, tokens.access_token)).iss, issuer)
    t.equal((await claimsOf(tenant, tokens.id_token)).iss, issuer)
  }
})

t.test('an application without a user has to name a tenant', async (t) => {
  const tenant = await start(t)
  for (const name of aliases) {
    await t.rejects(appToken(alias(tenant, name), 'daemon'), { message: /^No token: 400 / })
    const response = await postToken(alias(tenant, name), {
      grant_type: 'client_credentials',
      client_id: clientId(tenant, 'daemon'),
      client_secret: 'development-only-daemon-secret',
      scope: apiScope(tenant, '.default')
    })
    t.match(await response.json(), {
      error: 'invalid_request',
      error_description: /^AADSTS50059: /,
      error_codes: [50059],
      error_uri: 'https://login.microsoftonline.com/error?code=50059'
    })
  }
})

t.test('a wrong secret is refused as at a tenant', async (t) => {
  const tenant = await start(t)
  const basic = Buffer.from(`${clientId(tenant, 'daemon')}:wrong`).toString('base64')
  const form = { grant_type: 'client_credentials', scope: apiScope(tenant, '.default') }
  const response = await postToken(alias(tenant, 'common'), form, { authorization: `Basic ${basic}` })
  t.equal(response.status, 401)
  t.match(response.headers.get('www-authenticate'), 'Basic realm=')
})
