/** An error of a usual HTTP client holds its request, and with that the caller's token: what reaches the log of it. */
import { randomBytes, randomUUID } from 'node:crypto'
import { Writable } from 'node:stream'
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { requireGroup, requirePolicy } from '../../../src/plugin/index.js'
import { type LoggedError, loggedError, toLoggableError } from '../../../src/plugin/lib/logged-error.js'
import { withoutCommand } from '../../../src/plugin/lib/redis-error.js'
import { setProblemHandlers } from '../../../src/server/problems.js'
import { loggerOptions } from '../../../src/server/process/logging.js'
import { startApi } from '../../support/api.js'
import { checkSecrecy } from '../../support/http.js'
import { callerId, startTestTenant, tenantId } from '../../support/tenant.js'

const tenant = await startTestTenant(t)

/** As axios, got and undici make them, with a token wherever one may be. */
function clientError(token: string): Error {
  const headers = { authorization: `Bearer ${token}` }
  const request = { headers, path: `/?access_token=${token}` }
  const cause = Object.assign(new TypeError(`GET /?t=${token.replaceAll('.', '%2E')} failed`), {
    code: 'ECONNRESET',
    request
  })
  const error = new Error(`Request with Bearer ${token} failed`, { cause })
  return Object.assign(error, {
    code: 'ERR_BAD_RESPONSE',
    config: { headers },
    request,
    response: { config: { headers } }
  })
}

/** A token that is never sent to an API, and has nothing in common with those that are. */
const parts = ['{"alg":"RS256"}', JSON.stringify({ never: randomUUID() }), randomBytes(256)]
const token = parts.map((part) => Buffer.from(part).toString('base64url')).join('.')

t.test('name, message, code and stack, and the same of causes', async (t) => {
  const logged = loggedError(clientError(token))
  t.same(Object.keys(logged).sort(), ['cause', 'code', 'message', 'name', 'stack'])
  t.match(logged, { name: 'Error', message: 'Request with Bearer [masked] failed', code: 'ERR_BAD_RESPONSE' })
  t.match(logged.stack, /^Error: Request with Bearer \[masked\] failed\n {4}at clientError /)
  t.match(logged.cause, { name: 'TypeError', message: 'GET /?t=[masked] failed', code: 'ECONNRESET' })
  t.same(Object.keys(Object(logged.cause)).sort(), ['code', 'message', 'name', 'stack'])
  const all = new AggregateError([clientError(token), `refused ${token}`], 'all failed')
  t.match(loggedError(all), {
    name: 'AggregateError',
    errors: [{ message: 'Request with Bearer [masked] failed' }, { message: 'refused [masked]' }]
  })
})

t.test('members of unexpected types are left out', async (t) => {
  const odd = Object.assign(new Error('m'), {
    name: { token },
    code: { token },
    stack: [token],
    cause: null,
    errors: { token }
  })
  t.same(loggedError(odd), { message: 'm' })
  t.same(loggedError({ message: 'm', name: token, code: `E ${token}`, token }), {
    name: '[masked]',
    message: 'm',
    code: 'E [masked]'
  })
  t.match(loggedError(new DOMException('m', 'TimeoutError')), { name: 'TimeoutError', message: 'm', code: 23 })
  t.ok(loggedError(new Error('m '.repeat(10_000))).message.length < 1100)
})

t.test('it never throws, whatever it is given', async (t) => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const trap = () => {
    throw new Error('a getter')
  }
  const getters = Object.defineProperties(
    {},
    { name: { get: trap }, message: { get: trap }, code: { get: trap }, stack: { get: trap }, cause: { get: trap } }
  )
  const rows: [thrown: unknown, message: string][] = [
    [`text ${token}`, 'text [masked]'],
    [undefined, 'undefined'],
    [null, 'null'],
    [7n, '7'],
    [Symbol('s'), 'Symbol(s)'],
    [{ toString: trap, token }, 'not an Error was thrown, but a value of type object'],
    [Object.create(null), 'not an Error was thrown, but a value of type object'],
    [() => token, 'not an Error was thrown, but a value of type function'],
    [proxy, 'not an Error was thrown, but a value of type object'],
    [getters, 'not an Error was thrown, but a value of type object']
  ]
  for (const [thrown, message] of rows) t.equal(loggedError(thrown).message, message)
  const lists = Object.assign(new Error('m'), { errors: new Proxy([1], { get: trap }), cause: proxy })
  t.match(loggedError(lists), { message: 'm', cause: { message: /of type object/ } })
  t.notOk('errors' in loggedError(lists))
  t.notOk('errors' in loggedError(Object.assign(new Error('m'), { errors: proxy })))
})

