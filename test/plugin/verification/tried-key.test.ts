/** A token with a known header is verified before its payload is parsed: the answer to it must not depend on that. */
import { generateKeyPairSync, KeyObject, sign, type webcrypto } from 'node:crypto'
import fc from 'fast-check'
import { decodeJwt } from 'jose'
import t from 'tap'
import { startEngine } from '../../../src/plugin/engine.js'
import type { Logger } from '../../../src/plugin/lib/logger.js'
import { type EntraOptions, toSettings } from '../../../src/plugin/options.js'
import { isRefusal } from '../../../src/plugin/refusals/refusal.js'
import { KnownHeaders } from '../../../src/plugin/verification/known-headers.js'
import { Forgeries } from '../../../src/plugin/verification/signature-precheck.js'
import { type VerifierState, verifyToken } from '../../../src/plugin/verification/verify.js'
import { optionsFor } from '../../support/api.js'
import { clientId, startTestTenant, type TestTenant, tenantId } from '../../support/tenant.js'

const tenant = await startTestTenant(t)
/** Its key has the same `kid`. */
const second = await startTestTenant(t)
const issuerOf = ({ origin }: TestTenant) => `${origin}/${tenantId}/v2.0`
const nothing = () => {}
const log: Logger = { info: nothing, warn: nothing, error: nothing }

const own = KeyObject.from(tenant.key.privateKey as webcrypto.CryptoKey)
const foreign = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const segment = (text: string | Buffer) => Buffer.from(text).toString('base64url')
const header = segment('{"typ":"JWT","alg":"RS256","kid":"key-1"}')

async function stateFor(options: object): Promise<VerifierState> {
  const engine = await startEngine(toSettings(options as EntraOptions), {
    ...{ log, logFor: () => log, isSilent: () => true }
  })
  t.teardown(() => engine.close())
  await engine.firstTry()
  return engine.verifier
}

const states = [
  await stateFor(optionsFor(tenant)),
  await stateFor({ issuer: issuerOf(tenant), audience: clientId }),
  await stateFor({ tenants: [optionsFor(tenant), { issuer: issuerOf(second), audience: clientId }] })
]

/** Whether fast-jwt was called, and with the answer: a refusal, or the principal. */
async function answerTo(token: string, state: VerifierState, knownHeaders: KnownHeaders) {
  let calls = 0
  const answer = await verifyToken(token, {
    ...{ ...state, knownHeaders, forgeries: new Forgeries() },
    checkSignature: (...parameters) => {
      calls += 1
      return state.checkSignature(...parameters)
    }
  })
  return { calls, answer: isRefusal(answer) ? answer : answer.principal }
}

const claims = decodeJwt(await tenant.userToken())
const good = JSON.stringify(claims)
const iss = JSON.stringify(claims.iss)
const other = JSON.stringify(issuerOf(second))
const changed = (more: object) => JSON.stringify({ ...claims, ...more })

const payloads = fc.oneof(
  fc.constantFrom(
    good,
    good.replace(iss, other),
    good.replace('{', `{"iss":${other},`),
    good.replace('{', `{"iss":${iss},`),
    good.replace('{', `{"x":{"iss":${other}},`),
    good.replace('{', `{"x":"\\"iss\\":\\"",`),
    good.replace('"iss":', '"\\u0069ss":'),
    good.replace('"iss":', '"iss" : '),
    good.replace(iss, '"https:\\/\\/127.0.0.1"'),
    good.replace('"iss":', '"iss":"","iss":'),
    good.slice(0, -1),
    `${good} `,
    `${good}x`,
    `[${good}]`,
    `{"iss":${iss}`,
    `{"iss":"`,
    '{}',
    good.replace('}', ',"x":"\ufffd"}')
  ),
  fc
    .constantFrom(...[undefined, null, 0, -1, 1e300, 9e99, '1', 1, 4_102_444_800])
    .chain((time) => fc.constantFrom('exp', 'nbf', 'iat').map((name) => changed({ [name]: time }))),
  fc
    .constantFrom('iss', 'aud', 'tid', 'sub', 'ver', 'azp', 'scp', 'roles')
    .chain((name) => fc.jsonValue({ maxDepth: 2 }).map((value) => changed({ [name]: value }))),
  fc.nat(good.length - 1).map((at) => `${good.slice(0, at)}"${good.slice(at + 1)}`),
  fc.constantFrom(31, 32, 33, 40).map((depth) => changed({ x: JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) }))
)
const tokens = fc
  .record({
    payload: payloads,
    isUtf8: fc.boolean(),
    by: fc.constantFrom('own', 'own', 'own', 'foreign', 'nobody', 'twin')
  })
  .map(({ payload, isUtf8, by }) => {
    const input = `${header}.${segment(isUtf8 ? payload : Buffer.from(payload.replace('Ada', 'Ad\xe9'), 'latin1'))}`
    if (by === 'nobody') return `${input}.`
    const signature = sign('RSA-SHA256', Buffer.from(input), by === 'foreign' ? foreign : own).toString('base64url')
    return `${input}.${by === 'twin' ? `${signature.slice(0, -1)}-` : signature}`
  })

