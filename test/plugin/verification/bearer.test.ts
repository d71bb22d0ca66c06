import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { isRefusal } from '../../../src/plugin/refusals/refusal.js'
import { authorizationHeader, bearerToken } from '../../../src/plugin/verification/bearer.js'

/** The contract's first three rows: status and `error` of the challenge. */
const stranger = { status: 401, error: undefined }
const invalidRequest = { status: 400, error: 'invalid_request' }

function outcome(rawHeaders: readonly string[]) {
  const header = authorizationHeader(rawHeaders)
  const found = isRefusal(header) ? header : bearerToken(header)
  return isRefusal(found) ? { status: found.status, error: found.error } : found
}

interface Case {
  rule: string
  value: string
  is: string | typeof stranger | typeof invalidRequest
}

const values: Case[] = [
  { rule: 'RFC 6750 §2.1: Bearer, a space, a b64token', value: 'Bearer mF_9.B5f-4.1JqM', is: 'mF_9.B5f-4.1JqM' },
  { rule: 'RFC 6750 §2.1: the whole alphabet of b64token', value: 'Bearer aZ09-._~+/', is: 'aZ09-._~+/' },
  { rule: 'RFC 6750 §2.1: b64token may end in any number of =', value: 'Bearer ab==', is: 'ab==' },
  { rule: 'RFC 6750 §2.1: one character is a b64token', value: 'Bearer a', is: 'a' },
  { rule: 'RFC 9110 §11.1: the scheme in lower case', value: 'bearer abc', is: 'abc' },
  { rule: 'RFC 9110 §11.1: the scheme in upper case', value: 'BEARER abc', is: 'abc' },
  { rule: 'RFC 9110 §11.1: the scheme in mixed case', value: 'bEaReR abc', is: 'abc' },
  { rule: 'the token keeps its case', value: 'BEARER aBc', is: 'aBc' },

  { rule: 'the contract: Bearer alone', value: 'Bearer', is: invalidRequest },
  { rule: 'the contract: bearer alone, in any case', value: 'bEARER', is: invalidRequest },
  { rule: 'the contract: Bearer and a space', value: 'Bearer ', is: invalidRequest },
  { rule: 'the contract: two spaces', value: 'Bearer  abc', is: invalidRequest },
  { rule: 'the contract: a tab for the space', value: 'Bearer\tabc', is: invalidRequest },
  { rule: 'the contract: a tab after the space', value: 'Bearer \tabc', is: invalidRequest },
  { rule: 'the contract: a tab after the token', value: 'Bearer abc\t', is: invalidRequest },
  { rule: 'the contract: a comma after the token', value: 'Bearer abc,', is: invalidRequest },
  { rule: 'the contract: a comma after the scheme', value: 'Bearer,abc', is: invalidRequest },
  { rule: 'the contract: two credentials in one header', value: 'Bearer abc, Bearer def', is: invalidRequest },
  { rule: 'the contract: auth-params where a token belongs', value: 'Bearer token="abc"', is: invalidRequest },
  { rule: 'b64token: a space within', value: 'Bearer abc def', is: invalidRequest },
  { rule: 'b64token: a space behind', value: 'Bearer abc ', is: invalidRequest },
  { rule: 'b64token: = only at the end', value: 'Bearer a=b', is: invalidRequest },
  { rule: 'b64token: at least one character before =', value: 'Bearer ==', is: invalidRequest },
  { rule: 'b64token: no quotes', value: 'Bearer "abc"', is: invalidRequest },
  { rule: 'b64token: no %', value: 'Bearer a%20b', is: invalidRequest },
  { rule: 'b64token: no colon', value: 'Bearer a:b', is: invalidRequest },
  { rule: 'b64token: nothing beyond ASCII', value: 'Bearer abc\u00e9', is: invalidRequest },
  { rule: 'b64token: no line feed at the end', value: 'Bearer abc\n', is: invalidRequest },
  { rule: 'b64token: no null byte', value: 'Bearer abc\0', is: invalidRequest },
  { rule: 'the scheme ends where its token characters end: Bearer=', value: 'Bearer=abc', is: invalidRequest },
  { rule: 'the scheme ends where its token characters end: Bearer:', value: 'Bearer: abc', is: invalidRequest },

  { rule: 'the contract: another scheme', value: 'Basic dTpw', is: stranger },
  { rule: 'the contract: another scheme, DPoP (RFC 9449)', value: 'DPoP abc', is: stranger },
  { rule: 'RFC 9110 §11.1: a scheme is a token; Bearerx is another', value: 'Bearerx abc', is: stranger },
  { rule: 'RFC 9110 §5.6.2: - is a token character', value: 'Bearer-x abc', is: stranger },
  { rule: 'RFC 9110 §5.6.2: _ is a token character', value: 'Bearer_x abc', is: stranger },
  { rule: 'RFC 9110 §5.6.2: ~ is a token character', value: 'Bearer~ abc', is: stranger },
  { rule: 'RFC 9110 §5.6.2: digits are token characters', value: 'Bearer2 abc', is: stranger },
  { rule: 'the beginning of Bearer is another scheme', value: 'Beare abc', is: stranger },
  { rule: 'a bare token names no scheme of ours', value: 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln', is: stranger },
  { rule: 'the contract: an empty value holds no credentials', value: '', is: stranger }
]

t.test('the value of Authorization', async (t) => {
  for (const { rule, value, is } of values) t.strictSame(outcome(['Authorization', value]), is, rule)
})

interface HeadersCase {
  rule: string
  headers: string[]
  is: Case['is']
}

const repeated: HeadersCase[] = [
  { rule: 'the contract: no credentials', headers: ['Host', 'a', 'Accept', '*/*'], is: stranger },
  { rule: 'no headers at all', headers: [], is: stranger },
  { rule: 'RFC 9110 §5.1: names have no case', headers: ['aUTHORIZATION', 'Bearer abc'], is: 'abc' },
  { rule: 'only names are names', headers: ['X-Note', 'Authorization', 'Accept', 'Bearer abc'], is: stranger },
  { rule: 'Proxy-Authorization is for proxies', headers: ['Proxy-Authorization', 'Bearer abc'], is: stranger },
  { rule: 'a name of the same length is another name', headers: ['Authorizatiom', 'Bearer abc'], is: stranger },
  { rule: 'RFC 6265: cookies carry no token', headers: ['Cookie', 'Authorization=Bearer abc'], is: stranger },
  {
    rule: 'the contract: two, the same twice',
    headers: ['Authorization', 'Bearer abc', 'Authorization', 'Bearer abc'],
    is: invalidRequest
  },
  {
    rule: 'the contract: two, in other cases, apart',
    headers: ['authorization', 'Bearer abc', 'Host', 'a', 'AUTHORIZATION', 'Bearer def'],
    is: invalidRequest
  },
  {
    rule: 'the contract: two, the first of another scheme',
    headers: ['Authorization', 'Basic dTpw', 'Authorization', 'Bearer abc'],
    is: invalidRequest
  },
  {
    rule: 'the contract: two, the second of another scheme',
    headers: ['Authorization', 'Bearer abc', 'Authorization', 'Basic dTpw'],
    is: invalidRequest
  },
  {
    rule: 'the contract: two, the first empty',
    headers: ['Authorization', '', 'Authorization', 'Bearer abc'],
    is: invalidRequest
  }
]

t.test('the headers around it', async (t) => {
  for (const { rule, headers, is } of repeated) t.strictSame(outcome(headers), is, rule)
})

const wire: { rule: string; lines: string[]; is: Case['is'] }[] = [
  { rule: 'one header', lines: ['Authorization: Bearer abc'], is: 'abc' },
  { rule: 'RFC 9110 §5.5: space around the value is not of it', lines: ['Authorization: \t Bearer abc  '], is: 'abc' },
  { rule: 'no space after the colon', lines: ['Authorization:Bearer abc'], is: 'abc' },
  { rule: 'the contract: an empty value', lines: ['Authorization:'], is: stranger },
  {
    rule: 'the contract: Bearer alone, as the space behind it is cut',
    lines: ['Authorization: Bearer '],
    is: invalidRequest
  },
  { rule: 'the contract: a tab', lines: ['Authorization: Bearer\tabc'], is: invalidRequest },
  { rule: 'the contract: bytes beyond ASCII', lines: ['Authorization: Bearer abcé'], is: invalidRequest },
  {
    rule: 'the contract: two headers, of which Node shows only the first',
    lines: ['Authorization: Bearer abc', 'authorization: Bearer def'],
    is: invalidRequest
  }
]

t.test('rawHeaders as Node hands them over', async (t) => {
  const server = createServer((request, response) => response.end(JSON.stringify(request.rawHeaders)))
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  for (const { rule, lines, is } of wire) {
    const socket = connect(port, '127.0.0.1')
    socket.write(['GET / HTTP/1.1', 'Host: api', 'Connection: close', ...lines, '', ''].join('\r\n'))
    let answer = ''
    for await (const chunk of socket) answer += chunk
    const rawHeaders = JSON.parse(answer.slice(answer.indexOf('["'), answer.lastIndexOf(']') + 1)) as string[]
    t.strictSame(outcome(rawHeaders), is, rule)
  }
})

t.test('a token of 100 kB, well-formed or spoilt at its end, is told at once', async (t) => {
  const long = 'a'.repeat(100_000)
  const start = performance.now()
  t.equal(bearerToken(`Bearer ${long}`), long)
  t.strictSame(outcome(['Authorization', `Bearer ${long}!`]), invalidRequest)
  t.strictSame(outcome(['Authorization', `Bearer ${'='.repeat(100_000)}`]), invalidRequest)
  t.ok(performance.now() - start < 20_000, 'without backtracking')
})
