import t from 'tap'
import { refusal } from '../../../src/plugin/refusals/refusal.js'
import type { DecodedToken } from '../../../src/plugin/verification/decode.js'
import { headerRefusal, keyNameIn } from '../../../src/plugin/verification/jose-header.js'

const entraHeader = { typ: 'JWT', alg: 'RS256', kid: 'key-1', x5t: 'key-1' }
const now = 1_800_000_000

function decoded(header: object, payload: object = {}): DecodedToken {
  return {
    header: { ...entraHeader, ...header },
    payload: { iat: now, nbf: now, exp: now + 3600, ...payload },
    segments: ['', '', ''],
    headerText: undefined,
    payloadText: { bytes: Buffer.alloc(0), json: '{}', members: 0 }
  }
}

/** The header of a token, one parameter taken out. */
function lacking(name: string): DecodedToken {
  const token = decoded({})
  return { ...token, header: Object.fromEntries(Object.entries(token.header).filter(([each]) => each !== name)) }
}

function codeOf(token: DecodedToken) {
  const refusal = headerRefusal(token, ['RS256'], true)
  // Contract: malformed, wrong typ, alg or kid: all 401 invalid_token.
  return refusal && `${refusal.status} ${refusal.error} ${refusal.code}`
}

const refused = (code: string) => `401 invalid_token ${code}`

