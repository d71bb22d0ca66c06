/** Rows of the corpus as HTTP/2 requests: RFC 9113 §8.3 in place of RFC 9112 §3, and what has no place there left out. */
import type { Answer } from './wire.js'
import { exchange2, type Fields, type Http2Request } from './wire2.js'

/** RFC 9113 §8.2.2: what a connection, and not a request, has in HTTP/1. `Host` is `:authority` (§8.3.1). */
const ofConnections = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'host'])

/** The requests that a row's bytes hold; `undefined` where they are none that HTTP/2 could say. */
export function toHttp2(bytes: string): Http2Request[] | undefined {
  const requests: Http2Request[] = []
  for (let rest = bytes; rest !== ''; ) {
    const [request, left] = firstOf(rest)
    if (!request) return undefined
    requests.push(request)
    rest = left
  }
  return requests
}

/** Sends what a row's bytes hold. */
export async function overHttp2(port: number, bytes: string): Promise<Answer[]> {
  const requests = toHttp2(bytes)
  if (!requests) throw new Error('no request that HTTP/2 could say: it needs a reason in `differences`')
  return exchange2(port, requests)
}

function firstOf(bytes: string): [request: Http2Request | undefined, rest: string] {
  const end = bytes.indexOf('\r\n\r\n')
  const [line = '', ...lines] = bytes.slice(0, end).split('\r\n')
  const rest = bytes.slice(end + 4)
  const [, method = '', target = ''] = /^([^ ]+) (.+) HTTP\/1\.[01]$/s.exec(line) ?? []
  if (end === -1 || method === '') return [undefined, '']
  const fields = lines.map(fieldOf)
  const value = (name: string) => fields.find(([each]) => each === name)?.[1]
  const kept = fields.filter(([name]) => !ofConnections.has(name))
  const head: Fields = [...pseudo(method, target, value('host') ?? '127.0.0.1'), ...kept]
  if (value('transfer-encoding') === 'chunked' && rest.startsWith('0\r\n')) {
    const trailers = rest.slice(3).trimEnd().split('\r\n').map(fieldOf)
    return [{ fields: head, body: '', trailers }, '']
  }
  const length = Number(value('content-length') ?? 0) || 0
  return [{ fields: head, body: rest.slice(0, length) }, rest.slice(length)]
}

/** RFC 9113 §8.2: names in lower case; §8.2.1: no white space around a value. */
function fieldOf(line: string): [name: string, value: string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')]
}

/** RFC 9113 §8.3.1: an absolute target is its parts. */
function pseudo(method: string, target: string, host: string): Fields {
  const [, authority = host, path = target] = /^http:\/\/([^/]+)(.*)$/.exec(target) ?? []
  return [
    [':method', method],
    [':scheme', 'http'],
    [':authority', authority],
    [':path', path]
  ]
}

/** What HTTP/2 makes of a row: another answer, or none as there is nothing to send; and why. */
export interface Difference {
  /** `reset`: the stream is. Left out where the row is. */
  readonly is?: string
  readonly why: string
}

const missing = '401 - credentials_missing'
const isDropped = 'RFC 9113 §8.2.1: Node drops a field that no field may be, before anybody sees it, so it is not there'
const noLine = 'RFC 9113 §8.3: there is no request line to get wrong'
const noLength = 'RFC 9113 §8.1.1: a length that differs from that of the DATA frames, or is none'
const tooManyFields = 'RFC 9113 §10.5.1: Node resets a stream with more than 128 fields, and drops none of them'
const roomier = 'Node takes 64 KB of headers over HTTP/2, and 16 KB over HTTP/1: '

/** By rule, or by name of the row. What is not here answers as over HTTP/1. */
export const differences: Readonly<Record<string, Difference>> = {
  'RFC 9110 §5.5 no control bytes in a field value': { is: missing, why: isDropped },
  'RFC 9110 §5.5 no control bytes in a field value: a line folded (RFC 9112 §5.2)': {
    why: 'RFC 9113 §8.2.1: there are no lines to fold; a value with CR LF in it is a row of its own'
  },
  'RFC 9112 §5.1 no white space before the colon': { is: missing, why: isDropped },
  'RFC 9112 §3 a request line: HTTP/3.7': { why: noLine },
  'RFC 9112 §3 a request line: the preface of HTTP/2': { why: noLine },
  'RFC 9112 §3 a request line: a TLS hello': { why: noLine },
  'RFC 9112 §3 a request line: a method that is none': { is: 'reset', why: 'RFC 9113 §8.3.1' },
  'RFC 9112 §3 a request line: an unknown method': {
    is: '404 x not_found',
    why: 'RFC 9110 §9.1: any token is a method; over HTTP/1 Node has a list, and here there is no such route'
  },
  'RFC 9112 §3 a request line: white space in the target': { is: 'reset', why: 'RFC 9113 §8.3.1' },
  'RFC 9112 §6.3 one length of a body': { is: 'reset', why: noLength },
  'RFC 9110 §5.4 a limit to the size of headers: a token of 17 KB': { is: '200', why: `${roomier}it is a good one` },
  'RFC 9110 §5.4 a limit to the size of headers: a token of 100 KB': { is: 'reset', why: 'RFC 9113 §10.5.1' },
  'RFC 9110 §5.4 a limit to the size of headers: another header of 17 KB': { is: '200', why: `${roomier}it fits` },
  'RFC 9110 §5.4 a limit to the size of headers: Bearer and 17 KB of spaces': {
    is: '400 invalid_request authorization_malformed',
    why: `${roomier}it is judged`
  },
  'RFC 9110 §5.4 a limit to the size of headers: a path of 17 KB': { is: '404 x not_found', why: `${roomier}it fits` },
  'RFC 9110 §5.3 Authorization is no list, nor beyond the headers that Node keeps': { is: 'reset', why: tooManyFields },
  'control: RFC 9110 §5.3 Authorization is no list: a good one before 990 others': { is: 'reset', why: tooManyFields },
  'control: RFC 9110 §5.3 Authorization is no list: a route without authentication with 2,001 others': {
    is: 'reset',
    why: tooManyFields
  },
  'every route is closed that does not say otherwise: HTTP/0.9': { why: noLine }
}

