/** What a tenant can answer instead of a document. Each row names the rule that it is judged by. */
import { generateKeyPairSync } from 'node:crypto'
import type { RequestListener, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import type { JWK } from 'jose'
import type { Lane } from './lane.js'
import { whileOpen } from './waits.js'

/** An answer that must never count as one. */
export interface Fault {
  readonly name: string
  /** Why it is no answer. */
  readonly rule: string
  /** What the tenant does; without it nothing listens at all. */
  readonly answer?: (lane: Lane) => RequestListener
  /** True where only the deadline ends it. */
  readonly hangs?: true
  /** True where the answer says that this is somebody else's tenant. */
  readonly mismatch?: true
}

const ok = { 'content-type': 'application/json' }

export const send =
  (status: number, headers: Record<string, string> = {}, body: string | Buffer = ''): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, headers).end(body)

export const json = (document: unknown): RequestListener => send(200, ok, JSON.stringify(document))

/** A body that goes on for as long as somebody reads; ends with the connection. */
function stream(response: ServerResponse, chunks: Iterable<Buffer>): void {
  const source = Readable.from(chunks)
  response.on('error', () => {}).on('close', () => source.destroy())
  source.pipe(response)
}

const block = Buffer.alloc(64 * 1024, ' ')
function* blocks(count: number): Generator<Buffer> {
  for (let i = 0; i < count; i += 1) yield block
}
const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024, ' '))

/** Writes one byte at a time, for ever. */
function drip(response: ServerResponse, milliseconds: number): void {
  response.writeHead(200, ok).write('{')
  whileOpen(response, milliseconds, () => response.write(' '))
}

const oneDeadline = 'one deadline over connect to the last byte'
const only200 = 'a 200 or nothing'
const noRedirect = 'no redirects, no second host'
const byteCap = 'a byte cap of 1 MB, on what was sent and on what it unpacks to'
const wellFormed = 'RFC 8259: one JSON object'

/** A good document of whichever kind was asked for: what a fault would get through with, were it not refused. */
const goodBody = (lane: Lane) => JSON.stringify({ ...lane.discoveryDocument(), keys: lane.published() })

