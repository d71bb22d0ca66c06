/** Attacks on the way that a token takes: RFC 6750 §2, RFC 9110 §11, RFC 9112. */
import { createServer, request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { get, type Row, request, type Table } from './row.js'

const missing = '401 - credentials_missing'
const malformed = '400 invalid_request authorization_malformed'
const repeated = '400 invalid_request authorization_repeated'
/** Newer releases of Node (24.21) refuse by themselves what older ones read in part: more headers than a server keeps. */
const refusesByItself = await new Promise<boolean>((resolve) => {
  const server = createServer((_request, response) => response.end()).listen(0, '127.0.0.1', () => {
    const headers = Object.fromEntries(Array.from({ length: 2100 }, (_, at) => [`x${at}`, '1']))
    const { port } = server.address() as AddressInfo
    const sent = httpRequest({ host: '127.0.0.1', port, headers, agent: false }, ({ statusCode }) => {
      server.close()
      resolve(statusCode === 431)
    })
    sent.end()
  })
})
const tooMany = refusesByItself ? '431 x headers_too_large' : '400 invalid_request too_many_headers'
const noRequest = '400 x bad_request'

type Send = NonNullable<Row['send']>
const sent = (rule: string, is: Row['is'], changes: Record<string, Send>): Row[] =>
  Object.entries(changes).map(([change, send]) => ({ rule, change, is, send }))
/** The value of the one Authorization header. */
const authorization =
  (value: (token: string) => string): Send =>
  (token) =>
    get('/me', `Authorization: ${value(token)}`)
const values = (rule: string, is: string, changes: Record<string, (token: string) => string>): Row[] =>
  sent(rule, is, Object.fromEntries(Object.entries(changes).map(([change, value]) => [change, authorization(value)])))
const post = (headers: readonly string[], body: string) =>
  request(
    'POST /body HTTP/1.1',
    'Host: 127.0.0.1',
    'Connection: close',
    ...headers,
    `Content-Length: ${Buffer.byteLength(body)}`
  ) + body

const schemes: Row[] = [
  ...values('RFC 9110 §11.1 another scheme', missing, {
    Basic: () => 'Basic dXNlcjpwYXNzd29yZA==',
    'Basic with the token': (token) => `Basic ${token}`,
    DPoP: (token) => `DPoP ${token}`,
    Token: (token) => `Token ${token}`,
    JWT: (token) => `JWT ${token}`,
    PoP: (token) => `PoP ${token}`,
    MAC: (token) => `MAC id="${token}"`,
    Negotiate: () => 'Negotiate YII=',
    'no scheme, the token alone': (token) => token,
    Bearers: (token) => `Bearers ${token}`,
    Beare: (token) => `Beare ${token}`,
    Bearer2: (token) => `Bearer2 ${token}`,
    'Bearer-Token': (token) => `Bearer-Token ${token}`,
    Bearer_: (token) => `Bearer_ ${token}`,
    XBearer: (token) => `XBearer ${token}`,
    'Bearer.token in one word': (token) => `Bearer.${token}`,
    'Bearer twice in one word': (token) => `BearerBearer ${token}`,
    'an empty value': () => '',
    'only white space': () => ' \t ',
    'a word': () => 'null',
    'a dotless i for the e of Bearer': (token) => `B\u00earer ${token}`
  }),
  ...values('RFC 6750 §2.1 Bearer, one space, one b64token', malformed, {
    'Bearer alone': () => 'Bearer',
    'Bearer and a space': () => 'Bearer ',
    'two spaces': (token) => `Bearer  ${token}`,
    'ten spaces': (token) => `Bearer          ${token}`,
    'a tab': (token) => `Bearer\t${token}`,
    'a space and a tab': (token) => `Bearer \t${token}`,
    'a colon after the scheme': (token) => `Bearer: ${token}`,
    'an equals sign after the scheme': (token) => `Bearer=${token}`,
    'a comma after the scheme': (token) => `Bearer, ${token}`,
    'the scheme twice': (token) => `Bearer Bearer ${token}`,
    'a second token': (token) => `Bearer ${token} ${token}`,
    'a parameter after it': (token) => `Bearer ${token} realm="x"`,
    'a parameter after a comma': (token) => `Bearer ${token}, realm="x"`,
    'another scheme after a comma': (token) => `Bearer ${token}, Basic dXNlcjpwYXNz`,
    'joined with itself, as a proxy joins two headers': (token) => `Bearer ${token}, Bearer ${token}`,
    'joined without a space': (token) => `Bearer ${token},Bearer ${token}`,
    'a byte of Latin-1 in the token': (token) => `Bearer ${token}\u00e9`,
    'a no-break space in place of the space': (token) => `Bearer\u00a0${token}`,
    'UTF-8 in the token': (token) => `Bearer ${token}${Buffer.from('й').toString('latin1')}`,
    'a zero-width space before the token': (token) => `Bearer ${Buffer.from('\u200b').toString('latin1')}${token}`,
    'a byte order mark before the token': (token) => `Bearer ${Buffer.from('\ufeff').toString('latin1')}${token}`,
    'only padding': () => 'Bearer ===',
    'padding inside': (token) => `Bearer ${token}=x`,
    'a non-ASCII byte of 0xff': (token) => `Bearer ${token}\u00ff`
  }),
  ...values('control: RFC 9110 §11.1 the scheme has no case', '200', {
    bearer: (token) => `bearer ${token}`,
    BEARER: (token) => `BEARER ${token}`,
    bEaReR: (token) => `bEaReR ${token}`,
    'white space around the value (RFC 9110 §5.5)': (token) => ` \tBearer ${token} \t `
  })
]

/** Headers of three characters. */
const others = (count: number): string[] => Array.from({ length: count }, () => 'a:b')

const headers: Row[] = [
  ...sent('RFC 9110 §5.3 Authorization is no list', repeated, {
    'the same twice': (token) => get('/me', `Authorization: Bearer ${token}`, `Authorization: Bearer ${token}`),
    'in two cases': (token) => get('/me', `Authorization: Bearer ${token}`, `authorization: Bearer ${token}`),
    'a good one after an empty one': (token) => get('/me', 'Authorization:', `Authorization: Bearer ${token}`),
    'an empty one after a good one': (token) => get('/me', `Authorization: Bearer ${token}`, 'Authorization:'),
    'Basic before it': (token) => get('/me', 'Authorization: Basic dTpw', `Authorization: Bearer ${token}`),
    'Basic after it': (token) => get('/me', `Authorization: Bearer ${token}`, 'Authorization: Basic dTpw'),
    'a forged one before it': (token) =>
      get('/me', 'Authorization: Bearer abc.abc.abc', `Authorization: Bearer ${token}`),
    'a forged one after it': (token) =>
      get('/me', `Authorization: Bearer ${token}`, 'Authorization: Bearer abc.abc.abc'),
    three: (token) => get('/me', ...Array.from({ length: 3 }, () => `Authorization: Bearer ${token}`)),
    'on a route that allows strangers': (token) =>
      get('/optional', `Authorization: Bearer ${token}`, `Authorization: Bearer ${token}`)
  }),
  ...sent('RFC 9110 §5.3 Authorization is no list, nor beyond the headers that Node keeps', tooMany, {
    'the same again behind 1,100 others': (token) =>
      get('/me', `Authorization: Bearer ${token}`, ...others(1100), `Authorization: Bearer ${token}`),
    'a forged one behind 2,001 others': (token) =>
      get('/me', `Authorization: Bearer ${token}`, ...others(2001), 'Authorization: Bearer abc.abc.abc'),
    'a good one alone before 1,000 others': (token) => get('/me', `Authorization: Bearer ${token}`, ...others(1000)),
    'none, before 1,100 others, on a route that allows strangers': () => get('/optional', ...others(1100))
  }),
  ...sent('control: RFC 9110 §5.3 Authorization is no list', '200', {
    'a good one before 990 others': (token) => get('/me', `Authorization: Bearer ${token}`, ...others(990))
  }),
  ...sent('control: RFC 9110 §5.3 Authorization is no list', refusesByItself ? tooMany : '200', {
    'a route without authentication with 2,001 others': () => get('/open', ...others(2001))
  }),
  ...sent('RFC 6750 §2.1 the Authorization header and no other', missing, {
    'no header': () => get('/me'),
    'Proxy-Authorization': (token) => get('/me', `Proxy-Authorization: Bearer ${token}`),
    'X-Authorization': (token) => get('/me', `X-Authorization: Bearer ${token}`),
    'Authorization-Token': (token) => get('/me', `Authorization-Token: Bearer ${token}`),
    'X-MS-TOKEN-AAD-ACCESS-TOKEN': (token) => get('/me', `X-MS-TOKEN-AAD-ACCESS-TOKEN: ${token}`),
    'X-Access-Token': (token) => get('/me', `X-Access-Token: ${token}`),
    'X-Original-Authorization': (token) => get('/me', `X-Original-Authorization: Bearer ${token}`),
    'Sec-WebSocket-Protocol': (token) => get('/me', `Sec-WebSocket-Protocol: bearer, ${token}`),
    'HTTP2-Settings': (token) => get('/me', `HTTP2-Settings: ${token}`),
    'an underscore in the name': (token) => get('/me', `Authorizatio_: Bearer ${token}`),
    'a trailer (RFC 9110 §6.5.1)': (token) =>
      request(
        'POST /body HTTP/1.1',
        ...['Host: 127.0.0.1', 'Connection: close', 'Transfer-Encoding: chunked', 'Trailer: Authorization', ''],
        ...['0', `Authorization: Bearer ${token}`]
      )
  }),
  ...sent('RFC 6750 §2.3, RFC 9700 §4.3.2 no token in a query', missing, {
    access_token: (token) => get(`/me?access_token=${token}`),
    authorization: (token) => get(`/me?authorization=Bearer%20${token}`),
    token: (token) => get(`/me?token=${token}`),
    'a fragment, sent': (token) => get(`/me?#access_token=${token}`),
    'on an unknown route': (token) => get(`/nowhere?access_token=${token}`),
    'in the path': (token) => get(`/me/${token}`)
  }),
  ...sent('RFC 6750 §2.2 no token in a body', missing, {
    'a form': (token) => post(['Content-Type: application/x-www-form-urlencoded'], `access_token=${token}`),
    JSON: (token) => post(['Content-Type: application/json'], JSON.stringify({ access_token: token, name: 'x' })),
    'of a GET': (token) =>
      get('/me', 'Content-Type: application/x-www-form-urlencoded', `Content-Length: ${token.length + 13}`) +
      `access_token=${token}`
  }),
  ...sent('RFC 6750 §2 no token in a cookie', missing, {
    token: (token) => get('/me', `Cookie: token=${token}`),
    access_token: (token) => get('/me', `Cookie: access_token=${token}`),
    Authorization: (token) => get('/me', `Cookie: Authorization=Bearer ${token}`),
    'with the prefix of a host': (token) => get('/me', `Cookie: __Host-token=${token}`)
  }),
  ...sent('a body that is not read has no say', missing, {
    'JSON that is none': () => post(['Content-Type: application/json'], '{'),
    'JSON that breaks the schema': () => post(['Content-Type: application/json'], '{}'),
    'a media type that nobody reads': () => post(['Content-Type: text/x-unknown'], 'x'),
    'a megabyte and a half': () => post(['Content-Type: application/json'], ' '.repeat(1_500_000))
  }),
  ...sent('control: the header counts, whatever else is sent', '200', {
    'a forged token in the query': (token) => get('/me?access_token=abc.abc.abc', `Authorization: Bearer ${token}`),
    'a forged token in a cookie': (token) => get('/me', 'Cookie: token=abc.abc.abc', `Authorization: Bearer ${token}`),
    'Basic in Proxy-Authorization': (token) =>
      get('/me', 'Proxy-Authorization: Basic dTpw', `Authorization: Bearer ${token}`)
  })
]

const bytes: Row[] = sent('RFC 9110 §5.5 no control bytes in a field value', noRequest, {
  ...Object.fromEntries(
    ['\0', '\u0001', '\u0007', '\b', '\v', '\f', '\u001b', '\u001f', '\u007f'].map((control) => [
      `0x${control.charCodeAt(0).toString(16).padStart(2, '0')} in the token`,
      authorization((token) => `Bearer ${token}${control}x`)
    ])
  ),
  'a NUL after the scheme': authorization((token) => `Bearer\0${token}`),
  'a line folded (RFC 9112 §5.2)': authorization((token) => `Bearer\r\n ${token}`),
  'a lone line feed in the token': authorization((token) => `Bearer ${token}\nx`),
  'a lone carriage return in the token': authorization((token) => `Bearer ${token}\rx`)
})

const requests: Row[] = [
  ...sent('RFC 9112 §5.1 no white space before the colon', noRequest, {
    'a space': (token) => get('/me', `Authorization : Bearer ${token}`),
    'a tab': (token) => get('/me', `Authorization\t: Bearer ${token}`)
  }),
  ...sent('RFC 9112 §3 a request line', noRequest, {
    'HTTP/3.7': (token) => request('GET /me HTTP/3.7', 'Host: a', `Authorization: Bearer ${token}`),
    'the preface of HTTP/2': () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'a method that is none': (token) => request('GE\0T /me HTTP/1.1', 'Host: a', `Authorization: Bearer ${token}`),
    'an unknown method': (token) => request('STEAL /me HTTP/1.1', 'Host: a', `Authorization: Bearer ${token}`),
    'a TLS hello': () => '\u0016\u0003\u0001\u0000\u00a5\u0001\r\n\r\n',
    'white space in the target': (token) => request('GET /m e HTTP/1.1', 'Host: a', `Authorization: Bearer ${token}`)
  }),
  ...sent('RFC 9112 §6.3 one length of a body', noRequest, {
    'two lengths': (token) => get('/me', `Authorization: Bearer ${token}`, 'Content-Length: 0', 'Content-Length: 5'),
    'a length and chunks': (token) =>
      get('/me', `Authorization: Bearer ${token}`, 'Content-Length: 5', 'Transfer-Encoding: chunked'),
    'a length that is none': (token) => get('/me', `Authorization: Bearer ${token}`, 'Content-Length: x'),
    'a negative length': (token) => get('/me', `Authorization: Bearer ${token}`, 'Content-Length: -1')
  }),
  ...sent('RFC 9110 §5.4 a limit to the size of headers', '431 x headers_too_large', {
    'another header of 17 KB': (token) =>
      get('/me', `Authorization: Bearer ${token}`, `X-Filler: ${'x'.repeat(17_000)}`),
    'Bearer and 17 KB of spaces': () => get('/me', `Authorization: Bearer ${' '.repeat(17_000)}x`),
    'a path of 17 KB': (token) => get(`/${'x'.repeat(17_000)}`, `Authorization: Bearer ${token}`)
  }),
  ...sent('RFC 3986 §2.1 a path that can be decoded', noRequest, {
    'half an escape': (token) => get('/%', `Authorization: Bearer ${token}`),
    'an escape that is no UTF-8': (token) => get('/%ff', `Authorization: Bearer ${token}`)
  }),
  ...sent('every route is closed that does not say otherwise', missing, {
    'an unknown route': () => get('/nowhere'),
    'an unknown method of a route': () => request('DELETE /me HTTP/1.1', 'Host: a', 'Connection: close'),
    HEAD: () => request('HEAD /me HTTP/1.1', 'Host: a', 'Connection: close'),
    OPTIONS: () => request('OPTIONS /me HTTP/1.1', 'Host: a', 'Connection: close'),
    'OPTIONS *': () => request('OPTIONS * HTTP/1.1', 'Host: a', 'Connection: close'),
    'OPTIONS with the headers of a preflight': () =>
      request(
        'OPTIONS /me HTTP/1.1',
        ...['Host: a', 'Connection: close', 'Origin: https://a.example', 'Access-Control-Request-Method: GET']
      ),
    TRACE: () => request('TRACE /me HTTP/1.1', 'Host: a', 'Connection: close'),
    'an absolute target': () => get('http://127.0.0.1/me'),
    'a dot segment': () => get('/open/../me'),
    'a double slash': () => get('//me'),
    'another case': () => get('/ME'),
    'a method override': () => get('/me', 'X-HTTP-Method-Override: OPTIONS'),
    'a rewritten path': () => get('/me', 'X-Original-URL: /open', 'X-Rewrite-URL: /open'),
    'HTTP/1.0': () => request('GET /me HTTP/1.0'),
    'HTTP/0.9': () => 'GET /me\r\n\r\n',
    'Upgrade: h2c': () => get('/me', 'Upgrade: h2c'),
    'a WebSocket handshake': () =>
      request(
        'GET /me HTTP/1.1',
        ...['Host: a', 'Connection: Upgrade, close', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
      ),
    'from loopback, as it says': () => get('/me', 'X-Forwarded-For: 127.0.0.1', 'Forwarded: for=127.0.0.1')
  }),
  ...sent('RFC 9110 §15.5.5 no such route, to those who may know', '404 x not_found', {
    'OPTIONS with a token': (token) =>
      request('OPTIONS /me HTTP/1.1', 'Host: a', 'Connection: close', `Authorization: Bearer ${token}`),
    'an unknown route with a token': (token) => get('/nowhere', `Authorization: Bearer ${token}`),
    'the token in the path': (token) => get(`/me/${token}`, `Authorization: Bearer ${token}`)
  }),
  ...sent('RFC 9112 §9.3.2 each request of a connection has its own credentials', ['200', missing, '200'], {
    'a request without a token between two good ones': (token) => {
      const good = request('GET /me HTTP/1.1', 'Host: a', `Authorization: Bearer ${token}`)
      return good + request('GET /me HTTP/1.1', 'Host: a') + get('/me', `Authorization: Bearer ${token}`)
    }
  }),
  ...sent('RFC 9112 §9.3.2 each request of a connection has its own credentials', [missing, '200'], {
    'a good request after a stranger': (token) =>
      request('GET /me HTTP/1.1', 'Host: a') + get('/me', `Authorization: Bearer ${token}`)
  }),
  ...sent(
    'RFC 9112 §9.3.2 each request of a connection has its own credentials',
    ['401 invalid_token token_malformed', '200'],
    {
      'a good request after a forged one': (token) =>
        request('GET /me HTTP/1.1', 'Host: a', 'Authorization: Bearer abc') +
        get('/me', `Authorization: Bearer ${token}`)
    }
  ),
  ...sent('a token that is sent must be valid, also where strangers may come', '401 invalid_token invalid_signature', {
    'optional, another payload': (token, world) =>
      get(
        '/optional',
        `Authorization: Bearer ${token.slice(0, token.lastIndexOf('.'))}.${world.token({ uti: 'x' }).split('.')[2]}`
      )
  }),
  ...sent('a token that is sent must be valid, also where strangers may come', malformed, {
    'optional, Bearer alone': () => get('/optional', 'Authorization: Bearer')
  }),
  ...sent('control: routes and methods', '200', {
    'HEAD with a token': (token) =>
      request('HEAD /me HTTP/1.1', 'Host: a', 'Connection: close', `Authorization: Bearer ${token}`),
    'HTTP/1.0 with a token': (token) => request('GET /me HTTP/1.0', `Authorization: Bearer ${token}`),
    'an absolute target with a token': (token) => get('http://127.0.0.1/me', `Authorization: Bearer ${token}`),
    'the name of the header in upper case': (token) => get('/me', `AUTHORIZATION: Bearer ${token}`),
    'an open route with a forged token, which nobody looks at': () => get('/open', 'Authorization: Bearer abc.abc.abc'),
    'an open route with two headers, which nobody looks at': () =>
      get('/open', 'Authorization: Bearer abc', 'Authorization: Bearer abc'),
    'a stranger where strangers may come': () => get('/optional'),
    'another scheme where strangers may come': () => get('/optional', 'Authorization: Basic dTpw'),
    'a user where strangers may come': (token) => get('/optional', `Authorization: Bearer ${token}`)
  })
]

export const transport: Table = [...schemes, ...headers, ...bytes, ...requests]
