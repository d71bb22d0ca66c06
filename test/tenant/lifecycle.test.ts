import t from 'tap'
import { startTenant } from '../../src/tenant/index.js'
import { apiScope, appToken, claimsOf, clientId, keyIds, postToken, start, userTokens, verified } from './helpers.js'

t.test('rotating with keep leaves the old key published: old and new tokens verify', async (t) => {
  const tenant = await start(t)
  const [old] = await keyIds(tenant)
  const token = await appToken(tenant, 'daemon')
  const response = await fetch(`${tenant.origin}/_control/rotate?keep=1`, { method: 'POST' })
  const keys = await keyIds(tenant)
  t.match(await response.json(), { developmentOnly: true, keys })
  t.equal(keys.length, 2)
  t.ok(keys.includes(String(old)))
  await t.resolves(verified(tenant, token))
  const { protectedHeader } = await verified(tenant, await appToken(tenant, 'daemon'))
  t.equal(protectedHeader.kid, keys[0])
  t.not(protectedHeader.kid, old)
})

t.test('rotating without keep withdraws the old key: its tokens stop verifying', async (t) => {
  const tenant = await start(t)
  const token = await appToken(tenant, 'daemon')
  await fetch(`${tenant.origin}/_control/rotate?keep=0`, { method: 'POST' })
  t.equal((await keyIds(tenant)).length, 1)
  await t.rejects(verified(tenant, token), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
  await t.resolves(verified(tenant, await appToken(tenant, 'daemon')))
})

t.test('what was issued before a rotation still works after it', async (t) => {
  const tenant = await start(t)
  const scope = `openid offline_access ${apiScope(tenant, 'access_as_user')}`
  const { refresh_token } = await userTokens(tenant, 'user@contoso.example', { scope })
  await tenant.rotate({ keep: false })
  const form = { grant_type: 'refresh_token', client_id: clientId(tenant, 'spa') }
  const response = await postToken(tenant, { ...form, refresh_token: String(refresh_token) })
  t.equal(response.status, 200)
})

t.test("the API registration's token version can be set while the tenant runs", async (t) => {
  const tenant = await start(t)
  const control = `${tenant.origin}/_control/api?requestedAccessTokenVersion=`
  const response = await fetch(`${control}1`, { method: 'POST' })
  t.strictSame(await response.json(), { developmentOnly: true, requestedAccessTokenVersion: 1 })
  t.match(await claimsOf(tenant, await appToken(tenant, 'daemon')), { ver: '1.0' })
  t.equal((await fetch(`${control}3`, { method: 'POST' })).status, 400)
})

t.test('any claims can be signed for a test, with a header of its own', async (t) => {
  const tenant = await start(t)
  const usual = await verified(tenant, await tenant.sign({ aud: 'anything' }))
  t.match(usual.protectedHeader, { typ: 'JWT', alg: 'RS256', kid: usual.protectedHeader.x5t })
  t.strictSame(usual.payload, { aud: 'anything' })
  const token = await tenant.sign({}, { typ: 'other' })
  t.equal((await verified(tenant, token)).protectedHeader.typ, 'other')
})

t.test('two tenants run in one process and know nothing of each other', async (t) => {
  const [one, other] = await Promise.all([start(t), start(t)])
  t.not(one.origin, other.origin)
  const token = await appToken(one, 'daemon')
  t.equal((await claimsOf(one, token)).iss, one.issuer)
  await t.rejects(verified(other, token), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
})

t.test('closing ends kept-alive connections too, and can be repeated', async (t) => {
  const tenant = await start(t)
  t.equal((await fetch(tenant.origin)).status, 200)
  await tenant.close()
  await t.rejects(fetch(tenant.origin))
  await tenant.close()
})

t.test('a port in use is an error', async (t) => {
  const { origin } = await start(t)
  await t.rejects(startTenant({ port: Number(new URL(origin).port) }), { code: 'EADDRINUSE' })
})
