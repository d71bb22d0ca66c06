import t from 'tap'
import { type DecodedToken, headerRefusal } from '../../src/plugin/header.js'

const entraHeader = { typ: 'JWT', alg: 'RS256', kid: 'key-1', x5t: 'key-1' }
const now = 1_800_000_000

const segment = (json: string) => Buffer.from(json).toString('base64url')
const unambiguous = `${segment('{"alg":"RS256"}')}.${segment('{"sub":"s"}')}`

function decoded(header: object, payload: object = {}, signature = 'c2ln', input = unambiguous): DecodedToken {
  return {
    header: { ...entraHeader, ...header },
    payload: { iat: now, nbf: now, exp: now + 3600, ...payload },
    signature,
    input
  }
}

/** The header of a token, one parameter taken out. */
function lacking(name: string): DecodedToken {
  const token = decoded({})
  return { ...token, header: Object.fromEntries(Object.entries(token.header).filter(([each]) => each !== name)) }
}

function codeOf(token: DecodedToken) {
  const refusal = headerRefusal(token, ['RS256'])
  // Contract: malformed, wrong typ, alg or kid: all 401 invalid_token.
  return refusal && `${refusal.status} ${refusal.error} ${refusal.code}`
}

const refused = (code: string) => `401 invalid_token ${code}`

const rows: { rule: string; token: DecodedToken; is: string | undefined }[] = [
  { rule: 'the header that Entra sends', token: decoded({}), is: undefined },
  {
    rule: 'RFC 7515 §4: header parameter names are unique',
    token: decoded({}, {}, 'c2ln', `${segment('{"alg":"none","alg":"RS256"}')}.${segment('{}')}`),
    is: refused('token_malformed')
  },
  {
    rule: 'RFC 7519 §4: claim names are unique',
    token: decoded({}, {}, 'c2ln', `${segment('{}')}.${segment('{"sub":"a","sub":"b"}')}`),
    is: refused('token_malformed')
  },

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
  { rule: 'ECMA-262 time values: the last second', token: decoded({}, { exp: 8.64e12 }), is: undefined },
  { rule: 'ECMA-262: one second more', token: decoded({}, { exp: 8.64e12 + 1 }), is: refused('invalid_claim') },
  { rule: 'the packages’ holes: exp of 1e300', token: decoded({}, { exp: 1e300 }), is: refused('invalid_claim') },
  { rule: 'JSON 1e400 is Infinity', token: decoded({}, { exp: Infinity }), is: refused('invalid_claim') },
  { rule: 'nbf of 1e300', token: decoded({}, { nbf: 1e300 }), is: refused('invalid_claim') },
  { rule: 'iat of 1e300', token: decoded({}, { iat: 1e300 }), is: refused('invalid_claim') },

  // Two bytes are three characters, whose last holds two bits that say nothing (RFC 4648 §3.5): AQI is 01 02.
  { rule: 'RFC 4648 §3.5: pad bits of zero', token: decoded({}, {}, 'AQI'), is: undefined },
  { rule: 'RFC 4648 §3.5: pad bits set: a twin', token: decoded({}, {}, 'AQJ'), is: refused('token_malformed') },
  { rule: 'RFC 7515 §2: base64url has no padding', token: decoded({}, {}, 'AQI='), is: refused('token_malformed') },
  { rule: 'RFC 7515 §2: - and _, not + and /', token: decoded({}, {}, '+/+/'), is: refused('token_malformed') },
  { rule: 'RFC 7515 §2: - and _', token: decoded({}, {}, '-_-_'), is: undefined },
  { rule: 'RFC 4648 §3.3: no foreign characters', token: decoded({}, {}, 'c2.ln'), is: refused('token_malformed') }
]

t.test('a header before any key is looked up', async (t) => {
  for (const { rule, token, is } of rows) t.equal(codeOf(token), is, rule)
})

t.test('no algorithm is accepted that was not configured', async (t) => {
  t.equal(headerRefusal(decoded({}), [])?.code, 'wrong_algorithm')
})
