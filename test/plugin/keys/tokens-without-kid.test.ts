/** Tokens without a `kid`, of another provider than Entra: OpenID Connect Core §10.1. Verified, explained and remembered. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { type JWTHeaderParameters, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { createVerifier, TokenRefusedError } from '../../../src/plugin/verifier-index.js'
import { processClock } from '../../support/clock.js'
import { recordingLogger } from '../../support/log.js'
import { clientId, seconds, startTestTenant, tenantId } from '../../support/tenant.js'

const audience = 'https://orders.example'
const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const [first, second, third] = [rsa(), rsa(), rsa()]
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const jwk = (key: KeyObject, members: object = {}) => ({
  ...createPublicKey(key).export({ format: 'jwk' }),
  ...members
})

const json =
  (body: unknown): RequestListener =>
  (_request, response) =>
    void response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
const down: RequestListener = (_request, response) => void response.writeHead(503).end()

/** A provider that publishes these keys, and what its API says; time goes on by `advance`. */
async function start(t: Test, ...keys: object[]) {
  const tenant = await startTestTenant()
  const issuer = `${tenant.origin}/other`
  const publish = (...keys: object[]) => void tenant.answers.set('/other/keys', json({ keys }))
  tenant.answers.set('/other/.well-known/openid-configuration', json({ issuer, jwks_uri: `${issuer}/keys` }))
  publish(...keys)
  const clock = processClock(t)
  const log = recordingLogger()
  const verifier = createVerifier({ issuer, audience, log })
  t.teardown(async () => {
    await verifier.close()
    await tenant.close()
  })
  const token = (by: KeyObject, header: Partial<JWTHeaderParameters> = {}, claims: object = {}) =>
    new SignJWT({ scope: 'read', sub: 'u', azp: 'c', iss: issuer, aud: audience, exp: seconds() + 3600, ...claims })
      .setProtectedHeader({ alg: by === ec ? 'ES256' : 'RS256', ...header })
      .sign(by)
  /** `ok`, or the code of the refusal; `explain` says the same, asked after it, when nothing is unknown any more. */
  const ask = async (token: string) => {
    const code = await verifier.verify({ scheme: 'Bearer', token }).then(
      () => 'ok',
      (error: unknown) => (error instanceof TokenRefusedError ? error.code : Promise.reject(error))
    )
    t.equal((await verifier.explain(token)).code ?? 'ok', code, 'explain says the same')
    return code
  }
  const fetched = () => tenant.requests.filter((path) => path === '/other/keys').length
  const advance = (s: number) => clock.advance(s * 1000)
  await verifier.ready()
  const outage = () => void tenant.answers.set('/other/keys', down)
  return { advance, ask, fetched, issuer, log, outage, publish, token, verifier }
}

t.test('the only key that fits its alg verifies it', async (t) => {
  const { ask, fetched, token, log } = await start(t, jwk(first, { kid: 'a' }), jwk(ec))
  t.equal(await ask(await token(first)), 'ok')
  t.equal(await ask(await token(ec)), 'ok', 'also a key that the set has no name for')
  t.equal(await ask(await token(first, { alg: 'PS256' })), 'ok', 'RFC 7518 §3.5')
  t.equal(await ask(await token(first, { kid: 'a' })), 'ok', 'by its name as well')
  t.equal(fetched(), 1)
  t.match(log.lines[0]?.details, { kids: ['a', /^sha256:[0-9a-f]{16}$/] }, 'such a key has a name in the log')
  t.equal(await ask(await token(ec, { kid: 'undefined' })), 'unknown_key', 'and none in a token')
  t.equal(await ask(await token(second, { kid: '' })), 'unknown_key', 'an empty kid is a kid')
})

t.test('where several keys fit, or none does, it is refused with a reason', async (t) => {
  const { ask, token, verifier } = await start(t, jwk(first, { kid: 'a' }), jwk(second, { kid: 'b' }))
  const detailOf = async (token: string) => verifier.verify({ scheme: 'Bearer', token }).catch(({ message }) => message)
  for (const by of [first, second, third]) t.equal(await ask(await token(by)), 'unknown_key')
  t.match(await detailOf(await token(first)), /no "kid", and its issuer publishes several keys/)
  t.equal(await ask(await token(ec)), 'unknown_key')
  t.match(await detailOf(await token(ec)), /publishes no key for its "alg"/)
})

