import { STATUS_CODES } from 'node:http'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { createAudit } from '../../../src/plugin/audit/audit.js'
import { refusalSender } from '../../../src/plugin/fastify/send-refusal.js'
import { challengeOf, problemMediaType, toProblem } from '../../../src/plugin/refusals/challenge.js'
import { type Refusal, type RefusalCode, refusal } from '../../../src/plugin/refusals/refusal.js'

const realm = 'api://66666666-7777-4888-8999-aaaaaaaaaaaa'
const context = { realm, resourceMetadata: undefined }

interface Test {
  teardown(handler: () => unknown): unknown
}

function appThatRefuses(t: Test, why: Refusal, log: string[] = []): FastifyInstance {
  const app = Fastify({ logger: { level: 'trace', stream: { write: (line: string) => log.push(line) } } })
  t.teardown(() => app.close())
  app.get('/', async (request, reply) =>
    refusalSender(context, createAudit({ level: 'refusals', personalData: false }))(request, reply, why)
  )
  return app
}

/** RFC 9110 §11.2: `auth-param`s of one challenge, as a client reads them; fails on anything that is not one. */
function parsed(challenge: string): Record<string, string> {
  const [, rest = ''] = /^Bearer (.*)$/s.exec(challenge) ?? []
  const parameters: Record<string, string> = {}
  // token "=" quoted-string (§5.6.4), without quoted-pairs, parted by commas
  const parameter = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)="([\t\x20\x21\x23-\x5b\x5d-\x7e]*)"(?:, |$)/y
  while (parameter.lastIndex < rest.length) {
    const at = parameter.lastIndex
    const [, name = '', value = ''] = parameter.exec(rest) ?? []
    if (name === '' || name in parameters) throw new Error(`no auth-param at ${at} of ${rest}`)
    parameters[name] = value
  }
  return parameters
}

const challenges: { rule: string; why: Refusal; is: Record<string, string> }[] = [
  { rule: 'RFC 6750 §3.1: no credentials, no error', why: refusal('credentials_missing'), is: { realm } },
  {
    rule: 'RFC 6750 §3.1: invalid_request',
    why: refusal('authorization_repeated', { detail: 'Twice.' }),
    is: { realm, error: 'invalid_request', error_description: 'Twice.' }
  },
  {
    rule: 'RFC 6750 §3.1: invalid_token',
    why: refusal('token_expired', { detail: 'Old.' }),
    is: { realm, error: 'invalid_token', error_description: 'Old.' }
  },
  {
    rule: 'RFC 6750 §3.1: insufficient_scope, with the scope that would help',
    why: refusal('insufficient_permissions', { detail: 'No.', scopes: ['Orders.Read'] }),
    is: { realm, error: 'insufficient_scope', error_description: 'No.', scope: 'Orders.Read' }
  },
  {
    rule: 'RFC 6749 §3.3: scopes parted by a space',
    why: refusal('insufficient_permissions', { detail: 'No.', scopes: ['a', 'b'] }),
    is: { realm, error: 'insufficient_scope', error_description: 'No.', scope: 'a b' }
  },
  {
    rule: 'the contract: no scope where none would help',
    why: refusal('insufficient_permissions', { detail: 'No.' }),
    is: { realm, error: 'insufficient_scope', error_description: 'No.' }
  }
]

t.test('the challenge', async (t) => {
  for (const { rule, why, is } of challenges) t.strictSame(parsed(challengeOf(why, context)), is, rule)
})

const hostile: [what: string, text: string][] = [
  ['a quote that would end the string', 'a", error="none'],
  ['a backslash that would escape the quote', 'a\\'],
  ['a backslash before a quote', 'a\\", b="c'],
  ['a line break that would end the header', 'a\r\nSet-Cookie: b=c'],
  ['a null byte', 'a\0b'],
  ['an escape sequence', 'a\u001b[31m'],
  ['delete', 'a\u007fb'],
  ['beyond ASCII', 'zażółć \u{1f600}'],
  ['beyond Latin-1, which Node refuses in a header', '\u202e\u4e2d'],
  ['a tab', 'a\tb']
]

