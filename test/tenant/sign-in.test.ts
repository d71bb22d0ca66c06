import t from 'tap'
import { createBrowser } from '../../src/tenant/client.js'
import { apiScope, authorizeUrl, start, userTokens } from './helpers.js'

const as = (username: string) => new URLSearchParams({ username })

t.test('the sign-in page offers every account and a labelled field', async (t) => {
  const tenant = await start(t)
  const { url, text } = await createBrowser(tenant.origin)(authorizeUrl(tenant))
  t.match((await fetch(url)).headers.get('content-type'), 'text/html')
  for (const { username } of tenant.description.users) t.match(text, `name="username" value="${username}"`)
  t.match(text, '<label for="username">')
  t.match(text, '<input id="username" name="username"')
  t.match(text, '<form method="post">')
})

t.test('a user name that is not in the directory gets the page again, with a message', async (t) => {
  const tenant = await start(t)
  const browse = createBrowser(tenant.origin)
  const { url } = await browse(authorizeUrl(tenant))
  const { text } = await browse(url, as('nobody@contoso.example'))
  t.match(text, '<p role="alert">There is no account of that name')
  await t.rejects(userTokens(tenant, 'nobody@contoso.example'), { message: /^nobody@.* could not sign in/ })
})

t.test('a user cannot sign in for an application that is not in the tenant', async (t) => {
  const tenant = await start(t)
  await t.rejects(userTokens(tenant, 'user@contoso.example', { scope: 'api://unknown/access_as_user' }), {
    message: /^user@contoso.example could not sign in: ended at .*error=invalid_target/
  })
})

t.test('a request without scopes, or with one that the API does not have, says so', async (t) => {
  const tenant = await start(t)
  const browse = createBrowser(tenant.origin)
  const asked = (name: string, id: string) =>
    `AADSTS650053: The application 'spa' asked for scope '${name}' that doesn't exist on the resource '${id}'. Contact the app vendor.`
  for (const [scope, error, message] of [
    ['', 'invalid_scope', 'AADSTS70011: The request names no scope. Add one, such as api://'],
    [apiScope(tenant, 'Nothing'), 'invalid_client', asked('Nothing', tenant.description.api.clientId)],
    ['openid access_as_user', 'invalid_client', asked('access_as_user', '00000003-0000-0000-c000-000000000000')]
  ] as const) {
    const { searchParams } = new URL((await browse(authorizeUrl(tenant, { scope }))).url)
    t.equal(searchParams.get('error'), error)
    t.ok(searchParams.get('error_description')?.startsWith(message), scope)
  }
  const url = new URL(authorizeUrl(tenant))
  url.searchParams.delete('scope')
  t.match((await browse(url.href)).url, 'error=invalid_scope')
  for (const scope of ['openid', 'User.Read', apiScope(tenant, '.default'), 'https://graph.microsoft.com/User.Read'])
    t.match((await browse(authorizeUrl(tenant, { scope }))).url, '/login/', scope)
})

t.test('any redirect URI on loopback is accepted, whatever its port and path', async (t) => {
  const tenant = await start(t)
  for (const redirect_uri of [
    'http://localhost:3000',
    'http://127.0.0.1:8080/docs/redirect.html',
    'http://localhost'
  ]) {
    const browse = createBrowser(tenant.origin)
    const page = await browse(authorizeUrl(tenant, { redirect_uri }))
    const { url } = await browse(page.url, as('User@Contoso.example '))
    t.ok(url.startsWith(redirect_uri), url)
    t.ok(new URL(url).searchParams.get('code'))
  }
})

t.test('a redirect URI elsewhere is refused without a redirect', async (t) => {
  const tenant = await start(t)
  for (const redirect_uri of ['https://app.example/', 'http://localhost.example/', 'http://localhost:1@app.example/']) {
    const headers = { accept: 'text/html' }
    const response = await fetch(authorizeUrl(tenant, { redirect_uri }), { redirect: 'manual', headers })
    t.equal(response.status, 400)
    t.match(await response.text(), 'invalid_redirect_uri')
  }
})

