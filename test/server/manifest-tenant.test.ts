/** The embedded tenant's registration of the API, as Microsoft Graph answers for one. */
import t from 'tap'
import type { Tenant } from '../../src/tenant/index.js'
import { appToken, otherTenant, start } from '../tenant/helpers.js'

const graphScope = 'https://graph.microsoft.com/.default'

async function get(tenant: Tenant, appId: string, token?: string, query = '') {
  const headers = token ? { authorization: `Bearer ${token}` } : {}
  const response = await fetch(`${tenant.origin}/v1.0/applications(appId='${appId}')${query}`, { headers })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

t.test('is answered to an application with Application.Read.All, whole or as selected', async (t) => {
  const tenant = await start(t, { accessTokenVersion: 1 })
  const { clientId, scopes, roles } = tenant.description.api
  const token = await appToken(tenant, 'api', graphScope)
  const { status, body } = await get(tenant, clientId, token)
  t.equal(status, 200)
  t.match(body, {
    appId: clientId,
    identifierUris: [`api://${clientId}`],
    api: {
      requestedAccessTokenVersion: 1,
      oauth2PermissionScopes: scopes.map((value) => ({ value, isEnabled: true }))
    },
    appRoles: roles.map((value) => ({ value, isEnabled: true })),
    groupMembershipClaims: 'SecurityGroup'
  })
  const selected = await get(tenant, clientId, token, '?$select=appId,appRoles')
  t.strictSame(Object.keys(selected.body), ['appId', 'appRoles'])
})

t.test('is not answered to others, nor for other applications, nor in a tenant that only uses the API', async (t) => {
  const tenant = await start(t)
  const { clientId } = tenant.description.api
  const token = await appToken(tenant, 'api', graphScope)
  t.match(await get(tenant, clientId), { status: 401, body: { error: { code: 'InvalidAuthenticationToken' } } })
  const daemon = await appToken(tenant, 'daemon', graphScope)
  t.match(await get(tenant, clientId, daemon), {
    status: 403,
    body: { error: { code: 'Authorization_RequestDenied' } }
  })
  const unknown = { status: 404, body: { error: { code: 'Request_ResourceNotFound' } } }
  t.match(await get(tenant, tenant.tenantId, token), unknown)
  const elsewhere = await tenant.sign({
    aud: 'https://graph.microsoft.com',
    iss: otherTenant(tenant).issuer,
    tid: otherTenant(tenant).tenantId,
    roles: ['Application.Read.All']
  })
  t.match(await get(tenant, clientId, elsewhere), unknown)
})