t.test('RFC 9110 §5.6.4, RFC 6750 §3: whatever is quoted stays within its quotes', async (t) => {
  for (const [what, text] of hostile) {
    const why = refusal('wrong_audience', { detail: `${text}.`, scopes: [text] })
    const challenge = challengeOf(why, { realm: text, resourceMetadata: undefined })
    t.strictSame(Object.keys(parsed(challenge)), ['realm', 'error', 'error_description', 'scope'], what)
    t.match(challenge, /^[\x20-\x7e]+$/, `${what}: printable ASCII`)
    t.notMatch(challenge, '\\', `${what}: RFC 6750 §3 has no backslashes`)
    const { statusCode, headers } = await appThatRefuses(t, why).inject('/')
    t.equal(statusCode, 401, `${what}: the header can be sent`)
    t.equal([headers['www-authenticate']].flat().length, 1)
  }
})

t.test('words in quotes stay readable', async (t) => {
  const { error_description } = parsed(challengeOf(refusal('authorization_malformed'), context))
  t.match(error_description, "'Bearer', one space and one token")
})

const statuses: [code: RefusalCode, status: number][] = [
  ['credentials_missing', 401],
  ['authorization_malformed', 400],
  ['token_expired', 401],
  ['insufficient_permissions', 403],
  ['tenant_unavailable', 503],
  ['policy_unavailable', 503]
]

t.test('the answer', async (t) => {
  for (const [code, status] of statuses) {
    const why = refusal(code)
    const { statusCode, headers, json } = await appThatRefuses(t, why).inject('/')
    t.equal(statusCode, status, `the contract: status of ${code}`)
    t.equal(headers['cache-control'], 'no-store', 'the contract: every refusal carries no-store')
    t.equal('www-authenticate' in headers, status !== 503, `the contract: a challenge with ${status}?`)
    t.match(headers['content-type'], /^application\/problem\+json(;|$)/, 'RFC 9457 §3')
    const { requestId, ...problem } = json()
    const title = STATUS_CODES[status]
    t.strictSame(problem, { type: 'about:blank', title, status, detail: why.detail, code }, 'RFC 9457 §3.1, §4.2.1')
    t.type(requestId, 'string')
  }
})

t.test('the contract: Retry-After, in whole seconds (RFC 9110 §10.2.3)', async (t) => {
  for (const code of ['tenant_unavailable', 'policy_unavailable'] as const) {
    const { headers } = await appThatRefuses(t, refusal(code, { retryAfterSeconds: 7 })).inject('/')
    t.equal(headers['retry-after'], '7', code)
  }
  const { headers } = await appThatRefuses(t, refusal('token_expired')).inject('/')
  t.notOk('retry-after' in headers, 'a new token is no matter of waiting')
})

t.test('requestId is the one that the log has', async (t) => {
  const log: string[] = []
  const { json } = await appThatRefuses(t, refusal('token_expired'), log).inject('/')
  const lines = log.map((line) => JSON.parse(line) as Record<string, unknown>)
  const refused = lines.find(({ audit }) => (audit as { code?: string } | undefined)?.code === 'token_expired')
  t.equal(refused?.reqId, json().requestId)
  t.match(refused?.audit, { status: 401 })
})

t.test('no part of a token reaches the log or the answer', async (t) => {
  const log: string[] = []
  const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl'
  const headers = { authorization: `Bearer ${token}` }
  const answer = await appThatRefuses(t, refusal('invalid_signature'), log).inject({ url: '/', headers })
  const written = `${log.join('')}${answer.payload}${JSON.stringify(answer.headers)}`
  t.ok(log.length > 0)
  for (let i = 0; i + 8 <= token.length; i += 1) {
    if (written.includes(token.slice(i, i + 8))) t.fail(`eight characters in a row of the token, from ${i}`)
  }
})

t.test('RFC 9457: a problem that is no refusal', async (t) => {
  t.strictSame(toProblem('id', { status: 404, code: 'not_found', detail: 'No such route.' }), {
    type: 'about:blank',
    title: 'Not Found',
    status: 404,
    detail: 'No such route.',
    code: 'not_found',
    requestId: 'id'
  })
  const { title } = toProblem('id', { status: 499, code: 'x', detail: 'A status without a name.' })
  t.ok(title.length > 0, 'title is for people, and never missing')
  t.equal(problemMediaType, 'application/problem+json', 'RFC 9457 §6.1')
})
