/** Tokens for other APIs, for the caller and for the API itself: MSAL over real HTTP, against a token endpoint under control. */
import Fastify from 'fastify'
import t from 'tap'
import entra, {
  DownstreamError,
  EntraConfigurationError,
  type EntraOptions,
  type RefusedToken
} from '../../../src/plugin/index.js'
import { until } from '../../faults/waits.js'
import { checkRefusal, checkSecrecy, get, listen, makeApp } from '../../support/http.js'
import { clientId, signingKey, startTestTenant, tenantId } from '../../support/tenant.js'
import {
  granted,
  type Reply,
  refused,
  secret,
  serveTokens,
  startDownstream,
  tokenPath
} from '../../support/token-endpoint.js'

const scopes = ['api://other/Also', 'api://other/Read']

t.test('a token for the caller: asked for once, and remembered for that token of that caller alone', async (t) => {
  const made = await startDownstream(t, (_form, count) => granted(`token-${count}`))
  const { ask, tenant, endpoint } = await made.start()
  const [one, other] = [await tenant.userToken({ uti: 'one' }), await tenant.userToken({ uti: 'other', oid: clientId })]
  const answers = await Promise.all(Array.from({ length: 8 }, () => ask(one)))
  for (const { status, body } of answers) t.same([status, body], [200, 'token-1'], 'who asks meanwhile shares one call')
  t.equal((await ask(one)).body, 'token-1')
  t.equal(endpoint.forms.length, 1)
  t.equal((await ask(other)).body, 'token-2', 'two callers never share')
  t.equal((await ask(await tenant.userToken({ uti: 'third' }))).body, 'token-3', 'nor do two tokens of one')
  t.equal((await ask(one)).body, 'token-1')
  const [form] = endpoint.forms
  t.match(Object.fromEntries(form ?? []), {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    requested_token_use: 'on_behalf_of',
    assertion: one,
    client_id: clientId,
    client_secret: secret
  })
  t.same(form?.get('scope')?.split(' ').slice(0, 2), scopes)
})

t.test('a token in its last minute is not handed out', async (t) => {
  const made = await startDownstream(t, (_form, count) => granted(`token-${count}`, 59))
  const { ask, tenant } = await made.start()
  const caller = await tenant.userToken()
  t.equal((await ask(caller)).body, 'token-1')
  t.equal((await ask(caller)).body, 'token-2')
})

t.test('tokens are bounded: the one that was not used for the longest goes', async (t) => {
  const downstream = { clientSecret: secret, maxTokens: 2 }
  const made = await startDownstream(t, (_form, count) => granted(`token-${count}`), { downstream })
  const { ask, tenant, endpoint } = await made.start()
  const [a = '', b = '', c = ''] = await Promise.all(['a', 'b', 'c'].map((uti) => tenant.userToken({ uti })))
  for (const token of [a, b, a, c]) await ask(token)
  t.equal(endpoint.forms.length, 3)
  t.equal((await ask(a)).body, 'token-1')
  t.equal((await ask(b)).body, 'token-4', 'was forgotten')
})

t.test('an app has no user to call for; a stranger neither', async (t) => {
  const made = await startDownstream(t, () => granted('token'))
  made.app.get('/optional', { config: { auth: 'optional' } }, async (request) => request.onBehalfOf('api://other/Read'))
  const { ask, tenant, endpoint } = await made.start()
  const answer = await ask(await tenant.appToken())
  checkRefusal(t, answer, { status: 403, code: 'user_required', error: 'insufficient_scope' })
  checkRefusal(t, await ask(undefined, '/optional'), { status: 401, code: 'credentials_missing', error: null })
  t.equal(endpoint.forms.length, 0)
})

const claims = '{"access_token":{"capolids":{"essential":true,"values":["c1"]}}}'
const challenge = Buffer.from(claims).toString('base64')