const rows: { rule: string; token: DecodedToken; is: string | undefined }[] = [
  { rule: 'the header that Entra sends', token: decoded({}), is: undefined },
  { rule: 'RFC 8725 §3.1: alg none', token: decoded({ alg: 'none' }), is: refused('wrong_algorithm') },
  { rule: 'RFC 8725 §2.1: HMAC with the public key', token: decoded({ alg: 'HS256' }), is: refused('wrong_algorithm') },
  { rule: 'Entra rule 5: RS256 only, not RS384', token: decoded({ alg: 'RS384' }), is: refused('wrong_algorithm') },
  { rule: 'Entra rule 5: RS256 only, not PS256', token: decoded({ alg: 'PS256' }), is: refused('wrong_algorithm') },
  { rule: 'RFC 7515 §4.1.1: alg has a case', token: decoded({ alg: 'rs256' }), is: refused('wrong_algorithm') },
  { rule: 'RFC 7515 §4.1.1: alg is a string', token: decoded({ alg: ['RS256'] }), is: refused('wrong_algorithm') },
  { rule: 'RFC 7515 §4.1.1: alg must be there', token: lacking('alg'), is: refused('wrong_algorithm') },

  { rule: 'RFC 7515 §4.1.9: typ may be absent', token: lacking('typ'), is: undefined },
  { rule: 'RFC 7519 §5.1: typ in lower case', token: decoded({ typ: 'jwt' }), is: undefined },
  { rule: 'RFC 9068 §2.1: at+jwt', token: decoded({ typ: 'at+jwt' }), is: undefined },
  { rule: 'RFC 9068 §2.1: application/at+jwt', token: decoded({ typ: 'application/at+jwt' }), is: undefined },
  { rule: 'RFC 7515 §4.1.9: the case of a media type', token: decoded({ typ: 'AT+JWT' }), is: undefined },
  {
    rule: 'RFC 7515 §4.1.9: application/jwt MUST be treated as JWT is',
    token: decoded({ typ: 'application/jwt' }),
    is: undefined
  },
  { rule: 'RFC 8725 §3.11: a DPoP proof', token: decoded({ typ: 'dpop+jwt' }), is: refused('wrong_token_type') },
  { rule: 'RFC 8725 §3.11: a logout token', token: decoded({ typ: 'logout+jwt' }), is: refused('wrong_token_type') },
  { rule: 'RFC 8725 §3.11: an SD-JWT', token: decoded({ typ: 'JWT-SD' }), is: refused('wrong_token_type') },
  { rule: 'typ is a string: null', token: decoded({ typ: null }), is: refused('wrong_token_type') },
  { rule: 'typ is a string: array', token: decoded({ typ: ['JWT'] }), is: refused('wrong_token_type') },
  { rule: 'typ empty', token: decoded({ typ: '' }), is: refused('wrong_token_type') },

  { rule: 'RFC 7515 §4.1.11: crit', token: decoded({ crit: ['exp'] }), is: refused('unsupported_header') },
  { rule: 'RFC 7515 §4.1.11: crit MUST NOT be empty', token: decoded({ crit: [] }), is: refused('unsupported_header') },
  { rule: 'the packages’ holes: crit ""', token: decoded({ crit: '' }), is: refused('unsupported_header') },
  { rule: 'crit null', token: decoded({ crit: null }), is: refused('unsupported_header') },
  { rule: 'RFC 7797 §6: b64', token: decoded({ b64: false }), is: refused('unsupported_header') },
  { rule: 'RFC 8725 §3.10: jwk', token: decoded({ jwk: { kty: 'RSA' } }), is: refused('unsupported_header') },
  { rule: 'RFC 8725 §3.10: jku', token: decoded({ jku: 'https://evil.example' }), is: refused('unsupported_header') },
  { rule: 'RFC 8725 §3.10: x5u', token: decoded({ x5u: 'https://evil.example' }), is: refused('unsupported_header') },
  { rule: 'RFC 8725 §3.10: x5c', token: decoded({ x5c: ['MII'] }), is: refused('unsupported_header') },
  { rule: 'RFC 7516 §4.1.2: enc', token: decoded({ enc: 'A256GCM' }), is: refused('unsupported_header') },
  { rule: 'RFC 7516 §4.1.3: zip', token: decoded({ zip: 'DEF' }), is: refused('unsupported_header') },
  { rule: 'RFC 7519 §5.2: cty of a nested token', token: decoded({ cty: 'JWT' }), is: refused('unsupported_header') },
  { rule: 'RFC 7515 §4.1.7: a thumbprint brings no key', token: decoded({ 'x5t#S256': 'abc' }), is: undefined },
  { rule: 'RFC 7515 §4: unknown parameters are ignored', token: decoded({ nonce: 'abc' }), is: undefined },

  { rule: 'the contract: kid absent', token: lacking('kid'), is: refused('unknown_key') },
  { rule: 'RFC 7515 §4.1.4: kid is a string: number', token: decoded({ kid: 1 }), is: refused('unknown_key') },
  { rule: 'RFC 7515 §4.1.4: kid is a string: null', token: decoded({ kid: null }), is: refused('unknown_key') },
  { rule: 'RFC 7515 §4.1.4: kid is a string: array', token: decoded({ kid: ['key-1'] }), is: refused('unknown_key') },

  { rule: 'RFC 7519 §2: exp as a string', token: decoded({}, { exp: '1800000000' }), is: refused('invalid_claim') },
  { rule: 'RFC 7519 §2: exp null', token: decoded({}, { exp: null }), is: refused('invalid_claim') },
  { rule: 'RFC 7519 §2: nbf as a string', token: decoded({}, { nbf: '0' }), is: refused('invalid_claim') },
  { rule: 'RFC 7519 §2: nbf an object', token: decoded({}, { nbf: {} }), is: refused('invalid_claim') },
  { rule: 'RFC 7519 §2: iat true', token: decoded({}, { iat: true }), is: refused('invalid_claim') },
  { rule: 'RFC 7519 §2: a fraction of a second', token: decoded({}, { exp: now + 0.5 }), is: undefined },
  { rule: 'RFC 7519 §4.1.5: nbf is optional', token: decoded({}, { nbf: undefined }), is: undefined },
  { rule: 'the last second of the year 9999', token: decoded({}, { exp: 253_402_300_799 }), is: undefined },
  { rule: 'one second more', token: decoded({}, { exp: 253_402_300_800 }), is: refused('invalid_claim') },
  { rule: 'the packages’ holes: exp of 1e300', token: decoded({}, { exp: 1e300 }), is: refused('invalid_claim') },
  { rule: 'JSON 1e400 is Infinity', token: decoded({}, { exp: Infinity }), is: refused('invalid_claim') },
  { rule: 'nbf of 1e300', token: decoded({}, { nbf: 1e300 }), is: refused('invalid_claim') },
  { rule: 'iat of 1e300', token: decoded({}, { iat: 1e300 }), is: refused('invalid_claim') }
]

