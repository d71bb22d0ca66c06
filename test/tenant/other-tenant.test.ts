import t from 'tap'
import { createBrowser } from '../../src/tenant/client.js'
import type { Tenant } from '../../src/tenant/index.js'
import {
  apiScope,
  appToken,
  authorizeUrl,
  claimsOf,
  clientId,
  guid,
  json,
  otherTenant,
  postToken,
  start,
  userTokens,
  verified
} from './helpers.js'

/** Both tenants of one origin. */
async function both(t: Parameters<typeof start>[0], options = {}): Promise<[contoso: Tenant, fabrikam: Tenant]> {
  const tenant = await start(t, options)
  return [tenant, otherTenant(tenant)]
}

const as = (username: string) => new URLSearchParams({ username })

const accessClaims = async (tenant: Tenant, username: string) =>
  claimsOf(tenant, (await userTokens(tenant, username)).access_token)

t.test('another tenant is at the same origin, with users and clients of its own, and the same API', async (t) => {
  const [contoso, fabrikam] = await both(t)
  t.match(fabrikam.tenantId, guid)
  t.not(fabrikam.tenantId, contoso.tenantId)
  t.equal(fabrikam.issuer, `${contoso.origin}/${fabrikam.tenantId}/v2.0`)
  const { clients, users } = fabrikam.description
  t.strictSame(
    users.map(({ username, roles }) => [username, ...roles]),
    [['admin@fabrikam.example', 'Admin'], ['user@fabrikam.example'], ['guest@fabrikam.example']]
  )
  t.strictSame(
    clients.map(({ name, appRoles }) => [name, ...appRoles]),
    [['spa'], ['fabrikam-daemon', 'Directory.Read.All'], ['api', 'User.Read.All', 'GroupMember.Read.All']]
  )
  for (const name of ['spa', 'api']) t.equal(clientId(fabrikam, name), clientId(contoso, name))
})

t.test('it has documents of its own, and the keys of the first under its own issuers', async (t) => {
  const [contoso, { origin, tenantId }] = await both(t)
  for (const [version, issuer] of [
    ['/v2.0', `${origin}/${tenantId}/v2.0`],
    ['', `${origin}/${tenantId}/`]
  ]) {
    const document = await json(`${origin}/${tenantId}${version}/.well-known/openid-configuration`)
    t.equal(document.issuer, issuer)
    t.equal(document.jwks_uri, `${origin}/${tenantId}/discovery${version}/keys`)
    t.equal(document.token_endpoint, `${origin}/${tenantId}/oauth2${version}/token`)
    const { keys: own } = (await json(String(document.jwks_uri))) as { keys: object[] }
    const { keys: first } = (await json(`${origin}/${contoso.tenantId}/discovery${version}/keys`)) as { keys: object[] }
    t.strictSame(
      own,
      first.map((key) => ({ ...key, issuer }))
    )
  }
})

t.test('its daemon gets tokens for the API that name it, in either version', async (t) => {
  const [, fabrikam] = await both(t)
  const claims = await claimsOf(fabrikam, await appToken(fabrikam, 'fabrikam-daemon'))
  t.match(claims, {
    aud: fabrikam.description.api.clientId,
    iss: fabrikam.issuer,
    tid: fabrikam.tenantId,
    azp: clientId(fabrikam, 'fabrikam-daemon'),
    oid: guid,
    roles: ['Directory.Read.All'],
    ver: '2.0'
  })
  const [, v1] = await both(t, { accessTokenVersion: 1 })
  const { payload } = await verified(v1, await appToken(v1, 'fabrikam-daemon'), 'v1')
  t.match(payload, { iss: `${v1.origin}/${v1.tenantId}/`, tid: v1.tenantId, appid: String, ver: '1.0' })
})

t.test('its users sign in at it, in either version', async (t) => {
  const [, fabrikam] = await both(t)
  const tokens = await userTokens(fabrikam, 'admin@fabrikam.example')
  t.match(await claimsOf(fabrikam, tokens.access_token), {
    aud: fabrikam.description.api.clientId,
    iss: fabrikam.issuer,
    tid: fabrikam.tenantId,
    azp: clientId(fabrikam, 'spa'),
    preferred_username: 'admin@fabrikam.example',
    roles: ['Admin'],
    scp: 'access_as_user Directory.Read'
  })
  t.match(await claimsOf(fabrikam, String(tokens.id_token)), { iss: fabrikam.issuer, tid: fabrikam.tenantId })
  t.notOk('roles' in (await accessClaims(fabrikam, 'user@fabrikam.example')))

  const [, v1] = await both(t, { accessTokenVersion: 1 })
  t.match(await accessClaims(v1, 'user@fabrikam.example'), {
    iss: `${v1.origin}/${v1.tenantId}/`,
    tid: v1.tenantId,
    upn: 'user@fabrikam.example'
  })
})

