import t from 'tap'
import type { Tenant } from '../../src/tenant/index.js'
import {
  alias,
  appToken,
  claimsOf,
  clientId,
  json,
  keyIds,
  otherTenant,
  start,
  userTokens,
  verified
} from './helpers.js'

const custom = { customSigningKeys: true }

const forApi = ({ description }: Tenant) => `?appid=${description.api.clientId}`

t.test('asked for an application, the documents lead to the keys for it', async (t) => {
  const tenant = await start(t, custom)
  for (const { origin, tenantId } of [tenant, otherTenant(tenant)]) {
    for (const version of ['/v2.0', '']) {
      const url = `${origin}/${tenantId}${version}/.well-known/openid-configuration`
      const [usual, own] = [await json(url), await json(url + forApi(tenant))]
      t.strictSame(own, { ...usual, jwks_uri: usual.jwks_uri + forApi(tenant) })
      const { keys } = (await json(String(own.jwks_uri))) as { keys: Record<string, string>[] }
      t.match(keys, [{ kty: 'RSA', use: 'sig', x5t: keys[0]?.kid, issuer: usual.issuer }])
      t.equal(keys.length, 1)
    }
  }
})

t.test("the API's tokens are signed by its own key, which the usual set does not have", async (t) => {
  const tenant = await start(t, custom)
  const [fabrikam, common] = [otherTenant(tenant), alias(tenant, 'common')]
  const [key] = await keyIds(tenant, forApi(tenant))
  t.notOk((await keyIds(tenant)).includes(String(key)))
  for (const [issuedBy, token] of [
    [tenant, await appToken(tenant, 'daemon')],
    [fabrikam, await appToken(fabrikam, 'fabrikam-daemon')],
    [tenant, (await userTokens(tenant, 'user@contoso.example')).access_token],
    [fabrikam, (await userTokens(common, 'user@fabrikam.example')).access_token],
    [tenant, await tenant.sign({})]
  ] as const) {
    const { protectedHeader } = await verified(issuedBy, token, 'v2', forApi(tenant))
    t.match(protectedHeader, { kid: key, x5t: key })
    await t.rejects(verified(issuedBy, token), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
  }
})

t.test('all other tokens are signed as usual', async (t) => {
  const tenant = await start(t, custom)
  const { id_token } = await userTokens(tenant, 'user@contoso.example')
  t.equal((await claimsOf(tenant, String(id_token))).aud, clientId(tenant, 'spa'))
  const graph = await appToken(tenant, 'api', 'https://graph.microsoft.com/.default')
  t.equal((await claimsOf(tenant, graph)).aud, 'https://graph.microsoft.com')
  const response = await fetch(`${tenant.origin}/v1.0/users`, { headers: { authorization: `Bearer ${graph}` } })
  t.equal(response.status, 200)
})

t.test('an application without a key of its own has those of the tenant', async (t) => {
  const tenant = await start(t, custom)
  t.strictSame(await keyIds(tenant, `?appid=${clientId(tenant, 'spa')}`), await keyIds(tenant))
  const usual = await start(t)
  t.strictSame(await keyIds(usual, forApi(usual)), await keyIds(usual))
})

t.test('a rotation turns over the keys of applications too', async (t) => {
  const tenant = await start(t, custom)
  const [first] = await keyIds(tenant, forApi(tenant))
  await tenant.rotate({ keep: true })
  const [second, ...old] = await keyIds(tenant, forApi(tenant))
  t.strictSame(old, [first])
  const { protectedHeader } = await verified(tenant, await appToken(tenant, 'daemon'), 'v2', forApi(tenant))
  t.equal(protectedHeader.kid, second)
  await tenant.rotate({ keep: false })
  const kept = await keyIds(tenant, forApi(tenant))
  t.equal(kept.length, 1)
  t.notOk(kept.includes(String(second)))
})
