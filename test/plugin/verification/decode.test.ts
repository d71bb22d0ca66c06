import fc from 'fast-check'
import t from 'tap'
import { isRefusal } from '../../../src/plugin/refusals/refusal.js'
import { ambiguityRefusal, decodeToken } from '../../../src/plugin/verification/decode.js'

const segment = (text: string | Buffer) => Buffer.from(text).toString('base64url')
const header = segment('{"alg":"RS256"}')
const payload = segment('{"sub":"s"}')
const latin1 = Buffer.from('{"sub":"\xe9"}', 'latin1')

/** Two bytes are three characters, whose last holds two bits that say nothing (RFC 4648 §3.5): AQI is 01 02. */
const rows: { rule: string; token: string; good: boolean }[] = [
  { rule: 'control: three segments', token: `${header}.${payload}.AQI`, good: true },
  { rule: 'RFC 7515 §2: - and _ in the signature', token: `${header}.${payload}.-_-_`, good: true },
  {
    rule: 'RFC 7515 §7.1: an empty signature is for the algorithm to refuse',
    token: `${header}.${payload}.`,
    good: true
  },
  { rule: 'RFC 7515 §7.1: no dot', token: 'abc', good: false },
  { rule: 'RFC 7515 §7.1: one dot', token: `${header}.${payload}`, good: false },
  { rule: 'RFC 7516 §7.1: five segments are a JWE', token: `${header}.a.b.c.d`, good: false },
  { rule: 'RFC 7515 §7.1: no header', token: `.${payload}.AQI`, good: false },
  { rule: 'RFC 7515 §7.1: no payload', token: `${header}..AQI`, good: false },
  { rule: 'RFC 4648 §3.5: pad bits set: a twin', token: `${header}.${payload}.AQJ`, good: false },
  { rule: 'RFC 7515 §2: base64url has no padding', token: `${header}.${payload}.AQI=`, good: false },
  { rule: 'RFC 7515 §2: - and _, not + and /', token: `${header}.${payload}.+/+/`, good: false },
  { rule: 'RFC 4648 §3.3: no foreign characters', token: `${header}.${payload}.c2~n`, good: false },
  { rule: 'RFC 7515 §4: the header is JSON', token: `${segment('{')}.${payload}.AQI`, good: false },
  { rule: 'RFC 7515 §4: the header is an object', token: `${segment('[]')}.${payload}.AQI`, good: false },
  { rule: 'RFC 7515 §4: no array, with white space either', token: `${segment(' []')}.${payload}.AQI`, good: false },
  ...[' ', '\t', '\n', '\r'].map((space) => ({
    rule: `RFC 8259 §2: white space, ${JSON.stringify(space)}, before the header and the payload`,
    token: `${segment(`${space}{"alg":"RS256"}`)}.${segment(`${space}{"sub":"s"}`)}.AQI`,
    good: true
  })),
  { rule: 'RFC 7519 §7.2: nor null behind white space', token: `${header}.${segment(' null')}.AQI`, good: false },
  { rule: 'RFC 7519 §7.2: the payload is JSON', token: `${header}.${segment('s')}.AQI`, good: false },
  { rule: 'RFC 7519 §7.2: the payload is an object, not null', token: `${header}.${segment('null')}.AQI`, good: false },
  {
    rule: 'RFC 7519 §7.2: the payload is an object, not a string',
    token: `${header}.${segment('"s"')}.AQI`,
    good: false
  },
  {
    rule: 'RFC 7515 §4: names are unique',
    token: `${segment('{"alg":"none","alg":"RS256"}')}.${payload}.AQI`,
    good: false
  },
  {
    rule: 'RFC 7519 §4: claim names are unique',
    token: `${header}.${segment('{"sub":"a","sub":"b"}')}.AQI`,
    good: false
  },
  { rule: 'RFC 7519 §7.2 step 10: the payload is UTF-8', token: `${header}.${segment(latin1)}.AQI`, good: false },
  { rule: 'RFC 7515 §5.2 step 3: the header is UTF-8', token: `${segment(latin1)}.${payload}.AQI`, good: false }
]

t.test('a token, taken apart', async (t) => {
  for (const { rule, token, good } of rows) {
    const parts = decodeToken(token)
    const decoded = isRefusal(parts) ? parts : (ambiguityRefusal(parts) ?? parts)
    if (good) t.match(decoded, { header: { alg: 'RS256' }, payload: { sub: 's' } }, rule)
    else t.match(isRefusal(decoded) && decoded, { status: 401, error: 'invalid_token', code: 'token_malformed' }, rule)
  }
})

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const base64url = fc.array(fc.constantFrom(...letters), { maxLength: 12 }).map((characters) => characters.join(''))

t.test('RFC 4648 §3.5: a signature is canonical if encoding its bytes gives the same text', async (t) => {
  fc.assert(
    fc.property(base64url, (text) => {
      const parts = decodeToken(`${header}.${payload}.${text}`)
      const isAccepted = !isRefusal(parts) && ambiguityRefusal(parts) === undefined
      return isAccepted === (Buffer.from(text, 'base64url').toString('base64url') === text)
    }),
    { numRuns: 5000 }
  )
  t.pass()
})

t.test('what nests too deep, or has too much in it, is not parsed', async (t) => {
  const inside = {
    deep: `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    'a little too deep': `${'['.repeat(32)}${']'.repeat(32)}`,
    members: `{${Array.from({ length: 501 }, (_, at) => `"${at}":0`).join()}}`,
    lists: `[${Array.from({ length: 3000 }, () => '[]').join()}]`
  }
  const parsed = t.captureFn(JSON.parse)
  t.intercept(JSON, 'parse', { value: parsed })
  for (const [name, value] of Object.entries(inside)) {
    for (const token of [
      `${header}.${segment(`{"sub":${value}}`)}.AQI`,
      `${segment(`{"alg":"RS256","x":${value}}`)}.${payload}.AQI`
    ]) {
      const refused = decodeToken(token)
      const why = {
        code: 'token_malformed',
        status: 401,
        error: 'invalid_token',
        detail: /^The token is nested too deeply, or /
      }
      t.match(isRefusal(refused) && refused, why, name)
    }
  }
  t.notOk(
    parsed.calls.some(({ args: [json] }) => json.length > 100),
    'only headers of a few bytes were parsed'
  )
})
