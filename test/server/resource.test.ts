/** `RESOURCE_URL`: the server as a protected resource (RFC 9728), against the embedded tenant. */
import t from 'tap'
import { parseChallenge } from '../support/http.js'
import { startServerWithTenant, userToken } from '../support/server.js'

t.test('each challenge leads to the metadata, and the metadata to the tenant', async (t) => {
  const publicUrl = 'http://127.0.0.1:3000/orders'
  const api = await startServerWithTenant(t, { RESOURCE_URL: publicUrl, CORS_ORIGINS: 'https://spa.example' })
  const path = '/.well-known/oauth-protected-resource/orders'
  const user = await userToken(api.tenant, 'user@contoso.example', ['access_as_user'])
  for (const [route, token, status] of [
    ['/protected', undefined, 401],
    ['/nowhere', undefined, 401],
    ['/role-protected', user, 403],
    ['/users', user, 403]
  ] as const) {
    const { status: found, headers } = await api.get(route, token)
    t.equal(found, status)
    const { parameters } = parseChallenge(headers.get('www-authenticate'))
    t.equal(parameters.resource_metadata, `http://127.0.0.1:3000${path}`, route)
  }
  for (const each of [path, '/.well-known/oauth-protected-resource']) {
    const { status, body, headers } = await api.get(each)
    t.equal(status, 200)
    t.equal(headers.get('access-control-allow-origin'), '*')
    t.strictSame(body, {
      resource: publicUrl,
      authorization_servers: [`${api.tenant.origin}/${api.tenant.tenantId}/v2.0`],
      scopes_supported: [`${publicUrl}/access_as_user`, `${publicUrl}/Directory.Read`],
      bearer_methods_supported: ['header']
    })
  }
  t.equal((await api.get('/me', user)).status, 200, 'tokens of the client ID are accepted as before')
})

t.test('without the variable there is no metadata', async (t) => {
  const api = await startServerWithTenant(t)
  const { status, headers } = await api.get('/.well-known/oauth-protected-resource')
  t.equal(status, 401)
  t.notMatch(headers.get('www-authenticate'), 'resource_metadata')
})