t.test('an error of a Redis client, without the command', async (t) => {
  t.equal(
    withoutCommand(new TypeError('ERR unknown command SET, with args beginning with: a, b')),
    'TypeError: ERR unknown command SET'
  )
  t.equal(withoutCommand(`refused ${token}`), 'refused [masked]')
})

t.test('causes that form a circle, or an endless chain', async (t) => {
  const circle = new Error('one', { cause: new Error('two') })
  Object.assign(Object(circle.cause), { cause: circle, errors: [circle] })
  t.match(loggedError(circle), { message: 'one', cause: { message: 'two' } })
  t.notOk('cause' in Object(loggedError(circle).cause))
  const count = ({ cause, errors = [] }: LoggedError): number =>
    1 + (cause ? count(cause) : 0) + errors.reduce((sum, each) => sum + count(each), 0)
  let chain = new Error('the first')
  for (let length = 0; length < 1000; length += 1) chain = new AggregateError([chain, chain], 'again', { cause: chain })
  t.equal(count(loggedError(chain)), 10)
  const wide = () =>
    new AggregateError(
      Array.from({ length: 1000 }, () => new Error('each')),
      'wide'
    )
  t.equal(count(loggedError(new AggregateError([wide(), wide()]))), 10)
})

t.test('toLoggableError() returns an Error', async (t) => {
  const error = toLoggableError(clientError(token))
  t.ok(error instanceof Error)
  t.match(error, { name: 'Error', message: 'Request with Bearer [masked] failed', cause: { name: 'TypeError' } })
  t.same(Object.keys(error).sort(), ['cause', 'code', 'name'])
  t.match(toLoggableError('text'), { name: 'Error', message: 'text', stack: /^Error: text\n/ })
})

/** A logger of its kind that writes into memory. */
type MakeLogger = (stream: Writable) => FastifyBaseLogger

const loggers: Record<string, MakeLogger> = {
  'Fastify’s default': (stream) => Fastify({ logger: { stream } }).log,
  'the server’s': (stream) => Fastify({ logger: { ...loggerOptions('info'), stream } }).log,
  'pino’s own': (stream) => pino(stream),
  'one without serializers': (stream) => pino({ serializers: { err: (error: unknown) => error } }, stream)
}

for (const [name, make] of Object.entries(loggers)) {
  t.test(`what a logger writes: ${name}`, async (t) => {
    const lines: string[] = []
    const stream = new Writable({ write: (line, _encoding, done) => done(void lines.push(String(line))) })
    const log = make(stream)
    const thrown = [clientError(token), new AggregateError([clientError(token)], 'all'), `text ${token}`, {}, undefined]
    for (const error of thrown) log.error({ err: loggedError(error) }, 'it failed')
    const written = lines.map((line) => JSON.parse(line) as { msg: string; err: Record<string, unknown> })
    t.ok(written.every(({ msg }) => msg === 'it failed'))
    t.match(
      written.map(({ err }) => err),
      [
        {
          name: 'Error',
          message: /^Request with Bearer \[masked\] failed/,
          code: 'ERR_BAD_RESPONSE',
          stack: /at clientError /
        },
        { name: 'AggregateError', message: 'all', errors: [{ code: 'ERR_BAD_RESPONSE' }] },
        { message: 'text [masked]' },
        { message: 'not an Error was thrown, but a value of type object' },
        { message: 'undefined' }
      ]
    )
    t.notMatch(written[0]?.err, { type: 'Object' }, 'it is called by its name')
    t.match(lines[0], /ECONNRESET|TypeError: GET/, 'its cause is there')
    checkSecrecy(t, token, { status: 500, headers: new Headers(), body: '' }, lines.join(''))
  })
}

/** What asks others about a caller, and fails with an error that holds the caller's token. */
const failing: Record<string, { options: (fail: () => never) => object; status: number; logged: string }> = {
  'a policy': { options: () => ({}), status: 503, logged: 'a policy failed' },
  isRevoked: { options: (fail) => ({ isRevoked: fail }), status: 503, logged: 'isRevoked failed' },
  'isRevoked, later': {
    options: (fail) => ({ isRevoked: async () => fail() }),
    status: 503,
    logged: 'isRevoked failed'
  },
  allowedTenants: {
    options: (fail) => ({ tenantId: 'organizations', allowedTenants: fail }),
    status: 503,
    logged: 'allowedTenants failed'
  },
  groups: { options: (fail) => ({ groups: fail }), status: 503, logged: 'the groups of a user could not be looked up' },
  clientAssertion: {
    options: (fail) => ({ downstream: { clientAssertion: fail } }),
    status: 503,
    logged: 'a token for another API could not be fetched'
  },
  'token endpoint': {
    options: () => ({ downstream: { clientSecret: 's' } }),
    status: 502,
    logged: 'no token for another API: downstream_refused'
  },
  sharedCache: {
    options: (fail) => ({ downstream: { clientSecret: 's', sharedCache: { get: fail, set: fail } } }),
    status: 200,
    logged: 'the shared token cache failed'
  }
}