/** A request that only HTTP/2 can say. */
export interface Http2Row {
  readonly rule: string
  readonly change: string
  readonly is: string
  readonly request: (token: string) => Http2Request
}

/** A GET with these fields after the pseudo-header fields, or in place of those of the same name. */
const fields = (...more: Fields): Http2Request => {
  const names = new Set(more.map(([name]) => name))
  const head = pseudo('GET', '/me', '127.0.0.1').filter(([name]) => !names.has(name))
  return { fields: [...head, ...more], body: '' }
}
const rowsOf = (rule: string, is: string, changes: Record<string, Http2Row['request']>): Http2Row[] =>
  Object.entries(changes).map(([change, request]) => ({ rule, change, is, request }))
const fillers = (count: number): Fields => Array.from({ length: count }, (_, at) => [`x-${at}`, 'x'] as const)

export const http2Rows: readonly Http2Row[] = [
  ...rowsOf('RFC 9113 §8.2.1 what no field may be is not there', missing, {
    'CR LF in the value': (token) => fields(['authorization', `Bearer\r\n ${token}`]),
    'a field in the value of another': (token) => fields(['x-filler', `x\r\nauthorization: Bearer ${token}`]),
    'a space before the value': (token) => fields(['authorization', ` Bearer ${token}`]),
    'a space after the value': (token) => fields(['authorization', `Bearer ${token} `]),
    'an empty name': (token) => fields(['', `Bearer ${token}`]),
    'a colon in the name': (token) => fields(['authorization:', `Bearer ${token}`])
  }),
  ...rowsOf('RFC 9113 §8.2 names in lower case', 'reset', {
    Authorization: (token) => fields(['Authorization', `Bearer ${token}`])
  }),
  ...rowsOf('RFC 9113 §8.2.2 no fields of a connection', 'reset', {
    connection: (token) => fields(['authorization', `Bearer ${token}`], ['connection', 'close']),
    'transfer-encoding': (token) => fields(['authorization', `Bearer ${token}`], ['transfer-encoding', 'chunked']),
    upgrade: (token) => fields(['authorization', `Bearer ${token}`], ['upgrade', 'h2c'])
  }),
  ...rowsOf('RFC 9113 §8.3 pseudo-header fields', 'reset', {
    'an unknown one': (token) => fields([':authorization', `Bearer ${token}`]),
    'one after the fields': (token) => ({ ...fields(['authorization', `Bearer ${token}`], [':path', '/open']) }),
    'two paths': (token) => fields([':path', '/open'], [':path', '/me'], ['authorization', `Bearer ${token}`]),
    'no path': (token) => ({
      fields: fields(['authorization', `Bearer ${token}`]).fields.filter(([name]) => name !== ':path'),
      body: ''
    }),
    'an absolute path': (token) => fields([':path', 'http://127.0.0.1/me'], ['authorization', `Bearer ${token}`])
  }),
  ...rowsOf('RFC 9110 §5.3 Authorization is no list', '400 invalid_request authorization_repeated', {
    'a second one far behind': (token) =>
      fields(['authorization', `Bearer ${token}`], ...fillers(100), ['authorization', `Bearer ${token}`])
  }),
  ...rowsOf('RFC 9113 §10.5.1 a limit to the number of fields', 'reset', {
    'a second Authorization behind them': (token) =>
      fields(['authorization', `Bearer ${token}`], ...fillers(200), ['authorization', `Bearer ${token}`])
  }),
  ...rowsOf('control: RFC 9113', '200', {
    'a good token': (token) => fields(['authorization', `Bearer ${token}`]),
    'a hundred other fields': (token) => fields(...fillers(100), ['authorization', `Bearer ${token}`]),
    'a second Authorization that is dropped': (token) =>
      fields(['authorization', `Bearer ${token}`], ['authorization', 'Bearer \0']),
    'another Authorization in the trailers': (token) => ({
      ...fields(['authorization', `Bearer ${token}`]),
      trailers: [['authorization', 'Bearer abc.abc.abc']]
    })
  })
]
