/** Clients that prove themselves with a token of another issuer (Microsoft: "Workload identity federation"). */
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import t from 'tap'
import type { Tenant } from '../../src/tenant/index.js'
import { apiScope, appToken, claimsOf, clientId, postToken, start } from './helpers.js'

const [own, other] = [await generateKeyPair('RS256'), await generateKeyPair('RS256')]
const issuer = 'https://cluster.example'
const subject = 'system:serviceaccount:orders:api'

const sign = (claims: JWTPayload = {}, key = own, expires: string | number = '1h') =>
  new SignJWT({ iss: issuer, sub: subject, aud: 'api://AzureADTokenExchange', ...claims })
    .setProtectedHeader({ alg: 'RS256', kid: 'cluster-key' })
    .setExpirationTime(expires)
    .sign(key.privateKey)

async function trust(tenant: Tenant, body?: object): Promise<Response> {
  const query = new URLSearchParams({ clientId: clientId(tenant, 'daemon'), issuer, subject })
  const keys = [{ ...(await exportJWK(own.publicKey)), kid: 'cluster-key' }]
  return fetch(`${tenant.origin}/_control/federated-credential?${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body ?? { keys })
  })
}

const ask = (tenant: Tenant, client_assertion: string, client = 'daemon') =>
  postToken(tenant, {
    ...{ grant_type: 'client_credentials', client_id: clientId(tenant, client), scope: apiScope(tenant, '.default') },
    ...{ client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion }
  })

t.test('a token of the issuer is an assertion, as often as it is sent; secrets still work', async (t) => {
  const tenant = await start(t)
  t.equal((await ask(tenant, await sign())).status, 400, 'not before the issuer is trusted')
  t.match(await (await trust(tenant)).json(), { developmentOnly: true })
  const assertion = await sign()
  for (const _ of [1, 2]) {
    const { access_token } = (await (await ask(tenant, assertion)).json()) as { access_token: string }
    t.match(await claimsOf(tenant, access_token), { azp: clientId(tenant, 'daemon'), azpacr: '2' })
  }
  t.match(await claimsOf(tenant, await appToken(tenant, 'daemon')), { azpacr: '1' })
  await tenant.rotate({ keep: false })
  t.equal((await ask(tenant, assertion)).status, 200)
})

t.test('another token is refused as Entra ID does', async (t) => {
  const tenant = await start(t)
  await trust(tenant)
  const rows: [assertion: string, code: number, client?: string][] = [
    [await sign({ iss: 'https://other.example' }), 700211],
    [await sign(), 700211, 'daemon-no-roles'],
    [await sign({ sub: 'system:serviceaccount:orders:other' }), 700213],
    [await sign({ aud: 'api://another' }), 700212],
    [await sign({}, other), 700027],
    [await sign({}, own, 1), 700024]
  ]
  for (const [assertion, code, client] of rows) {
    const answer = await ask(tenant, assertion, client)
    t.equal(answer.status, 401)
    t.match(await answer.json(), { error: 'invalid_client', error_codes: [code] }, String(code))
  }
  const id = clientId(tenant, 'daemon')
  t.equal((await ask(tenant, await sign({ iss: id, sub: id }))).status, 401, 'of a client that has no certificate')
  t.equal((await ask(tenant, 'none')).status, 400, 'no JWT')
  t.equal((await trust(tenant, { keys: 'none' })).status, 400)
})