/** What the token endpoint answers, and what the caller is told. */
const rows: [
  name: string,
  reply: Reply,
  status: number,
  code: string,
  error?: string | undefined,
  more?: Record<string, unknown>
][] = [
  [
    'consent is missing',
    refused('invalid_grant', 65001, { suberror: 'consent_required' }),
    403,
    'consent_required',
    'insufficient_scope',
    { detail: /consented to api:\/\/other\/Also api:\/\/other\/Read for this API;/ }
  ],
  [
    'consent is missing, by its number',
    refused('interaction_required', 65001),
    403,
    'consent_required',
    'insufficient_scope'
  ],
  [
    'consent is missing, by its name',
    refused('invalid_grant', 1, { suberror: 'consent_required' }),
    403,
    'consent_required',
    'insufficient_scope'
  ],
  [
    'the user has to do something',
    refused('interaction_required', 50076, { claims }),
    401,
    'insufficient_claims',
    'insufficient_claims',
    { challenge }
  ],
  [
    'the grant is taken back, with claims',
    refused('invalid_grant', 50173, { claims }),
    401,
    'insufficient_claims',
    'insufficient_claims',
    { challenge }
  ],
  [
    'the user has to sign in',
    refused('login_required', 50058),
    401,
    'insufficient_user_authentication',
    'insufficient_user_authentication'
  ],
  [
    'claims that are no JSON',
    refused('interaction_required', 50076, { claims: '<claims>' }),
    401,
    'insufficient_user_authentication',
    'insufficient_user_authentication'
  ],
  [
    'claims that are a list',
    refused('interaction_required', 50076, { claims: '[]' }),
    401,
    'insufficient_user_authentication',
    'insufficient_user_authentication'
  ],
  [
    'claims that are null',
    refused('interaction_required', 50076, { claims: 'null' }),
    401,
    'insufficient_user_authentication',
    'insufficient_user_authentication'
  ],
  [
    'claims that are no text',
    refused('interaction_required', 50076, { claims: 7 }),
    401,
    'insufficient_user_authentication',
    'insufficient_user_authentication'
  ],
  [
    'claims beyond what a header takes',
    refused('interaction_required', 50076, { claims: JSON.stringify({ a: 'x'.repeat(5000) }) }),
    401,
    'insufficient_user_authentication',
    'insufficient_user_authentication'
  ],
  ['the caller’s token has expired meanwhile', refused('invalid_grant', 500133), 401, 'token_expired', 'invalid_token'],
  ['the caller’s token is for another API', refused('invalid_grant', 500131), 502, 'downstream_refused'],
  ['a wrong secret', { ...refused('invalid_client', 7000215), status: 401 }, 502, 'downstream_refused'],
  ['a scope that is none', refused('invalid_scope', 70011), 502, 'downstream_refused'],
  ['no reason', { status: 400, body: {} }, 502, 'downstream_failed'],
  [
    'a redirect',
    { status: 302, headers: { location: 'https://elsewhere.example/' }, body: '{}' },
    502,
    'downstream_failed'
  ],
  ['a page', { body: '<html>' }, 502, 'downstream_failed'],
  ['null', { body: 'null' }, 502, 'downstream_failed'],
  ['a list', { body: '[]' }, 502, 'downstream_failed'],
  ['no token', { body: { token_type: 'Bearer', expires_in: 3600 } }, 502, 'downstream_failed'],
  ['no lifetime', { body: { token_type: 'Bearer', access_token: 'token' } }, 502, 'downstream_failed'],
  ['an empty token', granted(''), 502, 'downstream_failed'],
  [
    'an ID token that is none',
    { body: { access_token: 'x', expires_in: 3600, id_token: 'eyJz.eyJz.eyJz' } },
    502,
    'downstream_failed'
  ],
  ['an error, and 200', { body: { error: 'invalid_grant' } }, 502, 'downstream_failed'],
  ['it is down', { status: 503, body: {} }, 503, 'downstream_unavailable', undefined, { retryAfter: '1' }],
  [
    'it has a fault, as a page',
    { status: 500, body: '<html>' },
    503,
    'downstream_unavailable',
    undefined,
    { retryAfter: '1' }
  ],
  [
    'too much',
    { status: 429, headers: { 'retry-after': '17' }, body: {} },
    503,
    'downstream_unavailable',
    undefined,
    { retryAfter: '17' }
  ],
  [
    'too much, for long',
    { status: 429, headers: { 'retry-after': '86400' }, body: {} },
    503,
    'downstream_unavailable',
    undefined,
    { retryAfter: '60' }
  ],
  [
    'too much, until a date',
    { status: 429, headers: { 'retry-after': 'Fri, 31 Dec 1999 23:59:59 GMT' }, body: {} },
    503,
    'downstream_unavailable',
    undefined,
    { retryAfter: '1' }
  ],
  ['a body without end', { body: 'x'.repeat(2 ** 21) }, 503, 'downstream_unavailable', undefined, { retryAfter: '1' }]
]

