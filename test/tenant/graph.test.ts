import t from 'tap'
import type { Tenant } from '../../src/tenant/index.js'
import { appToken, guid, start, userTokens } from './helpers.js'

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

type Body = Record<string, unknown> & { value: { id: string }[] }

/** Calls a path of Graph, with a user's token for these permissions or with another. */
async function call(tenant: Tenant, path: string, token: string, body?: unknown) {
  const response = await fetch(path.startsWith('http') ? path : `${tenant.origin}/v1.0${path}`, {
    headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) })
  })
  return { status: response.status, body: (await response.json()) as Body }
}

async function userToken(tenant: Tenant, name: string, ...permissions: string[]): Promise<string> {
  const scope = permissions.map((permission) => `https://graph.microsoft.com/${permission}`).join(' ')
  return (await userTokens(tenant, `${name}@contoso.example`, { scope })).access_token
}

const all = { securityEnabledOnly: false }
const apiToken = (tenant: Tenant) => appToken(tenant, 'api', 'https://graph.microsoft.com/.default')

t.test('/me is the user of the token', async (t) => {
  const tenant = await start(t)
  const token = await userToken(tenant, 'admin', 'User.Read')
  const { status, body } = await call(tenant, '/me', token)
  t.equal(status, 200)
  t.match(body, { id: guid, displayName: 'Contoso Admin', userPrincipalName: 'admin@contoso.example' })
  const byApp = { status: 403, body: { error: { code: 'Authorization_RequestDenied' } } }
  t.match(await call(tenant, '/me', await apiToken(tenant)), byApp)
  const without = { status: 400, body: { error: { code: 'BadRequest', message: /delegated/ } } }
  t.match(await call(tenant, '/me/memberOf', await apiToken(tenant)), without)
})

t.test('groups come in pages', async (t) => {
  const tenant = await start(t)
  const token = await userToken(tenant, 'groups', 'User.Read')
  const found: string[] = []
  const sizes: number[] = []
  let next: unknown = '/me/memberOf?$top=120'
  while (typeof next === 'string') {
    const { body } = await call(tenant, next, token)
    t.match(body.value[0], { '@odata.type': '#microsoft.graph.group', displayName: /^Group \d+$/ })
    found.push(...body.value.map(({ id }) => id))
    sizes.push(body.value.length)
    next = body['@odata.nextLink']
  }
  t.same(sizes, [120, 120, 10])
  t.same(found, tenant.description.users.find(({ username }) => username.startsWith('groups@'))?.groups)
  const { body } = await call(tenant, '/users/groups@contoso.example/transitiveMemberOf', await apiToken(tenant))
  t.equal(body.value.length, 100)
  t.match(body['@odata.nextLink'], '/users/groups@contoso.example/transitiveMemberOf?$top=100&$skiptoken=100')
})

t.test('getMemberObjects: all at once, or too many', async (t) => {
  const tenant = await start(t)
  const token = await userToken(tenant, 'groups', 'User.Read')
  const { body: me } = await call(tenant, '/me', token)
  for (const path of ['/me', `/users/${me.id}`]) {
    const { status, body } = await call(tenant, `${path}/getMemberObjects`, token, all)
    t.same([status, body.value.length], [200, 250])
  }
  const limit = await fetch(`${tenant.origin}/_control/graph?memberObjectsLimit=249`, { method: 'POST' })
  t.match(await limit.json(), { developmentOnly: true, memberObjectsLimit: 249 })
  const tooMany = { status: 400, body: { error: { code: 'Directory_ResultSizeLimitExceeded' } } }
  t.match(await call(tenant, `/users/${me.id}/getMemberObjects`, await apiToken(tenant), all), tooMany)
  const admin = await userToken(tenant, 'admin', 'User.Read')
  t.equal((await call(tenant, '/me/getMemberObjects', admin, all)).status, 200, 'nobody else is in as many')
})

t.test('checkMemberGroups: those of 20 at the most', async (t) => {
  const tenant = await start(t)
  const token = await userToken(tenant, 'user', 'User.Read')
  const id = (number: number) => `50000000-0000-4000-8000-${String(number).padStart(12, '0')}`
  const check = (groupIds: unknown) => call(tenant, '/me/checkMemberGroups', token, { groupIds })
  t.match(await check([id(1).toUpperCase(), id(2)]), { status: 200, body: { value: [id(1).toUpperCase()] } })
  t.equal((await check(Array.from({ length: 20 }, (_, at) => id(at)))).status, 200)
  const refused = { status: 400, body: { error: { code: 'BadRequest' } } }
  t.match(await check(Array.from({ length: 21 }, (_, at) => id(at))), refused)
  t.match(await check(undefined), refused)
  t.match(await call(tenant, '/me/checkMemberGroups', token, '{'), refused)
})

t.test('the groups of others are for those who may read them', async (t) => {
  const tenant = await start(t)
  const path = '/users/admin@contoso.example/getMemberObjects'
  const denied = { status: 403, body: { error: { code: 'Authorization_RequestDenied' } } }
  t.match(await call(tenant, path, await userToken(tenant, 'user', 'User.Read'), all), denied)
  for (const permission of ['GroupMember.Read.All', 'Directory.Read.All']) {
    t.equal((await call(tenant, path, await userToken(tenant, 'user', permission), all)).status, 200, permission)
  }
  t.equal((await call(tenant, path, await apiToken(tenant), all)).status, 200)
  t.equal((await call(tenant, path, 'not-a-token', all)).status, 401)
  const unknown = { status: 404, body: { error: { code: 'Request_ResourceNotFound' } } }
  t.match(await call(tenant, '/users/nobody@contoso.example/memberOf', await apiToken(tenant)), unknown)
  t.match(
    await call(tenant, '/users/admin@fabrikam.example/memberOf', await apiToken(tenant)),
    unknown,
    'another tenant'
  )
})
