import t from 'tap'
import {
  escapeInvisible,
  escapeTexts,
  loggedStack,
  loggedText,
  loggedTexts
} from '../../../src/plugin/lib/logged-text.js'

const header = Buffer.from('{"alg":"RS256","kid":"key-1"}').toString('base64url')
const payload = Buffer.from('{"iss":"https://login.example/11111111","scp":"Orders.Read"}').toString('base64url')
const signature = 'SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c'
const jwt = `${header}.${payload}.${signature}`
const encoded = jwt.replaceAll('.', '%2E')

const masked: [rule: string, text: string, logged: string][] = [
  ['a JWT', `token ${jwt} refused`, 'token [masked] refused'],
  ['two of them', `${jwt},${jwt}`, '[masked],[masked]'],
  ['unsecured: two parts', `${header}.${payload}`, '[masked]'],
  ['encrypted: five parts', `${jwt}.${payload}.${signature}`, '[masked]'],
  ['glued to a word', `token${jwt}`, 'token[masked]'],
  ['in quotes', `{"t":"${jwt}"}`, '{"t":"[masked]"}'],
  ['in a query', `GET /a?token=${jwt}&b=1 failed`, 'GET /a?token=[masked]&b=1 failed'],
  ['split in a query', `/a?h=${header}&p=${payload}&s=${signature}`, '/a?h=[masked]&p=[masked]&s=[masked]'],
  ['dots percent-encoded', `/a?t=${encoded}`, '/a?t=[masked]'],
  ['in lower case, and twice', encoded.replaceAll('%2E', '%252e'), '[masked]'],
  ['after an encoded sign', `t%3D${jwt}`, 't%3D[masked]'],
  ['cut off in the payload', `${header}.${payload.slice(0, 6)}`, '[masked]'],
  ['the payload alone', `payload ${payload}`, 'payload [masked]'],
  ['the start of one alone', `payload ${payload.slice(0, 8)}`, 'payload [masked]'],
  ['a payload that begins with white space', `ewog${payload.slice(4)}`, '[masked]'],
  ['the signature alone', `signature ${signature}`, 'signature [masked]'],
  ['credentials, whatever they look like', 'sent Bearer abc.def~+/== to it', 'sent Bearer [masked] to it'],
  ['in any case', 'bearer abc', 'bearer [masked]'],
  ['DPoP', 'DPoP abc', 'DPoP [masked]'],
  ['the password in a URL', 'at http://user:pa%20ss@proxy.example:3128', 'at http://user:[masked]@proxy.example:3128'],
  ['with an encoded space', 'Bearer%20abc%2Bdef', 'Bearer%20[masked]'],
  ['as a form', 'a=Bearer+abc', 'a=Bearer+[masked]'],
  ['a header of another scheme', 'Authorization: Basic dXNlcjpwYXNz', 'Authorization: [masked]'],
  ['without a scheme', 'authorization=abc', 'authorization=[masked]'],
  ['in JSON', '{"authorization":"Bearer abc","b":1}', '{"authorization":"[masked]","b":1}'],
  ['in JSON in JSON', String.raw`{\"authorization\":\"Bearer abc\"}`, String.raw`{\"authorization\":\"[masked]\"}`],
  ['a member of a request for a token', 'client_secret=abc&scope=b', 'client_secret=[masked]&scope=b'],
  ['of its answer', '{"access_token":"abc","expires_in":1}', '{"access_token":"[masked]","expires_in":1}'],
  ['encoded', 'a%26refresh_token%3Dabc', 'a%26refresh_token%3D[masked]'],
  ['a list of headers', '["host","a","Authorization","opaque","b"]', '["host","a","Authorization",[masked]","b"]'],
  ['wrapped, as PEM is', (jwt + jwt).match(/.{1,64}/g)?.join('\n') ?? '', '[masked]'],
  ['JSON with a blank', Buffer.from('{ "alg": "RS256" }').toString('base64url'), '[masked]'],
  ['JSON over lines', Buffer.from('{\n  "alg": "RS256"\n}').toString('base64url'), '[masked]']
]

t.test('what has the shape of a token, or stands where one would, is masked', async (t) => {
  for (const [rule, text, logged] of masked) {
    t.equal(loggedText(text), logged, rule)
    t.equal(loggedText(`a\n${text}\nb`), `a\\u000a${logged}\\u000ab`, `${rule}, in other lines`)
  }
})