t.test('claims that fit into a header are handed on, longer ones are not', async (t) => {
  const made = await startDownstream(t, () => undefined)
  const { ask, tenant, endpoint } = await made.start()
  const sized = (bytes: number, fill: string) => `{"a":"${fill.repeat((bytes - 8) / Buffer.byteLength(fill))}"}`
  for (const [fits, text] of [
    [true, sized(2048, 'x')],
    [false, sized(2049, 'x')],
    [true, sized(2048, 'ä')],
    [false, sized(2050, 'ä')]
  ] as const) {
    endpoint.grant = () => refused('interaction_required', 50076, { claims: text })
    const answer = await ask(await tenant.userToken({ uti: text.slice(0, 8) + text.length }))
    const code = fits ? 'insufficient_claims' : 'insufficient_user_authentication'
    checkRefusal(t, answer, { status: 401, code, error: code })
    if (fits) t.match(answer.headers.get('www-authenticate'), Buffer.from(text).toString('base64'))
  }
})

t.test('each answer of the token endpoint, and what the caller is told', async (t) => {
  const made = await startDownstream(t, () => undefined)
  const { ask, tenant, endpoint, logged } = await made.start()
  for (const [name, reply, status, code, error, more = {}] of rows) {
    await t.test(name, async (t) => {
      // Not `access_as_user`: the base64 of a challenge has `access` as well.
      const caller = await tenant.userToken({ uti: name, scp: 'Read' })
      endpoint.grant = () => reply
      const answer = await ask(caller)
      const detail = more.detail as RegExp | undefined
      checkRefusal(t, answer, { status, code, ...(error !== undefined && { error }), ...(detail && { detail }) })
      t.equal(answer.headers.get('retry-after'), more.retryAfter ?? null)
      if (more.challenge) t.match(answer.headers.get('www-authenticate'), `claims="${String(more.challenge)}"`)
      checkSecrecy(t, caller, answer, logged())
      t.notMatch(logged(), secret)
      t.notMatch(logged(), 'contoso.example', 'descriptions name people')
      endpoint.grant = () => granted('token')
      t.equal((await ask(await tenant.userToken({ uti: `after ${name}` }))).body, 'token', 'and then it works')
    })
  }
})

t.test('what is refused is not asked for again at once; what fails otherwise is', async (t) => {
  const made = await startDownstream(t, () => refused('invalid_grant', 65001))
  const { ask, tenant, endpoint } = await made.start()
  const caller = await tenant.userToken()
  t.equal((await ask(caller)).status, 403)
  t.equal((await ask(caller)).status, 403)
  t.equal(endpoint.forms.length, 1)
  const another = await tenant.userToken({ uti: 'another' })
  endpoint.grant = () => ({ status: 500, body: {} })
  t.equal((await ask(another)).status, 503)
  endpoint.grant = () => granted('token')
  t.equal((await ask(another)).body, 'token')
})

