import t from 'tap'
import { guid, json, start } from './helpers.js'

t.test('the v2.0 discovery document names the endpoints at their Entra ID paths', async (t) => {
  const { origin, tenantId } = await start(t)
  const document = await json(`${origin}/${tenantId}/v2.0/.well-known/openid-configuration`)
  t.match(document, {
    issuer: `${origin}/${tenantId}/v2.0`,
    authorization_endpoint: `${origin}/${tenantId}/oauth2/v2.0/authorize`,
    token_endpoint: `${origin}/${tenantId}/oauth2/v2.0/token`,
    end_session_endpoint: `${origin}/${tenantId}/oauth2/v2.0/logout`,
    jwks_uri: `${origin}/${tenantId}/discovery/v2.0/keys`,
    id_token_signing_alg_values_supported: ['RS256']
  })
})

t.test('the v1.0 discovery document has the issuer with the trailing slash', async (t) => {
  const { origin, tenantId } = await start(t)
  const document = await json(`${origin}/${tenantId}/.well-known/openid-configuration`)
  t.match(document, {
    issuer: `${origin}/${tenantId}/`,
    token_endpoint: `${origin}/${tenantId}/oauth2/token`,
    jwks_uri: `${origin}/${tenantId}/discovery/keys`
  })
})

t.test('keys are published in the shape of Entra ID: RSA 2048, an issuer, no alg, nothing private', async (t) => {
  const { origin, tenantId } = await start(t)
  const issuers = { 'discovery/v2.0/keys': `${origin}/${tenantId}/v2.0`, 'discovery/keys': `${origin}/${tenantId}/` }
  for (const [path, issuer] of Object.entries(issuers)) {
    const { keys } = (await json(`${origin}/${tenantId}/${path}`)) as { keys: Record<string, string>[] }
    t.equal(keys.length, 1)
    for (const key of keys) {
      t.strictSame(Object.keys(key).sort(), ['e', 'issuer', 'kid', 'kty', 'n', 'use', 'x5t'])
      t.match(key, { kty: 'RSA', use: 'sig', e: 'AQAB', issuer })
      t.equal(Buffer.from(String(key.n), 'base64url').length * 8, 2048)
    }
  }
})

t.test('a script on another origin may read the discovery document and the keys', async (t) => {
  const { origin, tenantId } = await start(t)
  for (const path of ['v2.0/.well-known/openid-configuration', 'discovery/v2.0/keys']) {
    const response = await fetch(`${origin}/${tenantId}/${path}`, { headers: { origin: 'http://localhost:5173' } })
    t.equal(response.headers.get('access-control-allow-origin'), '*')
  }
})

t.test('the tenant describes itself to programs', async (t) => {
  const tenant = await start(t)
  const description = await fetch(tenant.origin, { headers: { accept: 'application/json' } })
  t.strictSame(await description.json(), JSON.parse(JSON.stringify(tenant.description)))
  t.match(tenant.tenantId, guid)
  t.match(tenant.description, {
    issuer: tenant.issuer,
    api: { scopes: ['access_as_user', 'Directory.Read'], roles: ['Admin', 'Directory.Read.All'] },
    clients: [
      { name: 'spa', clientSecret: undefined },
      { name: 'daemon', appRoles: ['Directory.Read.All'] },
      { name: 'daemon-no-roles', appRoles: [] },
      { name: 'api', clientId: tenant.description.api.clientId, appRoles: ['User.Read.All'] }
    ]
  })
})

t.test('the tenant describes itself to people', async (t) => {
  const tenant = await start(t)
  const response = await fetch(tenant.origin, { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } })
  t.match(response.headers.get('content-type'), 'text/html')
  const page = await response.text()
  t.match(page, 'Embedded development tenant – never for production')
  t.match(page, `${tenant.origin}/${tenant.tenantId}/oauth2/v2.0/token`)
  for (const { username } of tenant.description.users) t.match(page, username)
})