const knowing = () => {
  const known = new KnownHeaders()
  known.add(header, { typ: 'JWT', alg: 'RS256', kid: 'key-1' })
  return known
}

t.test('a token gets the same answer whether its header is known or not', async (t) => {
  let tried = 0
  await fc.assert(
    fc.asyncProperty(tokens, fc.constantFrom(...states), async (token, state) => {
      const [known, unknown] = [
        await answerTo(token, state, knowing()),
        await answerTo(token, state, new KnownHeaders())
      ]
      t.strictSame(known.answer, unknown.answer)
      t.ok(known.calls <= Math.max(1, unknown.calls) + 1, 'at most one verification more')
      tried += known.calls
    }),
    { numRuns: 600 }
  )
  t.ok(tried > 0)
})

t.test('a good token, and a forged one, is verified once', async (t) => {
  const input = `${header}.${segment(good)}`
  const signedBy = (key: KeyObject) => `${input}.${sign('RSA-SHA256', Buffer.from(input), key).toString('base64url')}`
  for (const state of states)
    for (const token of [signedBy(own), signedBy(foreign)]) t.equal((await answerTo(token, state, knowing())).calls, 1)
})

t.test('a valid token makes its header known; a refused one does not', async (t) => {
  for (const state of states) {
    const known = new KnownHeaders()
    const input = `${header}.${segment(changed({ aud: 'another' }))}`
    await answerTo(`${input}.${sign('RSA-SHA256', Buffer.from(input), own).toString('base64url')}`, state, known)
    t.equal(known.find(header), undefined)
    const token = await tenant.userToken()
    await answerTo(token, state, known)
    t.match(known.find(token.split('.')[0] ?? ''), { alg: 'RS256', kid: 'key-1' })
  }
})

t.test('while forgeries are likely, no signature is verified before its key is found', async (t) => {
  const [state] = states
  if (!state) throw new Error('no state')
  const forgeries = new Forgeries()
  forgeries.seen()
  const input = `${header}.${segment(good.replace(iss, other).replace('{', `{"x":{"iss":${iss}},`))}`
  const answer = await verifyToken(`${input}.AAAA`, {
    ...{ ...state, forgeries, knownHeaders: knowing() },
    checkSignature: () => {
      throw new Error('called')
    }
  })
  t.match(answer, { code: 'wrong_issuer' })
})

t.test('a forgery that is refused for something else counts as one', async (t) => {
  const times = changed({ exp: 'never' })
  const payloads = {
    'another issuer': good.replace(iss, other).replace('{', `{"x":{"iss":${iss}},`),
    'an unknown issuer': good.replace(iss, '"https://evil.example"').replace('{', `{"x":{"iss":${iss}},`),
    'no time': times,
    'a name twice': good.replace('{', '{"sub":"x",'),
    'no exp': changed({ exp: undefined })
  }
  const [state] = states
  if (!state) throw new Error('no state')
  for (const [name, payload] of Object.entries(payloads)) {
    const isNoted = async (key: KeyObject) => {
      const input = `${header}.${segment(payload)}`
      const forgeries = new Forgeries()
      const token = `${input}.${sign('RSA-SHA256', Buffer.from(input), key).toString('base64url')}`
      const answer = await verifyToken(token, { ...state, knownHeaders: knowing(), forgeries })
      t.ok(isRefusal(answer), name)
      return forgeries.areLikely
    }
    t.equal(await isNoted(foreign), true, name)
    t.equal(await isNoted(own), false, `${name}, signed by the issuer`)
  }
})
