/** `resource` (RFC 8707), which clients of the Model Context Protocol send, and App ID URIs that equal it. */
import { decodeJwt } from 'jose'
import t from 'tap'
import { createBrowser } from '../../src/tenant/client.js'
import type { Tenant } from '../../src/tenant/index.js'
import {
  apiScope,
  authorizeUrl,
  claimsOf,
  clientId,
  codeVerifier,
  json,
  postToken,
  start,
  userTokens
} from './helpers.js'

const url = 'http://127.0.0.1:3001/mcp'

t.test('a registered App ID URI names the API in scopes and as resource', async (t) => {
  const tenant = await start(t)
  tenant.addAppIdUri(url)
  const browse = createBrowser(tenant.origin)
  const parameters = { scope: `openid ${url}/access_as_user`, resource: url }
  const page = await browse(authorizeUrl(tenant, parameters))
  const { searchParams } = new URL(
    (await browse(page.url, new URLSearchParams({ username: 'user@contoso.example' }))).url
  )
  const answer = await postToken(tenant, {
    grant_type: 'authorization_code',
    client_id: clientId(tenant, 'spa'),
    code: String(searchParams.get('code')),
    redirect_uri: 'http://localhost:5173/callback',
    code_verifier: codeVerifier,
    resource: url
  })
  const { access_token } = (await answer.json()) as { access_token: string }
  t.match(await claimsOf(tenant, access_token), { aud: tenant.description.api.clientId, scp: 'access_as_user' })
})

/** The end of an authorization request: the sign-in page, or the error that the client gets. */
async function endOf(tenant: Tenant, parameters: Record<string, string>) {
  const { url } = await createBrowser(tenant.origin)(authorizeUrl(tenant, parameters))
  const { pathname, searchParams } = new URL(url)
  const error = searchParams.get('error')
  return error === null ? pathname.split('/')[2] : `${error} ${searchParams.get('error_description')?.split(':')[0]}`
}

t.test('resource and scopes must name one App ID URI, as text', async (t) => {
  const tenant = await start(t)
  const scope = `${url}/access_as_user`
  t.equal(await endOf(tenant, { scope, resource: url }), 'invalid_target no application named http', 'not registered')
  tenant.addAppIdUri(url)
  const short = apiScope(tenant, 'access_as_user')
  t.equal(await endOf(tenant, { scope, resource: url }), 'login')
  t.equal(await endOf(tenant, { scope: `openid offline_access ${scope}`, resource: url }), 'login')
  t.equal(await endOf(tenant, { scope }), 'login', 'without resource the scope decides')
  t.equal(await endOf(tenant, { scope: short, resource: short.slice(0, short.lastIndexOf('/')) }), 'login')
  const mismatches: readonly (readonly [string, string])[] = [
    [short, url],
    [scope, `${url}/`],
    [scope, new URL(url).origin],
    [scope, 'https://graph.microsoft.com'],
    [scope, 'https://other.example'],
    ['access_as_user', url],
    ['openid profile offline_access', url]
  ]
  for (const [scope, resource] of mismatches)
    t.equal(await endOf(tenant, { scope, resource }), 'invalid_target AADSTS9010010', `${scope} for ${resource}`)
})

t.test('a scope that its resource does not have, which for a short name is Graph', async (t) => {
  const tenant = await start(t)
  tenant.addAppIdUri(url)
  t.equal(await endOf(tenant, { scope: `${url}/Nothing`, resource: url }), 'invalid_client AADSTS650053')
  t.equal(await endOf(tenant, { scope: 'access_as_user' }), 'invalid_client AADSTS650053')
  t.equal(await endOf(tenant, { scope: `openid ${url}/Nothing` }), 'invalid_client AADSTS650053')
})

t.test('in a v1.0 token, aud is the App ID URI that the scopes name', async (t) => {
  const tenant = await start(t, { accessTokenVersion: 1 })
  tenant.addAppIdUri(url)
  const { access_token } = await userTokens(tenant, 'user@contoso.example', { scope: `${url}/access_as_user` })
  t.match(decodeJwt(access_token), { aud: url, scp: 'access_as_user' })
})

t.test('there is no dynamic registration of clients (RFC 7591), as at Entra ID', async (t) => {
  const tenant = await start(t)
  t.notOk('registration_endpoint' in (await json(`${tenant.issuer}/.well-known/openid-configuration`)))
  for (const path of ['oauth2/v2.0/register', 'oauth2/v2.0/reg', 'register']) {
    const response = await fetch(`${tenant.origin}/${tenant.tenantId}/${path}`, { method: 'POST', body: '{}' })
    t.equal(response.status, 404, path)
  }
})

t.test('an administrator registers an App ID URI', async (t) => {
  const tenant = await start(t)
  const control = `${tenant.origin}/_control/app-id-uri`
  const response = await fetch(`${control}?${new URLSearchParams({ uri: url })}`, { method: 'POST' })
  t.same(await response.json(), { developmentOnly: true, identifierUris: [apiScope(tenant, '').slice(0, -1), url] })
  t.match((await createBrowser(tenant.origin)(authorizeUrl(tenant, { scope: `${url}/Directory.Read` }))).url, '/login/')
  t.equal((await fetch(control, { method: 'POST' })).status, 400)
})