t.test('a user of one tenant who is no guest of the other is refused there', async (t) => {
  const [contoso, fabrikam] = await both(t)
  for (const [tenant, username] of [
    [fabrikam, 'user@contoso.example'],
    [contoso, 'user@fabrikam.example']
  ] as const) {
    await t.rejects(userTokens(tenant, username), { message: /could not sign in/ })
    const browse = createBrowser(tenant.origin)
    const { url, text } = await browse(authorizeUrl(tenant))
    t.notMatch(text, username)
    t.match((await browse(url, as(username))).text, `<p role="alert">AADSTS50020: ${username}`)
  }
})

t.test('a guest is another object in the tenant that invited it, and a member at home', async (t) => {
  const [contoso, fabrikam] = await both(t)
  const abroad = await accessClaims(contoso, 'guest@fabrikam.example')
  const home = await accessClaims(fabrikam, 'guest@fabrikam.example')
  const idp = `https://sts.windows.net/${fabrikam.tenantId}/`
  t.match(abroad, { iss: contoso.issuer, tid: contoso.tenantId, oid: guid, acct: 1, idp })
  t.match(home, { iss: fabrikam.issuer, tid: fabrikam.tenantId, oid: guid, acct: 0 })
  t.notOk('idp' in home)
  for (const own of ['oid', 'sub']) t.not(abroad[own], home[own])
})

t.test('an application that is not in the tenant is told from one with a wrong secret', async (t) => {
  const [contoso, fabrikam] = await both(t)
  const form = {
    grant_type: 'client_credentials',
    client_id: clientId(contoso, 'daemon'),
    client_secret: 'development-only-daemon-secret',
    scope: apiScope(contoso, '.default')
  }
  const response = await postToken(fabrikam, form)
  t.equal(response.status, 400)
  t.match(await response.json(), {
    error: 'unauthorized_client',
    error_description: /^AADSTS700016: .*Trace ID: .*Correlation ID: .*Timestamp: /,
    error_codes: [700016],
    timestamp: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$/,
    trace_id: guid,
    correlation_id: guid,
    error_uri: 'https://login.microsoftonline.com/error?code=700016'
  })
  const wrong = await postToken(contoso, { ...form, client_secret: 'wrong' })
  t.equal(wrong.status, 401)
  t.match(await wrong.json(), { error: 'invalid_client' })
})

t.test('a session is known to both tenants; who is not in one is asked for another account', async (t) => {
  const [contoso, fabrikam] = await both(t)
  const browse = createBrowser(contoso.origin)
  await browse((await browse(authorizeUrl(contoso))).url, as('user@contoso.example'))
  const silent = new URL((await browse(authorizeUrl(fabrikam, { prompt: 'none' }))).url).searchParams
  t.equal(silent.get('error'), 'interaction_required')
  t.match(silent.get('error_description'), /^AADSTS16000: /)
  t.match(await browse(authorizeUrl(fabrikam)), { url: `/${fabrikam.tenantId}/login/`, text: 'Pick an account' })
  t.match(await browse(authorizeUrl(contoso, { prompt: 'none' })), { url: /\?code=/ })
})

t.test('a guest who is signed in at home needs not sign in again', async (t) => {
  const [contoso, fabrikam] = await both(t)
  const browse = createBrowser(contoso.origin)
  await browse((await browse(authorizeUrl(fabrikam))).url, as('guest@fabrikam.example'))
  t.match(await browse(authorizeUrl(contoso, { prompt: 'none' })), { url: /\?code=/ })
})

t.test('a refresh token is not bound to a tenant, but its user is (Microsoft: "Refresh tokens")', async (t) => {
  const [contoso, fabrikam] = await both(t)
  const scope = `openid offline_access ${apiScope(contoso, 'access_as_user')}`
  const renewed = async (username: string) => {
    const { refresh_token } = await userTokens(contoso, username, { scope })
    const form = { grant_type: 'refresh_token', client_id: clientId(contoso, 'spa') }
    return postToken(fabrikam, { ...form, refresh_token: String(refresh_token) })
  }
  const { access_token } = (await (await renewed('guest@fabrikam.example')).json()) as { access_token: string }
  t.match(await claimsOf(fabrikam, access_token), { iss: fabrikam.issuer, tid: fabrikam.tenantId })
  t.match(await (await renewed('user@contoso.example')).json(), { error: 'invalid_grant' })
})

t.test('Graph lists the users of the tenant that the token is of', async (t) => {
  const [, fabrikam] = await both(t)
  const token = await appToken(fabrikam, 'api', 'https://graph.microsoft.com/.default')
  const response = await fetch(`${fabrikam.origin}/v1.0/users`, { headers: { authorization: `Bearer ${token}` } })
  const { value } = (await response.json()) as { value: { userPrincipalName: string }[] }
  t.strictSame(
    value.map(({ userPrincipalName }) => userPrincipalName),
    fabrikam.description.users.map(({ username }) => username)
  )
})
