/** Clients that prove themselves with a certificate (Microsoft: "Application authentication certificate credentials"). */
import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto'
import { SignJWT } from 'jose'
import { generate } from 'selfsigned'
import t from 'tap'
import type { Tenant } from '../../src/tenant/index.js'
import { apiScope, appToken, claimsOf, clientId, postToken, start } from './helpers.js'

const made = await generate([{ name: 'commonName', value: 'daemon' }], { keySize: 2048, algorithm: 'sha256' })
const other = await generate([{ name: 'commonName', value: 'daemon' }], { keySize: 2048, algorithm: 'sha256' })
const daemonId = '20000000-0000-4000-8000-000000000003'

const thumbprint = (pem: string) =>
  Buffer.from(new X509Certificate(pem).fingerprint256.replaceAll(':', ''), 'hex').toString('base64url')

async function ask(tenant: Tenant, { cert, private: key }: { cert: string; private: string }) {
  const token = `${tenant.origin}/${tenant.tenantId}/oauth2/v2.0/token`
  const assertion = await new SignJWT({ iss: daemonId, sub: daemonId, jti: randomUUID() })
    .setProtectedHeader({ alg: 'PS256', 'x5t#S256': thumbprint(cert) })
    .setAudience(token)
    .setExpirationTime('5m')
    .sign(createPrivateKey(key))
  const form = {
    ...{ grant_type: 'client_credentials', client_id: daemonId, scope: apiScope(tenant, '.default') },
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion
  }
  const post = () => postToken(tenant, form)
  return { post, first: await post() }
}

t.test('a certificate from the start, beside the secret; tokens say which of them it was', async (t) => {
  const tenant = await start(t, { clientCertificates: { [daemonId]: made.cert } })
  t.equal(clientId(tenant, 'daemon'), daemonId)
  const { post, first } = await ask(tenant, made)
  const { access_token } = (await first.json()) as { access_token: string }
  t.match(await claimsOf(tenant, access_token), { azp: daemonId, azpacr: '2' })
  t.equal((await post()).status, 200, 'an assertion is good until it expires')
  t.match(await claimsOf(tenant, await appToken(tenant, 'daemon')), { azpacr: '1' })
  await tenant.rotate({ keep: false })
  t.equal((await post()).status, 200, 'and is no matter of the keys of the tenant')
})

t.test('another certificate is refused, until it is registered', async (t) => {
  const tenant = await start(t, { clientCertificates: { [daemonId]: made.cert } })
  const { post, first } = await ask(tenant, other)
  t.equal(first.status, 401)
  t.match(await first.json(), { error: 'invalid_client' })
  const headers = { 'content-type': 'text/plain' }
  const url = `${tenant.origin}/_control/certificate?clientId=${daemonId}`
  t.match(await (await fetch(url, { method: 'POST', headers, body: other.cert })).json(), { developmentOnly: true })
  t.equal((await post()).status, 200)
  t.equal((await (await ask(tenant, made)).post()).status, 401, 'in place of the first')
})

t.test('who has none is refused', async (t) => {
  const { first } = await ask(await start(t), made)
  t.match(await first.json(), { error: 'invalid_client' })
})