/** Faults of the way, the same for discovery and for keys. */
export const transportFaults: readonly Fault[] = [
  { name: 'connection refused', rule: 'an outage is no answer' },
  {
    name: 'reset before the headers',
    rule: 'an outage is no answer',
    answer: () => (request) => void request.socket.resetAndDestroy()
  },
  {
    name: 'reset in the middle of the body',
    rule: 'an outage is no answer',
    answer: (lane) => (request, response) => {
      response.writeHead(200, { ...ok, 'content-length': '9999' })
      response.write(goodBody(lane), () => request.socket.resetAndDestroy())
    }
  },
  {
    name: 'closed in the middle of the body',
    rule: 'RFC 9112 §8: an incomplete message',
    answer: (lane) => (request, response) => {
      response.writeHead(200, { ...ok, 'content-length': '9999' })
      response.write(goodBody(lane), () => request.socket.end())
    }
  },
  { name: 'hang before the headers', rule: oneDeadline, hangs: true, answer: () => () => {} },
  {
    name: 'hang in the middle of the body',
    rule: oneDeadline,
    hangs: true,
    answer: (lane) => (_request, response) =>
      void response.writeHead(200, { ...ok, 'content-length': '9999' }).write(goodBody(lane))
  },
  {
    name: 'one byte a second',
    rule: oneDeadline,
    hangs: true,
    answer: () => (_request, response) => drip(response, 1000)
  },
  {
    name: 'one byte each 5 ms',
    rule: oneDeadline,
    hangs: true,
    answer: () => (_request, response) => drip(response, 5)
  },
  {
    name: 'early hints without an end',
    rule: oneDeadline,
    hangs: true,
    answer: () => (_request, response) =>
      whileOpen(response, 5, () => response.writeEarlyHints({ link: '</x>; rel=preload' }))
  },
  { name: '204', rule: only200, answer: () => send(204) },
  { name: '206 with a good document', rule: only200, answer: (lane) => send(206, ok, goodBody(lane)) },
  {
    name: '301 to itself',
    rule: noRedirect,
    answer: (lane) => (request, response) =>
      void response.writeHead(301, { ...ok, location: request.url ?? '/' }).end(goodBody(lane))
  },
  ...[301, 302, 303, 307, 308].map((status) => ({
    name: `${status} to another host`,
    rule: noRedirect,
    answer: (lane: Lane) => send(status, { ...ok, location: `${lane.other.origin}/keys` }, goodBody(lane))
  })),
  ...[400, 401, 403, 410, 500, 502, 504].map((status) => ({
    name: `${status} with a good document`,
    rule: only200,
    answer: (lane: Lane) => send(status, ok, goodBody(lane))
  })),
  { name: '404', rule: only200, answer: () => send(404) },
  { name: '429 with Retry-After', rule: only200, answer: () => send(429, { 'retry-after': '120' }, 'slow down') },
  {
    name: '429 with a Retry-After that is a date',
    rule: only200,
    answer: () => send(429, { 'retry-after': 'Fri, 31 Dec 9999 23:59:59 GMT' })
  },
  { name: '503 with Retry-After', rule: only200, answer: () => send(503, { 'retry-after': '999999' }) },
  {
    name: 'HTML with 200',
    rule: wellFormed,
    answer: () => send(200, { 'content-type': 'text/html' }, '<!DOCTYPE html><title>Maintenance</title>')
  },
  { name: 'nothing with 200', rule: wellFormed, answer: () => send(200, ok) },
  { name: 'truncated JSON', rule: wellFormed, answer: (lane) => send(200, ok, goodBody(lane).slice(0, -7)) },
  { name: 'JSON with something after it', rule: wellFormed, answer: (lane) => send(200, ok, `${goodBody(lane)}{}`) },
  { name: 'null', rule: wellFormed, answer: () => json(null) },
  { name: 'an array', rule: wellFormed, answer: (lane) => json([lane.discoveryDocument(), ...lane.published()]) },
  { name: 'a string', rule: wellFormed, answer: (lane) => json(goodBody(lane)) },
  { name: 'a number', rule: wellFormed, answer: () => json(200) },
  { name: 'nested 100,000 deep', rule: wellFormed, answer: () => send(200, ok, '['.repeat(100_000)) },
  {
    name: '50 MB',
    rule: byteCap,
    answer: () => (_request, response) => {
      response.writeHead(200, { ...ok, 'content-length': String(50 * 1024 * 1024) })
      stream(response, blocks(800))
    }
  },
  {
    name: 'a body without an end',
    rule: byteCap,
    answer: () => (_request, response) => stream(response.writeHead(200, ok), blocks(Number.POSITIVE_INFINITY))
  },
  {
    name: 'a compressed bomb',
    rule: byteCap,
    answer: () => send(200, { ...ok, 'content-encoding': 'gzip' }, bomb)
  },
  {
    name: 'headers without an end',
    rule: 'bounded in size',
    answer: () => (request) => {
      const { socket } = request
      socket.on('error', () => {}).write('HTTP/1.1 200 OK\r\n')
      const line = Buffer.from(`x-filler: ${'x'.repeat(8000)}\r\n`)
      whileOpen(socket, 1, () => socket.write(line))
    }
  }
]

const ownIssuer = 'OpenID Connect Discovery §4.3: exactly the issuer that was configured'
const ownHost = 'keys come from the host that was configured'

const discovery = (name: string, rule: string, change: (lane: Lane) => object, mismatch = false): Fault => ({
  name,
  rule,
  answer: (lane) => (request, response) => json({ ...lane.discoveryDocument(), ...change(lane) })(request, response),
  ...(mismatch && { mismatch: true as const })
})
const wrongIssuer = (name: string, issuer: (lane: Lane) => unknown) =>
  discovery(`issuer: ${name}`, ownIssuer, (lane) => ({ issuer: issuer(lane) }), true)
const wrongJwksUri = (name: string, uri: (lane: Lane) => unknown) =>
  discovery(`jwks_uri: ${name}`, ownHost, (lane) => ({ jwks_uri: uri(lane) }))

