import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { TokenError } from 'fast-jwt'
import t from 'tap'
import { toKeySet } from '../../../src/plugin/keys/jwks.js'
import { refusal } from '../../../src/plugin/refusals/refusal.js'
import type { DecodedToken } from '../../../src/plugin/verification/decode.js'
import { explain, refusalOf } from '../../../src/plugin/verification/jwt-errors.js'
import { signingKey } from '../../support/tenant.js'

const { resolve } = createRequire(import.meta.url)
const fastJwtCodes = Object.values(TokenError.codes)

interface GetJwksErrors {
  errorCode: Record<string, string>
  GetJwksError: new (code: string) => Error & { code: string }
}
const getJwksPath = resolve('get-jwks')
const { errorCode, GetJwksError } = createRequire(getJwksPath)(join(dirname(getJwksPath), 'error.js')) as GetJwksErrors

const accountedFor = (codes: string[]) => codes.filter((code) => !Object.hasOwn(refusalOf, code))

t.test('the packages’ holes: every code of fast-jwt has its meaning', async (t) => {
  t.ok(fastJwtCodes.length > 0, 'fast-jwt lists its codes')
  t.strictSame(accountedFor(fastJwtCodes), [], `fast-jwt: ${fastJwtCodes}`)
})

t.test('no meaning outlives its code', async (t) => {
  const installed = new Set<string>(fastJwtCodes)
  t.strictSame(
    Object.keys(refusalOf).filter((code) => !installed.has(code)),
    []
  )
})

t.test('the contract: what a token causes is 401 invalid_token, never 500, 400 or 403', async (t) => {
  const codes = Object.entries(refusalOf).filter(([, meaning]) => meaning !== null)
  for (const [code, meaning] of codes) {
    const { status, error } = explain({ code }, decodedWith(complete))
    t.strictSame([status, error], [401, 'invalid_token'], `${code}: ${meaning}`)
  }
})

function decodedWith(payload: Record<string, unknown>): DecodedToken {
  return {
    header: { alg: 'RS256' },
    payload,
    segments: ['', '', ''],
    headerText: undefined,
    payloadText: { bytes: Buffer.alloc(0), json: '{}', members: 0 }
  }
}

const complete = { iss: 'i', aud: 'a', exp: 2, iat: 1, sub: 's', tid: 't', ver: '2.0' }

const meanings: { rule: string; code: string; payload?: Record<string, unknown>; is: string }[] = [
  { rule: 'RFC 7519 §4.1.4', code: 'FAST_JWT_EXPIRED', payload: complete, is: 'token_expired' },
  { rule: 'RFC 7519 §4.1.5', code: 'FAST_JWT_INACTIVE', payload: complete, is: 'token_not_yet_valid' },
  { rule: 'RFC 7515 §5.2', code: 'FAST_JWT_INVALID_SIGNATURE', payload: complete, is: 'invalid_signature' },
  {
    rule: 'RFC 7515 §5.2: none at all',
    code: 'FAST_JWT_MISSING_SIGNATURE',
    payload: complete,
    is: 'invalid_signature'
  },
  { rule: 'RFC 8725 §3.1', code: 'FAST_JWT_INVALID_ALGORITHM', payload: complete, is: 'wrong_algorithm' },
  { rule: 'RFC 7515 §4.1.11', code: 'FAST_JWT_INVALID_CRIT_HEADER', payload: complete, is: 'unsupported_header' },
  { rule: 'RFC 8725 §3.11', code: 'FAST_JWT_INVALID_TYPE', payload: complete, is: 'wrong_token_type' },
  { rule: 'RFC 7515 §7.1', code: 'FAST_JWT_MALFORMED', is: 'token_malformed' },
  { rule: 'a payload that is no object', code: 'FAST_JWT_INVALID_PAYLOAD', is: 'token_malformed' }
]

t.test('what the codes that tokens cause mean', async (t) => {
  for (const { rule, code, payload, is } of meanings) {
    t.equal(explain({ code }, decodedWith(payload ?? complete)).code, is, `${rule}: ${code}`)
  }
})

t.test('a token that lacks a claim gets to know that, whatever its signature', async (t) => {
  for (const claim of ['iss', 'exp']) {
    const payload = Object.fromEntries(Object.entries(complete).filter(([name]) => name !== claim))
    for (const code of ['FAST_JWT_INVALID_SIGNATURE', 'FAST_JWT_MISSING_REQUIRED_CLAIM']) {
      const why = explain({ code }, decodedWith(payload))
      t.equal(why.code, 'missing_claim', claim)
      t.match(why.detail, `"${claim}"`, 'names it')
    }
  }
  const nulls = Object.fromEntries(Object.keys(complete).map((name) => [name, null]))
  t.equal(
    explain({ code: 'FAST_JWT_INVALID_SIGNATURE' }, decodedWith(nulls)).code,
    'invalid_signature',
    'null is there'
  )
})