t.test('PKCE is required', async (t) => {
  const tenant = await start(t)
  const url = new URL(authorizeUrl(tenant))
  url.searchParams.delete('code_challenge')
  url.searchParams.delete('code_challenge_method')
  const end = await createBrowser(tenant.origin)(url.href)
  t.match(end.url, /^http:\/\/localhost:5173\/callback\?error=invalid_request/)
})

t.test('a session signs in silently (prompt=none), and a request may insist on the page', async (t) => {
  const tenant = await start(t)
  const browse = createBrowser(tenant.origin)
  t.match(await browse(authorizeUrl(tenant, { prompt: 'none' })), { url: /\?error=login_required/ })
  await browse((await browse(authorizeUrl(tenant))).url, as('user@contoso.example'))
  t.match(await browse(authorizeUrl(tenant, { prompt: 'none' })), { url: /\?code=/ })
  for (const prompt of ['login', 'select_account']) {
    const page = await browse(authorizeUrl(tenant, { prompt }))
    t.match(page, { url: '/login/' })
    t.match(await browse(page.url, as('user@contoso.example')), { url: /\?code=/ })
  }
})

t.test('another account can be picked in place of the one signed in', async (t) => {
  const tenant = await start(t)
  const browse = createBrowser(tenant.origin)
  await browse((await browse(authorizeUrl(tenant))).url, as('user@contoso.example'))
  const page = await browse(authorizeUrl(tenant, { prompt: 'select_account' }))
  // A form that a browser submits by itself: it signs the first account out.
  const { text } = await browse(page.url, as('admin@contoso.example'))
  const [, action] = /action="([^"]+)"/.exec(text) ?? []
  const fields = [...text.matchAll(/name="([^"]+)" value="([^"]+)"/g)].map(([, name, value]) => [name, value])
  t.match(await browse(String(action), new URLSearchParams(Object.fromEntries(fields))), { url: /\?code=/ })
})

t.test('signing out ends the session and returns to the application with its state', async (t) => {
  const tenant = await start(t)
  const browse = createBrowser(tenant.origin)
  const logout = `${tenant.origin}/${tenant.tenantId}/oauth2/v2.0/logout`
  await browse((await browse(authorizeUrl(tenant))).url, as('user@contoso.example'))
  const returnTo = 'http://localhost:5173/bye'
  const end = await browse(`${logout}?post_logout_redirect_uri=${encodeURIComponent(returnTo)}`)
  t.equal(end.url, returnTo)
  t.match(await browse(authorizeUrl(tenant, { prompt: 'none' })), { url: /\?error=login_required/ })
  const query = new URLSearchParams({ post_logout_redirect_uri: returnTo, state: 'where I was' })
  t.equal((await browse(`${logout}?${query}`)).url, `${returnTo}?state=where+I+was`)
})

t.test('signing out without an address on loopback ends at a page of the tenant', async (t) => {
  const tenant = await start(t)
  const logout = `${tenant.origin}/${tenant.tenantId}/oauth2/v2.0/logout`
  for (const query of ['', '?post_logout_redirect_uri=https://app.example/']) {
    const response = await fetch(`${logout}${query}`, { redirect: 'manual' })
    t.equal(response.status, 200)
    t.match(await response.text(), 'You signed out')
  }
})

t.test('a page on loopback may ask for tokens from its script, no other page may', async (t) => {
  const tenant = await start(t)
  const token = `${tenant.origin}/${tenant.tenantId}/oauth2/v2.0/token`
  const origin = 'http://localhost:5173'
  const preflight = await fetch(token, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' }
  })
  t.equal(preflight.status, 204)
  t.equal(preflight.headers.get('access-control-allow-origin'), origin)
  t.match(preflight.headers.get('access-control-allow-methods'), 'POST')

  const spa = String(tenant.description.clients[0]?.clientId)
  const body = new URLSearchParams({ grant_type: 'refresh_token', client_id: spa, refresh_token: 'unknown' })
  const answers = { [origin]: 'invalid_grant', 'https://app.example': 'invalid_request' }
  for (const [from, error] of Object.entries(answers)) {
    const response = await fetch(token, { method: 'POST', headers: { origin: from }, body })
    t.match(await response.json(), { error })
  }
})