t.test('a user whom the tenant throttles waits alone, and the tenant is not asked meanwhile', async (t) => {
  const made = await startDownstream(t, () => ({ status: 429, headers: { 'retry-after': '3600' }, body: {} }))
  const { ask, tenant, endpoint } = await made.start()
  const throttled = await tenant.userToken({ uti: 'throttled' })
  for (let time = 0; time < 7; time += 1) {
    const answer = await ask(throttled)
    checkRefusal(t, answer, { status: 503, code: 'downstream_unavailable' })
    t.match(answer.headers.get('retry-after'), /^(60|59)$/)
  }
  t.equal(endpoint.forms.length, 1)
  for (let time = 0; time < 7; time += 1) await ask(await tenant.userToken({ uti: `throttled-${time}` }))
  t.equal(endpoint.forms.length, 8)
  endpoint.grant = () => granted('token')
  t.equal((await ask(await tenant.userToken({ uti: 'another' }))).body, 'token', 'another user')
  t.equal((await ask(throttled)).status, 503, 'still')
})

t.test('a tenant that hangs, or is gone: 503 within the deadline; after five users nobody waits', async (t) => {
  const made = await startDownstream(t, () => undefined, { keysTimeoutSeconds: 3 })
  const { app, ask, tenant, endpoint } = await made.start()
  await until('the keys to be there', () => app.entra.ready)
  const hangs = async (_: unknown, at: number) => ask(await tenant.userToken({ oid: `hangs-${at}` }))
  for (const late of await Promise.all(Array.from({ length: 5 }, hangs)))
    checkRefusal(t, late, { status: 503, code: 'downstream_unavailable' })
  const answer = await ask(await tenant.userToken({ oid: 'another' }))
  checkRefusal(t, answer, { status: 503, code: 'downstream_unavailable' })
  t.match(answer.headers.get('retry-after'), /^[1-5]$/)
  t.equal(endpoint.forms.length, 5, 'the tenant was not asked')

  const gone = await startDownstream(t, () => granted('token'))
  const api = await gone.start()
  const caller = await api.tenant.userToken()
  await api.ask(caller, '/nowhere')
  await api.tenant.close()
  checkRefusal(t, await api.ask(caller), { status: 503, code: 'downstream_unavailable' })
})

t.test('callers who wait for a token endpoint that hangs do not hold up the keys', async (t) => {
  const made = await startDownstream(t, () => undefined)
  const { ask, tenant, endpoint } = await made.start()
  const callers = await Promise.all(Array.from({ length: 40 }, (_, at) => tenant.userToken({ oid: `waits-${at}` })))
  let answered = 0
  const settled = Promise.allSettled(callers.map((token) => ask(token).finally(() => (answered += 1))))
  await until('all of them to wait', () => endpoint.forms.length === callers.length)
  const key = await signingKey('key-2')
  tenant.keys.push(key.jwk)
  t.equal((await ask(await tenant.userToken({}, {}, key), '/nowhere')).status, 404, 'a new key was fetched')
  t.equal(answered, 0, 'while all of them wait')
  await made.app.close()
  await settled
})

t.test('an error that is caught is the route’s own; its error handlers get all others', async (t) => {
  const made = await startDownstream(t, () => refused('invalid_grant', 65001))
  made.app.setErrorHandler((error, _request, reply) => reply.code(418).send(`the app: ${String(error)}`))
  made.app.get('/caught', (request) =>
    request.onBehalfOf('api://other/Read').catch((error: unknown) => {
      t.ok(error instanceof DownstreamError)
      return 'did without'
    })
  )
  const errorHandler = async (error: Error) => `the route: ${error.message}`
  made.app.get('/own', { errorHandler }, async (request) => request.onBehalfOf('api://other/Read'))
  made.app.get('/own-other', { errorHandler }, async () => {
    throw new Error('other')
  })
  made.app.get('/other', async () => {
    throw new Error('other')
  })
  const { ask, tenant } = await made.start()
  const caller = await tenant.userToken()
  t.equal((await ask(caller)).status, 403, 'not the application’s handler')
  t.equal((await ask(caller, '/own')).status, 403)
  t.equal((await ask(caller, '/caught')).body, 'did without')
  t.same((await ask(caller, '/own-other')).body, 'the route: other')
  const other = await ask(caller, '/other')
  t.same([other.status, other.body], [418, 'the app: Error: other'])
})

