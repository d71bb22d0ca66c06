import t from 'tap'
import { clientCredentials } from '../../src/tenant/client.js'
import { apiScope, appToken, claimsOf, clientId, guid, postToken, start, verified } from './helpers.js'

t.test('an app-only v2.0 token has the claims of Entra ID and no others', async (t) => {
  const tenant = await start(t, { accessTokenLifetimeSeconds: 300 })
  const { payload, protectedHeader } = await verified(tenant, await appToken(tenant, 'daemon'))
  t.match(protectedHeader, { typ: 'JWT', alg: 'RS256', kid: protectedHeader.x5t })
  const names = 'aud azp azpacr exp iat idtyp iss nbf oid rh roles sub tid uti ver'
  t.equal(Object.keys(payload).sort().join(' '), names)
  t.match(payload, {
    aud: tenant.description.api.clientId,
    iss: tenant.issuer,
    azp: clientId(tenant, 'daemon'),
    azpacr: '1',
    idtyp: 'app',
    oid: guid,
    sub: payload.oid,
    tid: tenant.tenantId,
    ver: '2.0',
    roles: ['Directory.Read.All']
  })
  t.not(payload.oid, payload.azp)
  t.equal(payload.nbf, payload.iat)
  t.equal(payload.exp, Number(payload.iat) + 300)
})

t.test('a client without permissions gets a token without roles', async (t) => {
  const tenant = await start(t)
  t.notOk('roles' in (await claimsOf(tenant, await appToken(tenant, 'daemon-no-roles'))))
})

t.test('the API gets a token for Graph, by its name or by the origin of the tenant', async (t) => {
  const tenant = await start(t)
  for (const scope of ['https://graph.microsoft.com/.default', `${tenant.origin}/.default`]) {
    const claims = await claimsOf(tenant, await appToken(tenant, 'api', scope))
    t.match(claims, { aud: 'https://graph.microsoft.com', roles: ['User.Read.All'] })
  }
})

t.test('a token carries only the roles of its own audience', async (t) => {
  const tenant = await start(t)
  const claims = await claimsOf(tenant, await appToken(tenant, 'daemon', 'https://graph.microsoft.com/.default'))
  t.notOk('roles' in claims)
})

t.test('a secret may come in the Authorization header (client_secret_basic)', async (t) => {
  const tenant = await start(t)
  const basic = Buffer.from(`${clientId(tenant, 'daemon')}:development-only-daemon-secret`).toString('base64')
  const form = { grant_type: 'client_credentials', scope: apiScope(tenant, '.default') }
  const response = await postToken(tenant, form, { authorization: `Basic ${basic}` })
  t.equal(response.status, 200)
  t.match(await response.json(), { token_type: 'Bearer', expires_in: 3600 })
})

t.test('a wrong secret is refused', async (t) => {
  const tenant = await start(t)
  const request = {
    tenantId: tenant.tenantId,
    clientId: clientId(tenant, 'daemon'),
    clientSecret: 'wrong',
    scope: apiScope(tenant, '.default')
  }
  await t.rejects(clientCredentials(tenant.origin, request), { message: /^No token: 401 .*invalid_client/ })
})

t.test('an application that is not in the tenant is refused', async (t) => {
  const tenant = await start(t)
  await t.rejects(appToken(tenant, 'daemon', 'api://unknown/.default'), { message: /^No token: 400 .*invalid_target/ })
})

t.test('with requestedAccessTokenVersion 1 the API gets v1.0 tokens', async (t) => {
  const tenant = await start(t, { accessTokenVersion: 1 })
  const { payload } = await verified(tenant, await appToken(tenant, 'daemon'), 'v1')
  t.match(payload, {
    aud: `api://${tenant.description.api.clientId}`,
    iss: `${tenant.origin}/${tenant.tenantId}/`,
    appid: clientId(tenant, 'daemon'),
    appidacr: '1',
    ver: '1.0'
  })
  t.notOk('azp' in payload)
})

t.test('the v1.0 token endpoint takes the resource by RFC 8707', async (t) => {
  const tenant = await start(t)
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId(tenant, 'daemon'),
    client_secret: 'development-only-daemon-secret',
    resource: `api://${tenant.description.api.clientId}`
  })
  const response = await fetch(`${tenant.origin}/${tenant.tenantId}/oauth2/token`, { method: 'POST', body })
  const { access_token } = (await response.json()) as { access_token: string }
  t.match(await claimsOf(tenant, access_token), { roles: ['Directory.Read.All'] })
})