/** What a discovery document can say wrongly. */
export const discoveryFaults: readonly Fault[] = [
  wrongIssuer('another tenant', (lane) => lane.issuer.replace(/1{8}/, '99999999')),
  wrongIssuer('a slash at the end', (lane) => `${lane.issuer}/`),
  wrongIssuer('in capitals', (lane) => lane.issuer.toUpperCase()),
  wrongIssuer('the template of common', (lane) => lane.issuer.replace(/11111111-[0-9-]+/, '{tenantid}')),
  wrongIssuer('absent', () => undefined),
  wrongIssuer('null', () => null),
  wrongIssuer('an array of the right one', (lane) => [lane.issuer]),
  wrongJwksUri('on another host', (lane) => `${lane.other.origin}/keys`),
  wrongJwksUri('of another host, by user information', (lane) => `${lane.tenant.origin}@${lane.other.host}/keys`),
  wrongJwksUri('with credentials', (lane) => lane.tenant.origin.replace('://', '://user:password@')),
  wrongJwksUri('over another scheme', (lane) => lane.tenant.origin.replace('http:', 'https:')),
  wrongJwksUri('relative', (lane) => lane.keysPath),
  wrongJwksUri('relative to the scheme', (lane) => `//${lane.other.host}/keys`),
  wrongJwksUri('a file', () => 'file:///etc/passwd'),
  wrongJwksUri('data', (lane) => `data:application/json,${JSON.stringify({ keys: lane.published() })}`),
  wrongJwksUri('a blob', (lane) => `blob:${lane.tenant.origin}/keys`),
  wrongJwksUri('absent', () => undefined),
  wrongJwksUri('null', () => null),
  wrongJwksUri('an array of the right one', (lane) => [lane.tenant.origin + lane.keysPath])
]

const noKey = 'an answer without a usable key never replaces a good set'
const keySet = (name: string, keys: (lane: Lane) => unknown): Fault => ({
  name: `key set: ${name}`,
  rule: noKey,
  answer: (lane) => (request, response) => json({ keys: keys(lane) })(request, response)
})
const symmetric = {
  kty: 'oct',
  kid: 'key-1',
  use: 'sig',
  alg: 'HS256',
  k: 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA'
}
const garbage: readonly unknown[] = [
  ...[null, true, 1, 'key', [], {}, { kty: 'RSA' }, { kid: 'no-type' }, { kty: 'XYZ', kid: 'other-type' }],
  ...[
    { kty: 'RSA', kid: 'no-modulus' },
    { kty: 'RSA', kid: 'bad-modulus', n: 'AAAA', e: 'AQAB' }
  ],
  ...[{ kty: 'RSA', kid: 7, n: 1, e: {} }, { kty: 'EC', kid: 'curve', crv: 'P-256', x: '', y: '' }, symmetric]
]

/** Key sets with nothing to use in them. */
export const keySetFaults: readonly Fault[] = [
  keySet('empty', () => []),
  keySet('absent', () => undefined),
  keySet('null', () => null),
  keySet('an object', (lane) => Object.fromEntries(lane.published().map((jwk) => [jwk.kid, jwk]))),
  keySet('garbage alone', () => garbage),
  keySet('symmetric keys alone', () => [symmetric]),
  keySet('private keys alone', (lane) => lane.published().map((jwk) => ({ ...jwk, d: 'AQAB' }))),
  keySet('encryption keys alone', (lane) => lane.published().map((jwk) => ({ ...jwk, use: 'enc' }))),
  keySet('keys without a kid alone', (lane) => lane.published().map(({ kid: _, ...jwk }) => jwk)),
  keySet('clashes alone', (lane) => lane.published().map((jwk) => ({ ...jwk, kid: 'key-1' })))
]

/** An answer that counts, and what is held of it from then on. Before it the tenant published key-1 and key-2. */
export interface GoodAnswer {
  readonly name: string
  readonly rule: string
  readonly keys: (lane: Lane) => readonly unknown[]
  readonly holds: readonly string[]
  readonly refuses: readonly string[]
}

const goneIsGone = 'a key that a good answer no longer holds is refused at once'
const restStays = 'one bad entry never drops the rest'
const two = (lane: Lane): readonly [JWK, JWK] => [lane.jwk('key-1'), lane.jwk('key-2')]

const nullMembers = Object.fromEntries(
  ['use', 'key_ops', 'alg', 'x5u', 'x5c', 'x5t', 'd', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'].map((name) => [
    name,
    null
  ])
)
const ecKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' })