t.test('what is thrown and is no Error is answered as Fastify does, with the option or without', async (t) => {
  const thrown: [name: string, value: unknown][] = [
    ['text', 'text'],
    ['null', null],
    ['undefined', undefined],
    ['number', 7],
    ['object', { statusCode: 403, message: 'denied' }],
    ['status', { status: 404 }],
    ['ok', { statusCode: 200 }],
    ['list', [1]],
    ['buffer', Buffer.from('bytes')],
    ['error', new Error('boom')],
    ['teapot', Object.assign(new Error('teapot'), { statusCode: 418 })]
  ]
  const answersOf = async (downstream: object | undefined, withHandler: boolean) => {
    const made = await startDownstream(t, () => granted('token'), { downstream })
    const seen: unknown[] = []
    made.app.addHook('onError', async (_request, _reply, error) => void seen.push(error))
    if (withHandler)
      made.app.setErrorHandler((error, _request, reply) => reply.code(599).send(`handled ${JSON.stringify(error)}`))
    for (const [name, value] of thrown) {
      const raise = async () => {
        throw value
      }
      made.app.get(`/handler/${name}`, raise)
      made.app.get(`/hook/${name}`, { preHandler: raise }, async () => 'secret')
      made.app.get(
        `/callback/${name}`,
        { preHandler: (_request, _reply, done) => done(value as Error) },
        async () => 'x'
      )
    }
    const { ask, tenant } = await made.start()
    const token = await tenant.userToken()
    const answers: Record<string, unknown> = {}
    for (const [name] of thrown)
      for (const where of ['handler', 'hook', 'callback']) {
        const { status, headers, body } = await ask(token, `/${where}/${name}`)
        answers[`${where} ${name}`] = [status, headers.get('content-type'), body]
      }
    return { answers, seen }
  }
  for (const withHandler of [false, true]) {
    const [plain, ours] = [
      await answersOf(undefined, withHandler),
      await answersOf({ clientSecret: secret }, withHandler)
    ]
    t.strictSame(ours.answers, plain.answers)
    t.strictSame(ours.seen, plain.seen, 'once each')
    if (!withHandler) t.match(ours.answers['hook object'], [403])
  }
})

t.test('instead of a token that the other API refused: a new one, or what the user has to do', async (t) => {
  const made = await startDownstream(t, (_form, count) => granted(`token-${count}`))
  let refusedToken: RefusedToken = {}
  made.app.get('/instead', async (request) => request.onBehalfOf(scopes, refusedToken))
  const { ask, tenant, endpoint } = await made.start()
  const caller = await tenant.userToken()
  t.equal((await ask(caller)).body, 'token-1')
  refusedToken = { insteadOf: 'token-1' }
  t.equal((await ask(caller, '/instead')).body, 'token-2')
  t.equal((await ask(caller, '/instead')).body, 'token-2', 'that one is gone already')
  t.equal((await ask(caller)).body, 'token-2')
  const challengeWith = (value: string) => `Bearer realm="", error="insufficient_claims", claims="${value}"`
  for (const [at, text] of ['no claims', '[]', `{"a":"${'x'.repeat(3000)}"}`].entries()) {
    const insteadOf = `token-${at + 2}`
    refusedToken = { insteadOf, challenge: challengeWith(Buffer.from(text).toString('base64')) }
    t.equal((await ask(caller, '/instead')).body, `token-${at + 3}`, 'no claims to hand on')
  }
  refusedToken = { insteadOf: 'token-5', challenge: challengeWith(challenge) }
  const answer = await ask(caller, '/instead')
  checkRefusal(t, answer, { status: 401, code: 'insufficient_claims', error: 'insufficient_claims' })
  t.match(answer.headers.get('www-authenticate'), `claims="${challenge}"`)
  t.equal(endpoint.forms.length, 5, 'the tenant was not asked for another one')
  t.equal((await ask(caller)).body, 'token-6', 'and the refused one is forgotten')
})

