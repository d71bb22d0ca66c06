/** `resource` (RFC 8707), which clients of the Model Context Protocol send, and App ID URIs that equal it. */
import t from 'tap'
import { createBrowser } from '../../src/tenant/client.js'
import { apiScope, authorizeUrl, claimsOf, clientId, codeVerifier, postToken, start } from './helpers.js'

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

t.test('a resource that is not the API of the scopes is refused', async (t) => {
  const tenant = await start(t)
  tenant.addAppIdUri(url)
  const browse = createBrowser(tenant.origin)
  for (const parameters of [
    { scope: apiScope(tenant, 'access_as_user'), resource: url },
    { scope: `${url}/access_as_user`, resource: 'https://graph.microsoft.com' },
    { scope: 'openid profile', resource: url }
  ]) {
    const { searchParams } = new URL((await browse(authorizeUrl(tenant, parameters))).url)
    t.equal(searchParams.get('error'), 'invalid_target')
    t.match(searchParams.get('error_description'), /^AADSTS9010010: The resource parameter provided in the request/)
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
