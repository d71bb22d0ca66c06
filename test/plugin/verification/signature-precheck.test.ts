import { createPublicKey } from 'node:crypto'
import t, { type Test } from 'tap'
import type { VerificationKey } from '../../../src/plugin/keys/jwks.js'
import { isRefusal } from '../../../src/plugin/refusals/refusal.js'
import { type DecodedToken, decodeToken } from '../../../src/plugin/verification/decode.js'
import { Forgeries } from '../../../src/plugin/verification/signature-precheck.js'
import { startApi } from '../../support/api.js'
import { type SigningKey, sign, signingKey, startTestTenant } from '../../support/tenant.js'

const ours = await signingKey('key-1')
const stranger = await signingKey('key-1')
const publicKey = createPublicKey({ key: { ...ours.jwk }, format: 'jwk' })
const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
const key: VerificationKey = { kid: 'key-1', pem, algorithms: ['RS256', 'PS256'] }

async function tokenOf(by: SigningKey): Promise<DecodedToken> {
  const decoded = decodeToken(await sign({ iss: 'issuer', exp: 4_102_444_800 }, {}, by))
  if (isRefusal(decoded)) throw new Error(decoded.detail)
  return decoded
}
const [good, forged] = [await tokenOf(ours), await tokenOf(stranger)]

t.test('before a forged token, no signature is checked', async (t) => {
  t.equal(new Forgeries().refusal(forged, key), undefined)
})

t.test('after a forged token signatures are checked, until 32 in a row were good', async (t) => {
  const forgeries = new Forgeries()
  const isRefused = (token: DecodedToken) => forgeries.refusal(token, key)?.code
  const pass = (t: Test, times: number) => {
    for (let n = 0; n < times; n += 1) t.equal(isRefused(good), undefined, 'a good one is for fast-jwt to verify')
  }
  forgeries.seen()
  t.equal(isRefused(forged), 'invalid_signature')
  pass(t, 31)
  t.equal(isRefused(forged), 'invalid_signature', 'still wary, and from the start again')
  pass(t, 31)
  t.equal(isRefused(forged), 'invalid_signature')
  pass(t, 32)
  t.equal(isRefused(forged), undefined, 'not wary any more')
})

t.test('signatures of other algorithms are left to fast-jwt', async (t) => {
  const forgeries = new Forgeries()
  forgeries.seen()
  t.equal(forgeries.refusal({ ...forged, header: { alg: 'PS256' } }, key), undefined)
})

t.test('the response is the same, with this check or without', async (t) => {
  const tenant = await startTestTenant(t)
  const start = () => startApi(t, { tenant, routes: { '/me': {} } })
  const [wary, calm] = [await start(), await start()]
  const user = await tenant.userToken()
  const [header = '', payload = '', signature = ''] = user.split('.')
  const other = (at: number) => (signature[at] === 'A' ? 'B' : 'A')
  const changed = `${header}.${payload}.${other(0)}${signature.slice(1)}`
  const withoutExp = await tenant.userToken({ exp: undefined }, {}, stranger)
  const bad = { changed, short: `${header}.${payload}.AAAA`, none: `${header}.${payload}.`, withoutExp }

  await wary.get('/me', changed)
  for (const [name, token] of Object.entries(bad)) {
    const fresh = await start()
    const [first, again] = [await fresh.get('/me', token), await wary.get('/me', token)]
    t.equal(first.status, 401, name)
    const said = ({ body, headers }: typeof first) => [
      { ...JSON.parse(body), requestId: '' },
      headers.get('www-authenticate')
    ]
    t.strictSame(said(again), said(first), name)
  }
  t.equal((await wary.get('/me', user)).status, 200, 'a good token passes a wary API')
  t.equal((await calm.get('/me', user)).status, 200)
})