t.test('where several keys fit, a refresh may show that one of them is gone: once for each cooldown', async (t) => {
  const { advance, ask, fetched, publish, token } = await start(t, jwk(first, { kid: 'a' }), jwk(second, { kid: 'b' }))
  t.equal(await ask(await token(first)), 'unknown_key')
  const before = fetched()
  for (let at = 0; at < 10; at += 1) t.equal(await ask(await token(first, {}, { jti: `${at}` })), 'unknown_key')
  t.equal(fetched(), before)
  publish(jwk(second, { kid: 'b' }))
  advance(31)
  t.equal(await ask(await token(second)), 'ok')
  t.equal(fetched(), before + 1)
})

t.test('one key under two names is one key', async (t) => {
  const { ask, token } = await start(t, jwk(first, { kid: 'a', alg: 'RS256' }), jwk(first, { kid: 'b' }))
  t.equal(await ask(await token(first)), 'ok')
})

t.test('rotation: the first token of the new key asks for a refresh, within the cooldown', async (t) => {
  const { advance, ask, fetched, publish, token } = await start(t, jwk(first))
  t.equal(await ask(await token(first)), 'ok')
  publish(jwk(second))
  advance(31)
  const many = await Promise.all(Array.from({ length: 20 }, async (_, at) => token(second, {}, { jti: `${at}` })))
  t.strictSame(new Set(await Promise.all(many.map(ask))), new Set(['ok']), 'all who wait share it')
  t.equal(fetched(), 2)
  t.equal(await ask(await token(first)), 'invalid_signature', 'the old key has left')
  t.equal(fetched(), 3, 'which asks once more, as the set may flap')
  publish(jwk(third))
  for (let at = 0; at < 20; at += 1) t.equal(await ask(await token(third, {}, { jti: `${at}` })), 'invalid_signature')
  t.equal(fetched(), 3, 'no more than one refresh a cooldown, whoever signs')
  advance(31)
  t.equal(await ask(await token(third)), 'ok')
  t.equal(fetched(), 4)
})

t.test('a flood of forgeries asks once for each cooldown, and nothing waits for it', async (t) => {
  const { advance, ask, fetched, token } = await start(t, jwk(first))
  for (let round = 0; round < 3; round += 1) {
    advance(31)
    for (let at = 0; at < 10; at += 1) {
      t.equal(await ask(await token(second, {}, { jti: `${round} ${at}` })), 'invalid_signature')
      t.equal(await ask(await token(first, {}, { jti: `${round} ${at}` })), 'ok')
    }
  }
  t.equal(fetched(), 4)
})

t.test('a token with a kid is another matter: its signature asks for nothing', async (t) => {
  const { advance, ask, fetched, publish, token } = await start(t, jwk(first, { kid: 'a' }))
  publish(jwk(second, { kid: 'a' }))
  advance(31)
  t.equal(await ask(await token(second, { kid: 'a' })), 'invalid_signature')
  t.equal(fetched(), 1)
})

t.test('an outage: whether there is a new key is unknown', async (t) => {
  const { advance, ask, outage, publish, token } = await start(t, jwk(first))
  outage()
  advance(31)
  t.equal(await ask(await token(second)), 'tenant_unavailable')
  t.equal(await ask(await token(second)), 'tenant_unavailable', 'also within the cooldown')
  t.equal(await ask(await token(first)), 'ok', 'the last good key goes on')
  publish(jwk(first), jwk(second))
  advance(31)
  t.equal(await ask(await token(second)), 'unknown_key', 'back, with two keys: neither is meant')
  t.equal(await ask(await token(first)), 'unknown_key')
})

t.test('a remembered token is answered as any other when a second key comes', async (t) => {
  const { advance, ask, publish, token } = await start(t, jwk(first, { kid: 'a' }))
  const [unnamed, named] = [await token(first), await token(first, { kid: 'a' })]
  for (let at = 0; at < 3; at += 1) t.strictSame([await ask(unnamed), await ask(named)], ['ok', 'ok'])
  publish(jwk(first, { kid: 'a' }), jwk(second, { kid: 'b' }))
  advance(31)
  t.equal(await ask(await token(second, { kid: 'b' })), 'ok')
  t.strictSame([await ask(unnamed), await ask(named)], ['unknown_key', 'ok'])
})