t.test('of two tenants one has no credential: 403 to its users, and no mistake of theirs', async (t) => {
  const without = await startTestTenant(t)
  const tenant = await startTestTenant(t)
  const endpoint = serveTokens(tenant, () => granted('token'))
  const two = makeApp(t)
  await two.app.register(entra, {
    tenants: [
      { tenantId, clientId, authority: tenant.origin, downstream: { clientSecret: secret } },
      { tenantId, clientId, authority: without.origin }
    ]
  })
  two.app.get('/downstream', async (request) => request.onBehalfOf('api://other/Read'))
  const { origin } = await listen(two)
  const answer = await get(`${origin}/downstream`, await without.userToken())
  checkRefusal(t, answer, { status: 403, code: 'downstream_not_offered', error: 'insufficient_scope' })
  t.equal(endpoint.forms.length, 0)
  t.equal((await get(`${origin}/downstream`, await tenant.userToken())).body, 'token')
})

t.test('mistakes of the program', async (t) => {
  const mistakes: EntraConfigurationError[] = []
  const made = await startDownstream(t, () => granted('token'), { downstream: undefined })
  made.app.setErrorHandler((error, _request, reply) => {
    if (error instanceof EntraConfigurationError) mistakes.push(error)
    return reply.code(500).send()
  })
  made.app.get('/empty', async (request) => request.onBehalfOf([]))
  made.app.get('/spaces', async (request) => request.onBehalfOf('one two'))
  made.app.get('/number', async (request) => request.onBehalfOf(7 as never))
  const { ask, tenant, app } = await made.start()
  const caller = await tenant.userToken()
  for (const path of ['/downstream', '/empty', '/spaces', '/number']) await ask(caller, path)
  t.match(
    mistakes.map(({ message }) => message),
    [
      /^GET \/downstream .* give the option downstream/,
      /^GET \/empty .* without scopes/,
      /^GET \/spaces .* without scopes/,
      /^GET \/number .* without scopes/
    ]
  )
  await t.rejects(app.entra.tokenForApp('api://other/.default'), {
    name: 'EntraConfigurationError',
    message: /without a tenantId/
  })
})

t.test('the header that the principal was read from is gone: refused, as nothing else is sent on', async (t) => {
  const made = await startDownstream(t, () => granted('token'))
  made.app.addHook('preHandler', async ({ raw }) => void raw.rawHeaders.splice(0))
  const { ask, tenant, endpoint } = await made.start()
  checkRefusal(t, await ask(await tenant.userToken()), { status: 401, code: 'credentials_missing', error: null })
  t.equal(endpoint.forms.length, 0)
})

t.test('a token for the API itself: one for all, and a new one instead of one that was refused', async (t) => {
  const made = await startDownstream(t, (_form, count) => granted(`token-${count}`))
  const { app, endpoint } = await made.start()
  const scope = 'https://graph.microsoft.com/.default'
  const all = await Promise.all(Array.from({ length: 8 }, () => app.entra.tokenForApp(scope)))
  t.same(new Set(all), new Set(['token-1']))
  const insteadOf = 'token-1'
  const renewed = await Promise.all(Array.from({ length: 8 }, () => app.entra.tokenForApp(scope, { insteadOf })))
  t.same(new Set(renewed), new Set(['token-2']))
  t.equal(await app.entra.tokenForApp(scope, { tenantId, insteadOf }), 'token-2', 'that one is gone already')
  t.equal(endpoint.forms.length, 2)
  t.match(Object.fromEntries(endpoint.forms[0] ?? []), { grant_type: 'client_credentials', client_secret: secret })
  t.match(endpoint.forms[0]?.get('scope'), scope)
  await t.rejects(app.entra.tokenForApp(scope, { tenantId: clientId }), { message: new RegExp(clientId) })
  endpoint.grant = () => ({ status: 401, body: { error: 'invalid_client', error_codes: [7000215] } })
  await t.rejects(app.entra.tokenForApp('other/.default'), {
    name: 'DownstreamError',
    statusCode: 502,
    code: 'downstream_refused'
  })
})