t.test('the contract: a detail never holds what the library said', async (t) => {
  for (const code of Object.keys(refusalOf).filter((name) => refusalOf[name] !== null)) {
    const said = Object.assign(new Error('The key must be a string or a buffer, at verifier.js'), { code })
    for (const decoded of [decodedWith(complete), decodedWith({})]) {
      t.notMatch(explain(said, decoded).detail, /buffer|verifier|FAST_JWT|undefined/i, code)
    }
  }
})

/** Codes that say something of the program, or of what it reaches for, and nothing of the token. */
const noClients: Record<string, string> = {
  FAST_JWT_INVALID_OPTION: 'the options of the verifier are the program’s',
  FAST_JWT_INVALID_KEY: 'keys are vetted when they are installed',
  FAST_JWT_MISSING_KEY: 'a verifier is only built with a key',
  FAST_JWT_KEY_FETCHING_ERROR: 'the contract: what could not be fetched is no invalid token',
  FAST_JWT_SIGN_ERROR: 'nothing is signed here'
}

const programmers: [what: string, error: unknown][] = [
  ...Object.entries(noClients).map(([code, why]): [string, unknown] => [
    `${code}: ${why}`,
    Object.assign(new Error('x'), { code })
  ]),
  ['a code that nobody knows', Object.assign(new Error('x'), { code: 'FAST_JWT_NEW' })],
  ['a code of Node’s', Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' })],
  ['no code', new TypeError('x is not a function')],
  ['a code that is no string', Object.assign(new Error('x'), { code: 7 })],
  ['a code that every object has a member of', Object.assign(new Error('x'), { code: 'toString' })]
]

t.test('what no client can cause rises as it is: no outage and no bug is answered with 401', async (t) => {
  for (const [what, error] of programmers) {
    try {
      t.fail(`${what}: explained as ${JSON.stringify(explain(error, decodedWith(complete)))}`)
    } catch (thrown) {
      t.equal(thrown, error, what)
    }
  }
})

/**
 * get-jwks is never asked in a request's path. Each instance is used once, while a set is installed, with every key in
 * its cache and a fetch that is aborted before it begins: so none of its errors can arise from an answer, and one that
 * did would count its entry as dropped.
 */
const getJwksCodes: Record<string, string> = {
  OPENID_CONFIGURATION_REQUEST_FAILED: 'providerDiscovery is off, and no fetch begins',
  JWKS_REQUEST_FAILED: 'no fetch begins',
  NO_JWKS_URI: 'providerDiscovery is off',
  NO_JWKS: 'no fetch begins',
  JWK_NOT_FOUND: 'only kids that were primed are asked for',
  DOMAIN_NOT_ALLOWED: 'neither issuersWhitelist nor checkIssuer is set'
}

t.test('every code of get-jwks is accounted for', async (t) => {
  const codes = Object.values(errorCode)
  t.ok(codes.length > 0, 'get-jwks lists its codes')
  t.strictSame([...codes].sort(), Object.keys(getJwksCodes).sort(), 'each has a reason why it cannot arise')
  for (const code of codes) {
    const error = new GetJwksError(code)
    t.throws(
      () => explain(error, decodedWith(complete)),
      error,
      `${code}: and if it did, it would be no client’s fault`
    )
  }
})

t.test('an entry that get-jwks makes no PEM of is dropped, and its error stays inside', async (t) => {
  const { jwk } = await signingKey('good')
  const bad = { ...jwk, kid: 'bad', n: '', e: '' }
  const source = { issuer: 'https://issuer.example/', algorithms: ['RS256'], allowsUnnamed: false } as const
  const { keys, dropped } = await toKeySet({ keys: [bad, jwk] }, source)
  t.strictSame([keys.map(({ kid }) => kid), dropped], [['good'], 1])
  const none = await toKeySet({ keys: [bad] }, source).catch((error: unknown) => error)
  t.ok(none instanceof Error, 'none left: no set')
  t.notOk(none instanceof GetJwksError, 'and no error of get-jwks')
})

t.test('the sentence of a kind is said where there is nothing to add', async (t) => {
  t.strictSame(explain({ code: 'FAST_JWT_EXPIRED' }, decodedWith(complete)), refusal('token_expired'))
})