t.test('what an operator needs is not', async (t) => {
  const texts = [
    'connect ECONNREFUSED 10.0.0.7:443',
    'getaddrinfo ENOTFOUND login.microsoftonline.com',
    'the tenant 11111111-2222-4333-8444-555555555555 answered 500',
    'Bearer realm="api", error="invalid_token"',
    'keyJson and journeyJson',
    'sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '/srv/api/should-refuse-when-the-directory-is-unknown-to-us.js:3:1',
    'THE_NAME_OF_A_VARIABLE_THAT_IS_LONGER_THAN_MANY_OTHERS_2',
    'AADSTS50013: Assertion failed signature validation.'
  ]
  for (const text of texts) t.equal(loggedText(text), text)
})

t.test('characters that nobody would see, or that turn text round', async (t) => {
  const rows: [text: string, escaped: string][] = [
    ['a\u0000\t\n\r\u001b[2K\u007f\u0085\u009f', String.raw`a\u0000\u0009\u000a\u000d\u001b[2K\u007f\u0085\u009f`],
    ['\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e', String.raw`\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e`],
    ['\u2066\u2067\u2068\u2069', String.raw`\u2066\u2067\u2068\u2069`],
    ['\u2028\u2029', String.raw`\u2028\u2029`],
    ['\ufeff\u200b\u200c\u200d\u2060\u00ad', String.raw`\ufeff\u200b\u200c\u200d\u2060\u00ad`],
    ['\u{e0041}', String.raw`\u{e0041}`],
    ['\ud800', String.raw`\ud800`],
    ['Zoë 東京 😀 \\u202e', 'Zoë 東京 😀 \\u202e']
  ]
  for (const [text, escaped] of rows) {
    t.equal(escapeInvisible(text), escaped)
    t.equal(loggedText(text), escaped)
  }
})

t.test('records: texts and lists of them; what is neither is left out', async (t) => {
  const record = {
    text: `\u202e${jwt}`,
    list: ['\u202e', 1],
    number: 1,
    is: true,
    none: undefined,
    of: { jwt },
    no: null
  }
  t.same(escapeTexts(record), {
    text: `\\u202e${jwt}`,
    list: ['\\u202e', 1],
    number: 1,
    is: true,
    none: undefined,
    of: undefined,
    no: undefined
  })
  t.same(loggedTexts({ text: jwt, list: [[jwt]], of: { jwt } }), {
    text: '[masked]',
    list: [['[masked]']],
    of: undefined
  })
})

t.test('a stack keeps its lines, and a message cannot add any', async (t) => {
  const stack = `Error: x\nforged line\u202e\n    at one (/a.js:1:1)\n    at two (/b.js:2:2)`
  t.equal(loggedStack(stack), 'Error: x\\u000aforged line\\u202e\n    at one (/a.js:1:1)\n    at two (/b.js:2:2)')
  t.equal(loggedStack(`Error: ${jwt}\n    at a`), 'Error: [masked]\n    at a')
})

t.test('what is too long is cut, and no token with it', async (t) => {
  t.equal(loggedText('ab '.repeat(1000)).length, 1001)
  t.equal(loggedText('abcdef', 3), 'abc…')
  t.equal(loggedText('abc', 3), 'abc')
  t.equal(loggedStack('ab '.repeat(10_000)).length, 8001)
  const long = `${`${jwt} `.repeat(1000)}`
  t.notMatch(loggedText(long, 100_000), payload.slice(4, 12))
  for (let from = 0; from < jwt.length; from += 1) {
    const text = loggedText(`${' '.repeat(65_536 - from)}${jwt}`, 100_000)
    if (/[\w-]{8}/.test(text.replace('masked', '')))
      t.fail(`a token that is cut after ${from} characters shows ${text.trim()}`)
  }
})

t.test('the time that a text takes grows with its length alone', async (t) => {
  const micros = (text: string) => {
    const before = process.cpuUsage()
    loggedText(text)
    return process.cpuUsage(before).user
  }
  const harmless = micros('ab '.repeat(1_000_000))
  const pieces = [
    ...['eyJ', 'eyJ.', 'eyJaaaaa%', 'a', 'A1a', '%2e', '%', ' ', '=', '\n at '],
    ...['authorization ', 'authorization=+', 'authorization:a ', 'Bearer ', 'Bearer+', 'access_token', 'access_token=']
  ]
  for (const piece of pieces) {
    const taken = micros(piece.repeat(1_000_000))
    if (taken > 100 * Math.max(harmless, 1000)) t.fail(`${JSON.stringify(piece)} takes ${taken} µs, not ${harmless}`)
  }
})