async function appThatFails(t: Test, name: string, thrown: () => unknown) {
  const own = await startTestTenant(t)
  for (const path of [own.paths.discovery, `/organizations/v2.0/.well-known/openid-configuration`])
    own.answers.set(path, (_request, response) =>
      response.end(
        JSON.stringify({
          issuer: `${own.origin}/${path.startsWith('/organizations') ? '{tenantid}' : tenantId}/v2.0`,
          jwks_uri: own.origin + own.paths.keys
        })
      )
    )
  own.answers.set(`/${tenantId}/oauth2/v2.0/token`, (_request, response) => {
    const { message } = thrown() as Error
    const granted = { token_type: 'Bearer', access_token: 't', expires_in: 3600 }
    const refused = { error: message, suberror: message, error_codes: [message], trace_id: { message } }
    const isRefused = name === 'token endpoint'
    response.statusCode = isRefused ? 400 : 200
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(isRefused ? refused : granted))
  })
  const fail = () => {
    throw thrown()
  }
  const options = { audit: 'all', keysTimeoutSeconds: 60, ...failing[name]?.options?.(fail) }
  const routes = (app: FastifyInstance) => {
    app.get('/a policy', { preHandler: requirePolicy('p', fail) }, async () => 'ok')
    app.get('/groups', { preHandler: requireGroup(callerId) }, async () => 'ok')
    app.get('/downstream', async (request) => (await request.onBehalfOf('api://b/.default')) && 'ok')
    app.get('/any', async () => 'ok')
  }
  return startApi(t, { tenant: own, options, routes })
}

for (const [name, { status, logged: message }] of Object.entries(failing)) {
  t.test(`no log line has the token of the caller when this fails: ${name}`, async (t) => {
    let sent = ''
    const { tenant, app, get, logged } = await appThatFails(t, name, () => clientError(sent))
    sent = await tenant.userToken({ hasgroups: true })
    const path = /Assertion|Cache|endpoint/.test(name)
      ? '/downstream'
      : /policy|groups/.test(name)
        ? `/${encodeURIComponent(name)}`
        : '/any'
    const answer = await get(path, sent)
    t.equal(answer.status, status, answer.body)
    t.match(logged(), message)
    t.match(logged(), /\[masked\]/, 'what failed is logged')
    checkSecrecy(t, sent, answer, logged())
    if (path !== '/any') return
    const error = await app.verifyToken(sent).catch((refused: unknown) => refused)
    checkSecrecy(t, sent, answer, `${logged()}${JSON.stringify(error)}${String(error)}`)
  })
}

t.test('an error while a request is authenticated reaches Fastify without the request in it', async (t) => {
  let sent = ''
  const before = (app: FastifyInstance) =>
    app.addHook('onRequest', async ({ log }) => {
      log.warn = () => {
        throw clientError(sent)
      }
      log.error = (...args: unknown[]) => {
        if (args[1] === 'isRevoked failed') throw clientError(sent)
        log.info(...(args as [object, string]))
      }
    })
  const isRevoked = () => Promise.reject(new Error('down'))
  const { get, logged } = await startApi(t, { tenant, before, options: { isRevoked } })
  sent = await tenant.userToken()
  const answer = await get('/me', sent)
  t.equal(answer.status, 500)
  t.match(logged(), 'Request with Bearer [masked] failed')
  checkSecrecy(t, sent, answer, logged())
})

t.test('the log of the server, for errors logged in every way', async (t) => {
  const lines: string[] = []
  const stream = new Writable({ write: (line, _encoding, done) => done(void lines.push(String(line))) })
  const app = Fastify({ logger: { ...loggerOptions('trace'), stream } })
  t.teardown(() => app.close())
  setProblemHandlers(app)
  app.get('/thrown', () => {
    throw clientError(token)
  })
  app.get('/logged', async ({ log }) => {
    log.error(clientError(token))
    log.error({ err: clientError(token) })
    log.error({ err: clientError(token) }, `failed: ${token}`)
    log.child({ part: 1 }).error(clientError(token), 'failed')
    return 'ok'
  })
  t.equal((await app.inject('/thrown')).statusCode, 500)
  t.equal((await app.inject('/logged')).statusCode, 200)
  t.equal(lines.filter((line) => line.includes('"code":"ECONNRESET"')).length, 5)
  checkSecrecy(t, token, { status: 500, headers: new Headers(), body: '' }, lines.join(''))
})
