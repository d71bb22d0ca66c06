/** An API over real HTTP, as its callers see it, and what it writes to its log. */
import { randomUUID } from 'node:crypto'
import { type AddressInfo, connect } from 'node:net'
import { Writable } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Test } from 'tap'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

export interface Running {
  readonly app: FastifyInstance
  readonly origin: string
  readonly port: number
  /** All that was logged so far. */
  logged(): string
}

/** An app that logs everything into memory, and names each request with a UUID, as the server does. Ends with the test. */
export function makeApp(t: Test) {
  const lines: string[] = []
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(String(line))
      done()
    }
  })
  // Fastify would log each request with its query, and tests put tokens into queries.
  const serializers = { req: ({ method }: FastifyRequest) => ({ method }) }
  const app = Fastify({
    genReqId: () => randomUUID(),
    logger: { level: 'trace', stream, serializers },
    forceCloseConnections: true,
    pluginTimeout: 120_000 // the registration loads packages: no measure of a busy machine
  })
  t.teardown(() => app.close())
  return { app, logged: () => lines.join('') }
}

export async function listen({ app, logged }: Pick<Running, 'app' | 'logged'>): Promise<Running> {
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return { app, port, origin: `http://127.0.0.1:${port}`, logged }
}

/** A request by Node's own `fetch`. */
export async function get(url: string, token?: string, init: RequestInit = {}): Promise<Answer> {
  const headers = { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...init.headers }
  const response = await fetch(url, { ...init, headers })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

/** A request byte for byte: `fetch` would join, trim and refuse what must be tested. */
export async function raw(port: number, path: string, headers: readonly string[], method = 'GET'): Promise<Answer> {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: 127.0.0.1', 'Connection: close', ...headers, '', '']
  const text = await new Promise<string>((resolve, reject) => {
    let received = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(lines.join('\r\n'), 'latin1'))
    socket.setEncoding('utf8')
    socket
      .on('data', (chunk) => {
        received += chunk
      })
      .on('end', () => resolve(received))
      .on('error', reject)
  })
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [statusLine = '', ...fields] = head.split('\r\n')
  const answered = new Headers()
  for (const field of fields) answered.append(field.slice(0, field.indexOf(':')), field.slice(field.indexOf(':') + 1))
  return { status: Number(statusLine.split(' ')[1]), headers: answered, body: rest.join('\r\n\r\n') }
}

/** A challenge by RFC 9110 §11.6.1, one scheme with quoted-strings; throws on anything else. */
export function parseChallenge(value: string | null): { scheme: string; parameters: Record<string, string> } {
  const [, scheme = '', list = ''] = /^([A-Za-z]+)(?: (.+))?$/.exec(value ?? '') ?? []
  if (!scheme) throw new Error(`no challenge: ${value}`)
  const parameter = /([A-Za-z_]+)="((?:[^"\\]|\\.)*)"(?:, |$)/y
  const parameters: Record<string, string> = {}
  while (list && parameter.lastIndex < list.length) {
    const [, name = '', text = ''] = parameter.exec(list) ?? []
    if (!name || Object.hasOwn(parameters, name)) throw new Error(`no challenge: ${value}`)
    parameters[name] = text.replace(/\\(.)/g, '$1')
  }
  return { scheme, parameters }
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** What a refusal must be, whatever it is about: the contract, RFC 9457, RFC 6750 §3. */
export interface Refused {
  readonly status: number
  readonly code?: string
  /** `error` of the challenge; `null`: a challenge without one; left out: no challenge at all. */
  readonly error?: string | null
  readonly scope?: string
  readonly detail?: RegExp
}

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  429: 'Too Many Requests',
  502: 'Bad Gateway',
  503: 'Service Unavailable'
}

export function checkRefusal(t: Test, answer: Answer, { status, code, error, scope, detail }: Refused): void {
  t.equal(answer.status, status, 'status')
  t.equal(answer.headers.get('cache-control'), 'no-store')
  t.match(answer.headers.get('content-type'), /^application\/problem\+json(;|$)/)
  const problem = JSON.parse(answer.body) as Record<string, unknown>
  t.same(Object.keys(problem).sort(), ['code', 'detail', 'requestId', 'status', 'title', 'type'])
  t.match(problem, { type: 'about:blank', title: titles[status], status, requestId: uuid })
  t.match(problem.code, code ?? /^[a-z_]+$/)
  t.match(problem.detail, detail ?? /^[A-Z].+\.$/)
  if (error === undefined) return void t.equal(answer.headers.get('www-authenticate'), null, 'no challenge')
  const challenge = parseChallenge(answer.headers.get('www-authenticate'))
  t.equal(challenge.scheme, 'Bearer')
  t.ok(challenge.parameters.realm, 'realm')
  t.equal(challenge.parameters.error ?? null, error)
  t.equal(challenge.parameters.scope, scope)
}

/** No eight characters in a row of a token may be seen anywhere (the contract). */
export function checkSecrecy(t: Test, token: string, answer: Answer, logged: string): void {
  const seen = `${[...answer.headers].join('\n')}\n${answer.body}\n${logged}`
  const leaks = Array.from({ length: Math.max(0, token.length - 7) }, (_, at) => token.slice(at, at + 8))
  t.same(
    leaks.filter((piece) => seen.includes(piece)),
    [],
    'nothing of the token is shown'
  )
}
