import t from 'tap'
import { createBrowser } from '../../src/tenant/client.js'
import type { Tenant } from '../../src/tenant/index.js'
import {
  apiScope,
  authorizeUrl,
  claimsOf,
  clientId,
  codeVerifier,
  guid,
  postToken,
  start,
  userTokens,
  verified
} from './helpers.js'

const accessClaims = async (tenant: Tenant, username: string, scope?: string) =>
  claimsOf(tenant, (await userTokens(tenant, username, scope ? { scope } : {})).access_token)

t.test('an administrator gets a v2.0 token with scopes, role and groups', async (t) => {
  const tenant = await start(t)
  const claims = await accessClaims(tenant, 'admin@contoso.example')
  t.match(claims, {
    aud: tenant.description.api.clientId,
    iss: tenant.issuer,
    azp: clientId(tenant, 'spa'),
    azpacr: '0',
    oid: guid,
    tid: tenant.tenantId,
    ver: '2.0',
    name: 'Contoso Admin',
    preferred_username: 'admin@contoso.example',
    scp: 'access_as_user Directory.Read',
    roles: ['Admin'],
    groups: [guid, guid],
    acct: 0
  })
  for (const absent of ['idtyp', 'idp', 'scope', 'client_id', 'jti']) t.notOk(absent in claims, absent)
})

t.test('an ordinary user gets a token without roles, for the scopes asked for', async (t) => {
  const tenant = await start(t)
  const claims = await accessClaims(tenant, 'user@contoso.example', apiScope(tenant, 'Directory.Read'))
  t.equal(claims.scp, 'Directory.Read')
  t.notOk('roles' in claims)
})

t.test('the .default scope gets a user every delegated permission', async (t) => {
  const tenant = await start(t)
  const claims = await accessClaims(tenant, 'user@contoso.example', `openid ${apiScope(tenant, '.default')}`)
  t.equal(claims.scp, 'access_as_user Directory.Read')
})

t.test('a guest is told from a member, and comes from another tenant', async (t) => {
  const tenant = await start(t)
  const claims = await accessClaims(tenant, 'guest@fabrikam.example')
  t.match(claims, { acct: 1, idp: /^https:\/\/sts\.windows\.net\//, tid: tenant.tenantId })
  t.notMatch(claims.idp, tenant.tenantId)
})

t.test('a member of more than 200 groups gets a pointer in place of the groups', async (t) => {
  const tenant = await start(t)
  const claims = await accessClaims(tenant, 'groups@contoso.example')
  t.notOk('groups' in claims)
  t.match(claims, {
    _claim_names: { groups: 'src1' },
    _claim_sources: { src1: { endpoint: /^https:\/\/graph\.windows\.net\/.*\/getMemberObjects$/ } }
  })
})

t.test('a v1.0 token names the user by upn and the client by appid', async (t) => {
  const tenant = await start(t, { accessTokenVersion: 1 })
  const { access_token } = await userTokens(tenant, 'admin@contoso.example')
  const { payload } = await verified(tenant, access_token, 'v1')
  t.match(payload, {
    aud: `api://${tenant.description.api.clientId}`,
    iss: `${tenant.origin}/${tenant.tenantId}/`,
    appid: clientId(tenant, 'spa'),
    appidacr: '0',
    ver: '1.0',
    upn: 'admin@contoso.example',
    unique_name: 'admin@contoso.example',
    scp: 'access_as_user Directory.Read'
  })
  t.notOk('preferred_username' in payload)
})

t.test('a request that names no API is one for Graph', async (t) => {
  const tenant = await start(t)
  for (const scope of ['openid https://graph.microsoft.com/User.Read', 'openid profile']) {
    t.match(await accessClaims(tenant, 'user@contoso.example', scope), { aud: 'https://graph.microsoft.com' })
  }
})

t.test('the ID token is for the client, and says who signed in', async (t) => {
  const tenant = await start(t)
  const response = await userTokens(tenant, 'admin@contoso.example')
  const claims = await claimsOf(tenant, String(response.id_token))
  t.match(claims, {
    aud: clientId(tenant, 'spa'),
    iss: tenant.issuer,
    nonce: /^.{16,}$/,
    oid: guid,
    tid: tenant.tenantId,
    ver: '2.0',
    preferred_username: 'admin@contoso.example',
    name: 'Contoso Admin'
  })
  t.notOk('azp' in claims)
  t.not(claims.sub, (await claimsOf(tenant, response.access_token)).sub, 'sub is pairwise')
})

t.test('offline_access gets a refresh token, and that new tokens', async (t) => {
  const tenant = await start(t)
  t.notOk('refresh_token' in (await userTokens(tenant, 'user@contoso.example')))
  const scope = `openid offline_access ${apiScope(tenant, 'access_as_user')}`
  const { refresh_token } = await userTokens(tenant, 'user@contoso.example', { scope })
  const form = { grant_type: 'refresh_token', client_id: clientId(tenant, 'spa') }
  const response = await postToken(tenant, { ...form, refresh_token: String(refresh_token) })
  const { access_token } = (await response.json()) as { access_token: string }
  t.equal((await claimsOf(tenant, access_token)).scp, 'access_as_user')
})

t.test('a code works once: used again, it takes the tokens issued for it along', async (t) => {
  const tenant = await start(t)
  const browse = createBrowser(tenant.origin)
  const scope = `openid offline_access ${apiScope(tenant, 'access_as_user')}`
  const page = await browse(authorizeUrl(tenant, { scope }))
  const redirect = await browse(page.url, new URLSearchParams({ username: 'user@contoso.example' }))
  const exchange = {
    grant_type: 'authorization_code',
    client_id: clientId(tenant, 'spa'),
    redirect_uri: 'http://localhost:5173/callback',
    code: String(new URL(redirect.url).searchParams.get('code')),
    code_verifier: codeVerifier
  }
  const first = await postToken(tenant, exchange)
  const { refresh_token } = (await first.json()) as { refresh_token: string }
  const second = await postToken(tenant, exchange)
  t.match(await second.json(), { error: 'invalid_grant' })
  const refresh = { grant_type: 'refresh_token', client_id: clientId(tenant, 'spa'), refresh_token }
  t.match(await (await postToken(tenant, refresh)).json(), { error: 'invalid_grant' })
})