t.test('many tenants: each caller’s own token endpoint', async (t) => {
  const organizations = { tenantId: 'organizations', allowedTenants: '*' }
  const made = await startDownstream(t, (_form, count) => granted(`token-${count}`), organizations)
  const { tenant } = made
  const path = '/organizations/v2.0/.well-known/openid-configuration'
  const document = { issuer: `${tenant.origin}/{tenantid}/v2.0`, jwks_uri: tenant.origin + tenant.paths.keys }
  tenant.answers.set(path, (_request, response) => void response.end(JSON.stringify(document)))
  const { ask, app } = await made.start()
  t.equal((await ask(await tenant.userToken())).body, 'token-1')
  t.ok(tenant.requests.some((each) => each.startsWith(tokenPath)))
  t.equal(await app.entra.tokenForApp('api://other/.default', { tenantId }), 'token-2')
  await t.rejects(app.entra.tokenForApp('api://other/.default'), { name: 'EntraConfigurationError' })
})

t.test('a client assertion: asked for with each token; one that fails is an outage', async (t) => {
  let next: () => unknown = () => 'an.assertion.1'
  const clientAssertion = () => next() as string
  const made = await startDownstream(t, (_form, count) => granted(`token-${count}`), {
    downstream: { clientAssertion }
  })
  const { ask, tenant, endpoint, logged } = await made.start()
  t.equal((await ask(await tenant.userToken({ uti: '1' }))).body, 'token-1')
  next = async () => 'an.assertion.2'
  t.equal((await ask(await tenant.userToken({ uti: '2' }))).body, 'token-2')
  t.same(
    endpoint.forms.map((form) => form.get('client_assertion')),
    ['an.assertion.1', 'an.assertion.2']
  )
  for (const bad of [() => '', () => undefined, () => Promise.reject(new Error('no identity here'))]) {
    next = bad
    const answer = await ask(await tenant.userToken({ uti: 'x' }))
    checkRefusal(t, answer, { status: 503, code: 'downstream_unavailable' })
  }
  t.match(logged(), 'clientAssertion returned no assertion')
  t.match(logged(), 'no identity here')
})

t.test('registration', async (t) => {
  const rows: [options: object, message: RegExp][] = [
    [{ downstream: {} }, /^downstream is missing a credential; give exactly one of/],
    [{ downstream: null }, /^downstream is not an object/],
    [
      { downstream: { clientSecret: 'abcdefgh', clientAssertion: () => '' } },
      /^downstream has clientSecret and clientAssertion/
    ],
    [{ downstream: { clientSecret: '' } }, /^downstream.clientSecret is empty/],
    [{ downstream: { clientSecret: 7 } }, /^downstream.clientSecret is empty or not a string/],
    [{ downstream: { clientAssertion: 'abcdefgh' } }, /^downstream.clientAssertion/],
    [{ downstream: { secret: 'abcdefgh' } }, /^downstream has no option "secret"/],
    [{ downstream: { clientSecret: 'abcdefgh', maxTokens: 0 } }, /^maxTokens 0/],
    [{ downstream: { clientSecret: 'abcdefgh', sharedCache: { get: () => '' } } }, /^downstream.sharedCache/],
    [{ downstream: { clientCertificate: 'abcdefgh' } }, /^downstream.clientCertificate cannot be used/],
    [
      { downstream: { clientSecret: 'abcdefgh' }, userFlow: 'B2C_1_x', authority: 'https://contoso.b2clogin.com' },
      /^downstream and userFlow/
    ],
    [
      { tenants: { downstream: { clientSecret: 'abcdefgh' } }, tenantId: undefined },
      /^tenants \{"downstream":"not shown"\}/
    ]
  ]
  for (const [options, message] of rows) {
    const app = Fastify()
    const given = 'tenants' in options ? { tenants: options.tenants } : { tenantId, clientId, ...options }
    const error = await Promise.resolve(app.register(entra, given as unknown as EntraOptions)).then(
      () => undefined,
      (reason: Error) => reason
    )
    t.match(error, { name: 'EntraConfigurationError', message })
    t.notMatch(error?.message, 'abcdefgh', 'no secret is shown')
  }
})