export const goodAnswers: readonly GoodAnswer[] = [
  { name: 'the same set', rule: 'a good answer is held', keys: two, holds: ['key-1', 'key-2'], refuses: ['key-3'] },
  {
    name: 'garbage among good keys',
    rule: restStays,
    keys: (lane) => [...garbage.slice(0, 7), lane.jwk('key-1'), ...garbage.slice(7, -1), lane.jwk('key-2')],
    holds: ['key-1', 'key-2'],
    refuses: ['key-3', 'bad-modulus', 'no-modulus', 'curve']
  },
  {
    name: 'a symmetric key beside them',
    rule: restStays,
    keys: (lane) => [...two(lane), { ...symmetric, kid: 'shared' }],
    holds: ['key-1', 'key-2'],
    refuses: ['shared']
  },
  {
    name: 'a symmetric key under the kid of a good one',
    rule: restStays,
    keys: (lane) => [symmetric, ...two(lane)],
    holds: ['key-1', 'key-2'],
    refuses: ['key-3']
  },
  {
    name: 'a private key among them',
    rule: 'RFC 7517 §9.2: a private key that was published proves nothing',
    keys: (lane) => [{ ...lane.jwk('key-1'), d: 'AQAB' }, lane.jwk('key-2')],
    holds: ['key-2'],
    refuses: ['key-1']
  },
  {
    name: 'the same key twice',
    rule: 'the same key twice is one',
    keys: (lane) => [...two(lane), ...two(lane)],
    holds: ['key-1', 'key-2'],
    refuses: ['key-3']
  },
  {
    name: 'one key, once for each of its algorithms',
    rule: 'one key that is listed once for each alg verifies each of them',
    keys: (lane) => ['PS256', 'RS256', 'RS512'].flatMap((alg) => two(lane).map((jwk) => ({ ...jwk, alg }))),
    holds: ['key-1', 'key-2'],
    refuses: ['key-3']
  },
  {
    name: 'an EC key under the kid of an RSA key',
    rule: 'RFC 7517 §4.5: keys of two kinds may share a kid',
    keys: (lane) => [{ ...ecKey, kid: 'key-1' }, ...two(lane), { ...ecKey, kid: 'key-2' }],
    holds: ['key-1', 'key-2'],
    refuses: ['key-3']
  },
  {
    name: 'null for each member that a key does not have',
    rule: 'a member that is null is none',
    keys: (lane) => two(lane).map((jwk) => ({ ...nullMembers, ...jwk })),
    holds: ['key-1', 'key-2'],
    refuses: ['key-3']
  },
  {
    name: 'an empty key_ops',
    rule: restStays,
    keys: (lane) => [{ ...lane.jwk('key-1'), key_ops: [] }, lane.jwk('key-2')],
    holds: ['key-2'],
    refuses: ['key-1']
  },
  {
    name: 'a key for Ed25519 (RFC 9864)',
    rule: restStays,
    keys: (lane) => [{ kty: 'OKP', crv: 'Ed25519', x: 'AAAA', alg: 'Ed25519', kid: 'key-3' }, ...two(lane)],
    holds: ['key-1', 'key-2'],
    refuses: ['key-3']
  },
  {
    name: 'two different keys under one kid',
    rule: 'two different keys under one kid: both dropped',
    keys: (lane) => [...two(lane), { ...lane.jwk('key-3'), kid: 'key-1' }],
    holds: ['key-2'],
    refuses: ['key-1', 'key-3']
  },
  { name: 'it shrinks', rule: goneIsGone, keys: (lane) => [lane.jwk('key-2')], holds: ['key-2'], refuses: ['key-1'] },
  {
    name: 'it rotates and keeps the old',
    rule: 'a new key is held',
    keys: (lane) => [...two(lane), lane.jwk('key-3')],
    holds: ['key-1', 'key-2', 'key-3'],
    refuses: ['key-4']
  },
  {
    name: 'it rotates at one blow',
    rule: goneIsGone,
    keys: (lane) => [lane.jwk('key-3')],
    holds: ['key-3'],
    refuses: ['key-1', 'key-2']
  }
]
