/** The pages of the tenant: what they say of a request, and what they do where it cannot go on. */

import t from 'tap'
import { Agent, fetch as fetchBy } from 'undici'
import { createBrowser } from '../../src/tenant/client.js'
import type { Tenant } from '../../src/tenant/index.js'
import { alias, apiScope, authorizeUrl, claimsOf, clientId, otherTenant, start } from './helpers.js'

const as = (username: string, more: Record<string, string> = {}) => new URLSearchParams({ username, ...more })
const user = 'user@contoso.example'
const admin = 'admin@contoso.example'
const c1 = JSON.stringify({ access_token: { acrs: { essential: true, value: 'c1' } } })

/** What browsers send when they navigate. */
const navigating = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }
const open = (url: string, headers: Record<string, string> = {}) =>
  fetch(url, { redirect: 'manual', headers: { ...navigating, ...headers } })

/** The labels and addresses of a page's links. */
const linksOf = (text: string) =>
  [...text.matchAll(/<a class="button[^"]*" href="([^"]*)">([^<]*)</g)].map(([, address = '', label = '']) => [
    label,
    address.replaceAll('&#38;', '&')
  ])

t.test('the sign-in page says which application asks, and why', async (t) => {
  const tenant = await start(t)
  const browse = createBrowser(tenant.origin)
  const lead = async (parameters: Record<string, string>, at = tenant) =>
    /<p class="lead">(.*)<\/p>/.exec((await browse(authorizeUrl(at, parameters))).text)?.[1]
  t.equal(await lead({}), 'Sign in to continue to <strong>spa</strong>.')
  const stronger = '<strong>spa</strong> requires a stronger sign-in'
  t.equal(await lead({ claims: c1 }), `${stronger}, with the authentication context <code>c1</code>.`)
  const ofUser = `${stronger} of <strong>Contoso User</strong> (${user}), with the authentication context <code>c1</code>.`
  t.equal(await lead({ claims: c1, login_hint: user.toUpperCase() }), ofUser, 'of the user whom the application names')
  await browse((await browse(authorizeUrl(tenant))).url, as(user))
  t.equal(await lead({ claims: c1 }), ofUser, 'or of the one who is signed in')
  t.equal(await lead({ claims: c1.replace('c1', '<b>') }), ofUser.replace('c1', '&#60;b&#62;'))
  t.equal(await lead({ prompt: 'login' }), '<strong>spa</strong> asks you to sign in again.')
  t.equal(await lead({ prompt: 'select_account' }), '<strong>spa</strong> asks you to pick an account.')
  t.equal(
    await lead({}, otherTenant(tenant)),
    `<strong>spa</strong> requires an account of this tenant. ${user} is signed in, and has no account here.`
  )
  const { text } = await browse(authorizeUrl(tenant, { prompt: 'login' }))
  t.match(text, /value="user@contoso.example">.*<span class="tag">signed in<.*<span class="tag">guest</s)
})

t.test('who picks another account in a step-up is asked', async (t) => {
  const tenant = await start(t)
  const browse = createBrowser(tenant.origin)
  await browse((await browse(authorizeUrl(tenant))).url, as(user))
  const page = await browse(authorizeUrl(tenant, { claims: c1 }))
  t.match(page.text, /Continue<\/h2>.*value="user@.*Use another account<\/h2>.*value="admin@/s)
  const { url, text } = await browse(page.url, as(admin))
  t.equal(url, page.url)
  t.match(text, `requires a stronger sign-in of <strong>Contoso User</strong> (${user})`)
  t.match(text, `You picked <strong>Contoso Admin</strong> (${admin})`)
  t.same(linksOf(text), [['Pick another account', '']])
  t.match(text, `name="username" value="${user}">Continue as Contoso User<`)
  t.match(text, `value="${admin}"><button name="confirmed" value="yes">Sign in as Contoso Admin<`)
  t.match(await browse(page.url, as(admin, { confirmed: 'no' })), { url: page.url, text: 'Use another account?' })
  const confirmed = await browse(page.url, as(admin, { confirmed: 'yes' }))
  t.match(confirmed.text, /end_session|logout/, 'the first account is signed out by a form that submits itself')
})

t.test('the user of a step-up is not asked, nor is anybody without one', async (t) => {
  const tenant = await start(t)
  const browse = createBrowser(tenant.origin)
  await browse((await browse(authorizeUrl(tenant))).url, as(user))
  t.match(await browse((await browse(authorizeUrl(tenant, { claims: c1 }))).url, as(user)), { url: /\?code=/ })
  const page = await browse(authorizeUrl(tenant, { prompt: 'login', login_hint: user }))
  t.notMatch((await browse(page.url, as(admin))).text, 'Use another account?')
})

t.test('no page has a script, a frame or a style of another', async (t) => {
  const tenant = await start(t)
  for (const url of [tenant.origin, authorizeUrl(tenant, { client_id: 'x' }), `${tenant.origin}/nothing`]) {
    const { headers } = await open(url)
    const policy = String(headers.get('content-security-policy'))
    t.match(
      policy,
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; img-src data:; base-uri 'none'; frame-ancestors 'none'$/
    )
    t.equal(headers.get('cache-control'), 'no-store')
    t.equal(headers.get('x-content-type-options'), 'nosniff')
  }
  t.equal((await fetch(`${tenant.origin}/favicon.ico`)).status, 204)
})

/** An authorization request that is refused without a redirect. */
const refusedRequests = (tenant: Tenant) =>
  [
    [
      { client_id: 'un<known>' },
      'invalid_client',
      'AADSTS700016: There is no application un&#60;known&#62; in this tenant'
    ],
    [
      { client_id: '' },
      'invalid_request',
      'The application sent a request that is not valid: missing required parameter'
    ],
    [
      { redirect_uri: 'https://app.example/' },
      'invalid_redirect_uri',
      'AADSTS50011: The redirect URI https://app.example/'
    ],
    [
      { redirect_uri: 'http://localhost:99999/' },
      'invalid_redirect_uri',
      'AADSTS50011: The redirect URI http://localhost:99999/'
    ]
  ].map(([parameters, ...rest]) => [authorizeUrl(tenant, parameters as Record<string, string>), ...rest] as const)

t.test('a request that is refused without a redirect: a page for browsers, JSON for programs', async (t) => {
  const tenant = await start(t)
  for (const [url, error, message] of refusedRequests(tenant)) {
    const page = await open(url)
    t.equal(page.status, 400)
    const text = await page.text()
    t.match(text, `<p role="alert">${message}`)
    t.match(text, `Error: <code>${error}: `)
    t.same(linksOf(text).at(-1), ['Apps and accounts', '/'])
    const json = await fetch(url, { redirect: 'manual' })
    t.equal(json.status, 400)
    t.match(await json.json(), { error, error_description: String })
  }
  const unknown = await (await open(authorizeUrl(tenant, { client_id: 'x' }))).text()
  t.match(unknown, `<code>${clientId(tenant, 'spa')} (spa)</code>`, 'with those that there are')
})

t.test('the page leads back to the application, if that is on this machine', async (t) => {
  const tenant = await start(t)
  const back = async (parameters: Record<string, string>, referer?: string) => {
    const response = await open(authorizeUrl(tenant, { client_id: 'x', ...parameters }), referer ? { referer } : {})
    const text = await response.text()
    t.equal(text.includes('use the Back button'), linksOf(text).length === 1)
    return linksOf(text).slice(0, -1)
  }
  t.same(await back({}), [['Back to localhost:5173', 'http://localhost:5173']])
  t.same(await back({}, 'http://127.0.0.1:8080/page'), [['Back to 127.0.0.1:8080', 'http://127.0.0.1:8080']])
  t.same(await back({ redirect_uri: 'https://app.example/' }, 'https://app.example/'), [])
  t.same(await back({ redirect_uri: 'javascript:alert(1)' }), [])
})

t.test('a sign-in that this browser does not have begins again, also with another account', async (t) => {
  const tenant = await start(t)
  const { url } = await createBrowser(tenant.origin)(authorizeUrl(tenant, { state: 'a&b', prompt: 'login' }))
  const response = await fetch(url, { method: 'POST', body: as(user) })
  t.equal(response.status, 400)
  const text = await response.text()
  t.match(text, 'This sign-in cannot continue')
  const links = linksOf(text)
  t.same(
    links.map(([label]) => label),
    ['Sign in', 'Pick another account', 'Back to localhost:5173', 'Apps and accounts']
  )
  for (const [, address] of links.slice(0, 2)) {
    const browse = createBrowser(tenant.origin)
    const end = await browse((await browse(tenant.origin + address)).url, as(user))
    t.match(end.url, /^http:\/\/localhost:5173\/callback\?code=.*&state=a%26b/)
  }
  t.equal(new URL(`${tenant.origin}${links[1]?.[1]}`).searchParams.get('prompt'), 'select_account')
})

t.test('a sign-in that is complete, or was lost in a restart, says so', async (t) => {
  const tenant = await start(t)
  const browse = createBrowser(tenant.origin)
  const { url } = await browse(authorizeUrl(tenant))
  await browse(url, as(user))
  for (const body of [undefined, as(user)]) {
    const response = await fetch(url, body ? { method: 'POST', body } : {})
    t.equal(response.status, 400)
    const text = await response.text()
    t.match(text, 'the tenant was restarted. Go back to the application')
    t.same(linksOf(text), [['Apps and accounts', '/']])
  }
  const resumed = await open(authorizeUrl(tenant).replace(/\?.*/, '/unknown'))
  t.equal(resumed.status, 400)
  t.match(await resumed.text(), /This sign-in cannot continue.*invalid_request: authorization request has expired/s)
})

t.test('a form without a user name gets the page again', async (t) => {
  const tenant = await start(t)
  const { url, text } = await createBrowser(tenant.origin)(authorizeUrl(tenant))
  t.match(text, 'Pick an account')
  const cookie = (await fetch(authorizeUrl(tenant), { redirect: 'manual' })).headers.getSetCookie()
  t.ok(cookie.length > 0)
  const own = await fetch(authorizeUrl(tenant), { redirect: 'manual' })
  const headers = {
    cookie: own.headers
      .getSetCookie()
      .map((each) => each.split(';')[0])
      .join('; ')
  }
  const page = new URL(String(own.headers.get('location')), tenant.origin).href
  t.match(await (await fetch(page, { method: 'POST', headers })).text(), '<p role="alert">There is no account')
  const json = { ...headers, 'content-type': 'application/json' }
  t.equal((await fetch(page, { method: 'POST', headers: json, body: '{}' })).status, 415)
  t.not(url, page)
})

t.test('what is not there: a page for browsers, JSON for programs', async (t) => {
  const { origin, tenantId } = await start(t)
  const unknown = `${origin}/un%3Cknown/oauth2/authorize`
  t.match(await (await open(unknown)).text(), 'AADSTS90002: There is no tenant un%3Cknown here.')
  t.same(await (await fetch(unknown)).json(), {
    ...{ message: 'Route GET:/un%3Cknown/oauth2/authorize not found', error: 'Not Found', statusCode: 404 }
  })
  for (const path of ['nothing', `${tenantId}/v2.0/nothing`, 'common/oauth2/v2.0/token']) {
    const response = await open(`${origin}/${path}`)
    t.equal(response.status, 404)
    t.match(await response.text(), 'There is no page at this address.')
  }
  t.equal(await (await fetch(`${origin}/common/oauth2/v2.0/nothing`)).text(), 'Not Found')
})

t.test('a request that fails: a page for browsers, JSON for programs', async (t) => {
  const { origin } = await start(t)
  const url = `${origin}/_control/rotate?keep=7`
  const page = await fetch(url, { method: 'POST', headers: navigating })
  t.equal(page.status, 400)
  t.match(await page.text(), /The request failed.*querystring\/keep must be/s)
  t.match(await (await fetch(url, { method: 'POST' })).json(), { statusCode: 400, code: 'FST_ERR_VALIDATION' })
})

t.test('the start page lists scopes, applications with their secrets, and accounts', async (t) => {
  const tenant = await start(t)
  const text = await (await open(tenant.origin)).text()
  const { api, clients, users, otherTenants } = tenant.description
  for (const scope of api.scopes) t.match(text, `<code>${apiScope(tenant, scope)}</code>`)
  t.match(text, `<code>${apiScope(tenant, '.default')}</code>`)
  const all = [...clients, ...otherTenants.flatMap((other) => other.clients)]
  for (const { name, clientId, clientSecret } of all) {
    t.match(text, `<span>${name}</span>\n<div><ul class="plain">\n<li><code>${clientId}</code></li>`)
    if (clientSecret) t.match(text, `Secret: <code>${clientSecret}</code>`)
  }
  t.match(text, 'Permissions for the API: <code>Directory.Read.All</code>')
  t.match(text, 'Permissions for the API: none')
  t.match(text, 'Permissions for Microsoft Graph: <code>User.Read.All</code>')
  for (const { username } of users) t.match(text, `<option>${username}</option>`)
  t.match(text, /role Admin, 2 groups.*no roles, 1 group</s)
})

t.test('the start page gets tokens of accounts and applications', async (t) => {
  const tenant = await start(t)
  const ask = (name: string) =>
    fetch(`${tenant.origin}/_token`, { method: 'POST', body: new URLSearchParams({ name }) })
  for (const name of [user, 'daemon', 'fabrikam-daemon']) {
    const text = await (await ask(name)).text()
    const [, token = ''] = /Authorization: Bearer ([\w.-]+)</.exec(text) ?? []
    const claims = await claimsOf(name.startsWith('fabrikam') ? otherTenant(tenant) : tenant, token)
    t.match(name === user ? claims.scp : String(claims.roles), name === user ? 'access_as_user' : 'Directory.Read.All')
    t.match(text, `&#34;oid&#34;: &#34;${claims.oid}&#34;`)
    t.match(text, /until \d\d:\d\d:\d\d UTC/)
  }
  const unknown = await ask('<nobody>')
  t.equal(unknown.status, 400)
  t.match(await unknown.text(), 'There is no account or app &#60;nobody&#62; that gets tokens.')
  t.equal((await fetch(`${tenant.origin}/_token`, { method: 'POST' })).status, 400)
})

t.test('with a certificate that the process does not trust, the start page gets no token, and says why', async (t) => {
  const tenant = await start(t, { tls: true })
  const dispatcher = new Agent({ connect: { ca: String(tenant.ca) } })
  t.teardown(() => dispatcher.close())
  const body = new URLSearchParams({ name: 'daemon' })
  const response = await fetchBy(`${tenant.origin}/_token`, { method: 'POST', body, dispatcher, headers: navigating })
  t.equal(response.status, 500)
  t.match(await response.text(), /cannot reach itself.*NODE_EXTRA_CA_CERTS/s)
})

t.test('an alias names the applications of every tenant', async (t) => {
  const tenant = await start(t)
  const { text } = await createBrowser(tenant.origin)(authorizeUrl(alias(tenant, 'common')))
  t.match(text, 'Sign in to continue to <strong>spa</strong>.')
})
