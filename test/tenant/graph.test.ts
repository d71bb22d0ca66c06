import t from 'tap'
import type { Tenant } from '../../src/tenant/index.js'
import { appToken, start } from './helpers.js'

const listUsers = (tenant: Tenant, token?: string) =>
  fetch(`${tenant.origin}/v1.0/users`, token ? { headers: { authorization: `Bearer ${token}` } } : {})

t.test('the directory is listed to an application with User.Read.All', async (t) => {
  const tenant = await start(t)
  const response = await listUsers(tenant, await appToken(tenant, 'api', 'https://graph.microsoft.com/.default'))
  t.equal(response.status, 200)
  const body = (await response.json()) as Record<string, unknown> & { value: { userPrincipalName: string }[] }
  t.match(body['@odata.context'], `${tenant.origin}/v1.0/$metadata#users`)
  t.strictSame(
    body.value.map(({ userPrincipalName }) => userPrincipalName),
    tenant.description.users.map(({ username }) => username)
  )
  for (const user of body.value) t.strictSame(Object.keys(user), ['id', 'displayName', 'userPrincipalName', 'mail'])
})

t.test('no token, or one that is not for Graph, is 401 in the error shape of Graph', async (t) => {
  const tenant = await start(t)
  for (const token of [undefined, 'not-a-token', await appToken(tenant, 'daemon')]) {
    const response = await listUsers(tenant, token)
    t.equal(response.status, 401)
    t.match(await response.json(), { error: { code: 'InvalidAuthenticationToken', message: String } })
  }
})

t.test('a token for Graph without the permission is 403', async (t) => {
  const tenant = await start(t)
  const response = await listUsers(tenant, await appToken(tenant, 'daemon', 'https://graph.microsoft.com/.default'))
  t.equal(response.status, 403)
  t.match(await response.json(), { error: { code: 'Authorization_RequestDenied', message: String } })
})