t.test('RFC 7517 §4.5: keys of two kinds under one kid, and one key listed for each of its algorithms', async (t) => {
  const keys = [
    jwk(first, { kid: 'a', alg: 'PS256' }),
    jwk(ec, { kid: 'a', key_ops: null, use: null, alg: null }),
    jwk(first, { kid: 'a', alg: 'RS256' }),
    jwk(second, { kid: 'b', key_ops: [] }),
    jwk(generateKeyPairSync('ed25519').privateKey, { kid: 'c', alg: 'Ed25519' })
  ]
  for (const set of [keys, keys.toReversed()]) {
    const { ask, fetched, log, token } = await start(t, ...set)
    const all = [token(first, { kid: 'a' }), token(first, { kid: 'a', alg: 'PS256' }), token(ec, { kid: 'a' })]
    for (const each of await Promise.all(all)) t.equal(await ask(each), 'ok')
    t.equal(fetched(), 1)
    t.match(log.lines[0]?.details, { kids: ['a'], dropped: 2, unsupported: ['Ed25519'] })
    t.equal(await ask(await token(first, { kid: 'a', alg: 'RS512' })), 'wrong_algorithm')
    t.equal(fetched(), 2, 'kid and alg name a key together: another one may be new')
    t.equal(await ask(await token(second, { kid: 'b' })), 'unknown_key', 'an empty key_ops drops its key alone')
  }
})

t.test('a set with more keys than are read says so, in the log and in refusals', async (t) => {
  const one = jwk(ec)
  const keys = Array.from({ length: 1025 }, (_, at) => ({ ...one, kid: `k${at}` }))
  const { ask, log, token, verifier } = await start(t, ...keys)
  t.equal(await ask(await token(ec, { kid: 'k1023' })), 'ok')
  const late = await token(ec, { kid: 'k1024' })
  t.equal(await ask(late), 'unknown_key')
  await t.rejects(verifier.verify({ scheme: 'Bearer', token: late }), { message: /first 1024 of its issuer/ })
  t.match(
    log.lines.filter(({ level }) => level === 'warn'),
    [{ details: { unread: 1, read: 1024 }, message: /more keys than are read/ }]
  )
})

t.test('explain: the checks behind a wrong alg', async (t) => {
  const { token, verifier } = await start(t, jwk(first, { kid: 'a', alg: 'RS256' }))
  const { code, checks } = await verifier.explain(await token(first, { kid: 'a', alg: 'PS256' }, { aud: 'other' }))
  t.equal(code, 'wrong_algorithm')
  const outcome = (id: string) => checks.find((check) => check.id === id)?.outcome
  t.strictSame(['key', 'signature', 'oidc.aud'].map(outcome), ['failed', 'undecided', 'failed'])
})

t.test('Entra’s tokens have one, and are refused without', async (t) => {
  const tenant = await startTestTenant()
  t.teardown(() => tenant.close())
  const verifier = createVerifier({ tenantId, clientId, authority: tenant.origin })
  t.teardown(() => verifier.close())
  const token = await tenant.userToken({}, { kid: undefined })
  await t.rejects(verifier.verify({ scheme: 'Bearer', token }), { code: 'unknown_key', message: /has no "kid"/ })
  t.equal((await verifier.explain(token)).code, 'unknown_key')
})

t.test('a rotation meanwhile, and a token that the next key did not sign either', async (t) => {
  const { advance, ask, fetched, publish, token } = await start(t, jwk(first))
  publish(jwk(second))
  advance(31)
  t.equal(await ask(await token(third)), 'invalid_signature')
  t.equal(await ask(await token(second)), 'ok')
  t.equal(fetched(), 3, 'once, and once more as the old key has left')
})

t.test('explain asks for the next key as a request does', async (t) => {
  for (const [by, code] of [
    [second, undefined],
    [third, 'invalid_signature']
  ] as const) {
    const { advance, fetched, publish, token, verifier } = await start(t, jwk(first))
    publish(jwk(second))
    advance(31)
    t.equal((await verifier.explain(await token(by))).code, code)
    t.equal(fetched(), 2)
  }
})