t.test('a header before any key is looked up', async (t) => {
  for (const { rule, token, is } of rows) t.equal(codeOf(token), is, rule)
})

t.test('no algorithm is accepted that was not configured', async (t) => {
  t.equal(headerRefusal(decoded({}), [], true)?.code, 'wrong_algorithm')
})

t.test('any of the algorithms that were configured goes on to the key', async (t) => {
  for (const alg of ['ES256', 'EdDSA'])
    t.equal(headerRefusal(decoded({ alg }), ['ES256', 'EdDSA'], true), undefined, alg)
  t.equal(headerRefusal(decoded({}), ['ES256', 'EdDSA'], true)?.code, 'wrong_algorithm')
})

t.test('what the header says of the key', async (t) => {
  t.strictSame(keyNameIn(decoded({})), { kid: 'key-1', alg: 'RS256' })
  t.strictSame(keyNameIn(lacking('kid')), { kid: undefined, alg: 'RS256' })
})

t.test('OpenID Connect Core §10.1: a token without kid, where its issuer may leave it out', async (t) => {
  const codeOf = (token: DecodedToken) => headerRefusal(token, ['RS256'], false)?.code
  t.equal(codeOf(lacking('kid')), undefined)
  for (const kid of [null, 1, ['key-1'], {}, false])
    t.equal(codeOf(decoded({ kid })), 'unknown_key', `RFC 7515 §4.1.4: kid is a string: ${JSON.stringify(kid)}`)
})

t.test('RFC 9864: an algorithm that goes by a new name', async (t) => {
  const detailOf = (alg: string, ...accepted: string[]) => headerRefusal(decoded({ alg }), accepted, false)
  t.match(detailOf('Ed25519', 'EdDSA'), { code: 'wrong_algorithm', detail: /"Ed25519" \(RFC 9864\).*"EdDSA"/ })
  t.strictSame(detailOf('Ed25519', 'ES256'), refusal('wrong_algorithm'), 'no advice that would not help')
  t.strictSame(detailOf('Ed448', 'EdDSA'), refusal('wrong_algorithm'))
})

t.test('a header that names a key in another way: refused of Entra, ignored of another issuer', async (t) => {
  for (const [name, value] of [
    ['jku', 'https://evil.example'],
    ['x5u', 'https://evil.example'],
    ['x5c', ['MII']],
    ['cty', 'text/plain'],
    ['cty', null]
  ] as const) {
    const token = decoded({ [name]: value })
    t.match(
      headerRefusal(token, ['RS256'], true),
      { code: 'unsupported_header', detail: `"${name}"` },
      `${name}: named`
    )
    t.equal(headerRefusal(token, ['RS256'], false), undefined, `${name}: ignored`)
  }
})

t.test('RFC 7519 §5.2: cty of a nested token, whoever sends it', async (t) => {
  for (const cty of ['JWT', 'jwt', 'application/jwt', 'APPLICATION/JWT', 'at+jwt', 'JWT; charset=utf-8', ' jwt'])
    t.match(headerRefusal(decoded({ cty }), ['RS256'], false), { code: 'unsupported_header', detail: '"cty"' }, cty)
  for (const cty of ['', 'json', 'jwtx', 'xjwt', 'application/jwt+json', 'text/jwt', 7, ['JWT'], null, {}])
    t.equal(headerRefusal(decoded({ cty }), ['RS256'], false), undefined, JSON.stringify(cty))
})

t.test('what every issuer is refused for is named', async (t) => {
  for (const name of ['crit', 'b64', 'jwk', 'enc', 'zip']) {
    for (const value of ['', null, [], {}, 0, false, 'x']) {
      for (const isStrict of [true, false]) {
        const why = headerRefusal(decoded({ [name]: value }), ['RS256'], isStrict)
        t.match(why, { code: 'unsupported_header', detail: `The header of the token has "${name}": it ` }, name)
      }
    }
  }
})
