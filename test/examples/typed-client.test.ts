/** examples/typed-client, against the API and the embedded tenant, over HTTP. */
import type { FastifyReply } from 'fastify'
import createClient from 'openapi-fetch'
import t, { type Test } from 'tap'
import { auth, type TokenRequest } from '../../examples/typed-client/src/auth.js'
import { bearerChallenge, requestedClaims } from '../../examples/typed-client/src/challenge.js'
import { createApi } from '../../examples/typed-client/src/client.js'
import { clientCredentials } from '../../examples/typed-client/src/client-credentials.js'
import entra from '../../src/plugin/index.js'
import { signIn } from '../../src/tenant/client.js'
import { listen, makeApp } from '../support/http.js'
import { appToken } from '../support/server.js'
import { clientId, startTestTenant, tenantId } from '../support/tenant.js'
import { answersOf, type Counted, runExample, settingsOf, startCounted, until } from './support.js'

/** The daemon's source of tokens. */
function daemonOf({ tenant }: Counted, override: object = {}) {
  const { origin: authority, tenantId, description } = tenant
  const daemon = description.clients.find(({ name }) => name === 'daemon')
  return clientCredentials({
    authority,
    tenantId,
    clientId: String(daemon?.clientId),
    clientSecret: String(daemon?.clientSecret),
    scope: `api://${description.api.clientId}/.default`,
    ...override
  })
}

t.test('as a program: it calls the API as a service, and says why it is refused', async (t) => {
  const counted = await startCounted(t)
  const { code, out, err } = await runExample(t, 'typed-client', settingsOf(counted, 'daemon')).ended()
  t.same([code, err], [0, ''])
  t.match(out, /^API: fastify-entra API\nCalled as: app 30000000-0000-4000-8000-000000000003\nUser: Contoso Admin\n/)
  t.match(out, /\nNobody is signed in: 403 insufficient_permissions: [^\n]+\n$/)
  t.same(
    counted.answered.map(({ path, status }) => `${path} ${status}`),
    ['/ 200', '/protected 200', '/users 200', '/me 403']
  )
  t.equal(counted.answered[0]?.authorization, undefined, 'a path that is public is sent no token')
  t.equal(counted.tokenRequests(), 1)

  await t.test('what is refused, and what is missing', async (t) => {
    const roleless = await runExample(t, 'typed-client', settingsOf(counted, 'daemon-no-roles')).ended()
    t.match(roleless.out, /\nRefused: 403 [a-z_]+: [A-Z]/)
    const secret = 'not-the-secret-of-anybody'
    const wrong = await runExample(t, 'typed-client', {
      ...settingsOf(counted, 'daemon'),
      AZURE_CLIENT_SECRET: secret
    }).ended()
    t.equal(wrong.code, 1)
    t.match(wrong.err, /^No token: invalid_client: [^\n]+\n$/)
    t.notMatch(wrong.err + wrong.out, secret)
    const unset = await runExample(t, 'typed-client', { ...settingsOf(counted, 'daemon'), API_SCOPE: '' }).ended()
    t.same([unset.code, unset.err], [1, 'API_SCOPE is not set. See README.md.\n'])
  })
})

t.test('one token serves many calls, also those at once, until it is nearly over', async (t) => {
  const counted = await startCounted(t, {}, { accessTokenLifetimeSeconds: 2 })
  const api = createApi(counted.address, daemonOf(counted))
  const statuses = await Promise.all(
    Array.from({ length: 20 }, async () => (await api.GET('/protected')).response.status)
  )
  t.same([...new Set(statuses)], [200])
  t.equal(counted.tokenRequests(), 1)
  const tokensSeen = () => new Set(counted.answered.map(({ authorization }) => authorization)).size
  while (tokensSeen() === 1) await api.GET('/protected')
  t.same([...new Set(counted.answered.map(({ status }) => status))], [200])
  t.equal(counted.tokenRequests(), 2)
})

t.test('401 invalid_token: once more with another token', async (t) => {
  const counted = await startCounted(t)
  const api = createApi(counted.address, daemonOf(counted))
  t.ok((await api.GET('/users')).data?.users.length)
  await counted.tenant.rotate({ keep: false })
  // The API hears of the new keys by the first token that is signed with one of them.
  const other = await appToken(counted.tenant, 'daemon')
  t.equal((await fetch(`${counted.address}/protected`, { headers: { authorization: `Bearer ${other}` } })).status, 200)
  const before = counted.answered.length
  const tokensBefore = counted.tokenRequests()
  const all = await Promise.all([api.GET('/protected'), api.GET('/protected'), api.GET('/tenant')])
  t.ok(all.every(({ data }) => data))
  const statuses = counted.answered.slice(before).map(({ status }) => status)
  t.same(statuses.sort(), [200, 200, 200, 401, 401, 401])
  t.equal(counted.tokenRequests() - tokensBefore, 1, 'the three of them ask for one new token')
})

t.test('401 again: the answer is the caller’s, after two requests and not three', async (t) => {
  const counted = await startCounted(t, { ENTRA_AUDIENCE: 'api://another' })
  const api = createApi(counted.address, daemonOf(counted))
  const { error, response } = await api.GET('/protected')
  t.match(error, { status: 401, code: 'wrong_audience' })
  t.equal(response.status, 401)
  t.same(
    counted.answered.map(({ status }) => status),
    [401, 401]
  )
  t.equal(counted.tokenRequests(), 2)
})

t.test('a failure to get a token is told, and not remembered', async (t) => {
  const counted = await startCounted(t)
  const secret = 'not-the-secret-of-anybody'
  const failing = daemonOf(counted, { clientSecret: secret })
  const both = await Promise.allSettled([failing({}), failing({})])
  for (const each of both) t.match(each, { status: 'rejected', reason: /^Error: No token: invalid_client: / })
  t.equal(counted.tokenRequests(), 1)
  await t.rejects(createApi(counted.address, failing).GET('/protected'), /No token: invalid_client/)
  t.equal(counted.tokenRequests(), 2)
  t.same(counted.answered, [], 'nothing is sent to the API')
  t.ok((await createApi(counted.address, failing).GET('/unprotected')).data, 'but where no token is needed')
})

/** A client where a user signs in, who says that it understands claims challenges; its requests for tokens are recorded. */
async function startSignedIn(t: Test, claimsOf: (request: TokenRequest) => string | undefined) {
  const { tenant, address, answered } = await startCounted(t)
  const { origin, tenantId, description } = tenant
  const asked: TokenRequest[] = []
  const api = createApi(address, async (request) => {
    asked.push(request)
    const { access_token = {} } = JSON.parse(claimsOf(request) ?? '{}') as { access_token?: object }
    const tokens = await signIn(origin, {
      tenantId,
      clientId: String(description.clients.find(({ name }) => name === 'spa')?.clientId),
      username: 'user@contoso.example',
      scope: `api://${description.api.clientId}/access_as_user`,
      // As MSAL does: what was asked for, with what the client can do.
      claims: JSON.stringify({ access_token: { ...access_token, xms_cc: { values: ['cp1'] } } })
    })
    return tokens.access_token
  })
  return { api, asked, statuses: () => answered.map(({ status }) => status), answered }
}

const wanted = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'

t.test('401 insufficient_claims: once more, with a token for the claims of the challenge', async (t) => {
  const { api, asked, answered, statuses } = await startSignedIn(t, ({ claims }) => claims)
  t.match((await api.GET('/step-up-protected')).data, { message: /c1/ })
  t.same(statuses(), [401, 200])
  const refused = answered[0]?.authorization?.slice('Bearer '.length)
  t.same(asked, [{}, { refused, claims: wanted }])
})

t.test('a token that still lacks the claims is not sent for ever', async (t) => {
  const { api, asked, statuses } = await startSignedIn(t, () => undefined)
  t.match((await api.GET('/step-up-protected')).error, { status: 401, code: 'insufficient_claims' })
  t.same(statuses(), [401, 401])
  t.same(
    asked.map(({ claims }) => claims),
    [undefined, wanted]
  )
})

t.test('503 with Retry-After: once more after that time, if it is short', async (t) => {
  const { answered, api, tenant } = await startCold(t)
  const asking = api.GET('/me')
  await until(() => answered.length === 1)
  await tenant.listen()
  t.match((await asking).data, { kind: 'user' })
  t.same(
    answered.map(({ status }) => status),
    [503, 200]
  )
})

t.test('503: what would take longer is told at once', async (t) => {
  const { answered, api } = await startCold(t, 0.5)
  t.match((await api.GET('/me')).error, { status: 503, code: 'tenant_unavailable' })
  t.equal(answered.length, 1)
})

/** What an API, or a gateway before it, may answer to a note. */
const replies: Record<string, (reply: FastifyReply) => FastifyReply> = {
  busy: (reply) => reply.code(503).header('retry-after', 0).send(),
  down: (reply) => reply.code(503).send(),
  odd: (reply) => reply.code(401).header('www-authenticate', 'Negotiate').send()
}

/** What openapi-typescript makes of a path that takes a body, in short. */
interface Notes {
  '/notes': {
    post: {
      requestBody: { content: { 'application/json': { text: string } } }
      responses: { 200: { content: { 'application/json': { text: string } } } }
    }
  }
}

t.test('a body is sent again with the other token, and not after a 503, or a 401 that asks for no token', async (t) => {
  const tenant = await startTestTenant(t)
  const made = makeApp(t)
  await made.app.register(entra, { tenantId, clientId, authority: tenant.origin })
  made.app.post<{ Body: { text: string } }>('/notes', ({ body }, reply) => replies[body.text]?.(reply) ?? body)
  const { origin } = await listen(made)
  const answered = answersOf(made.app)
  const api = createClient<Notes>({ baseUrl: origin })
  api.use(auth(({ refused }) => tenant.userToken(refused ? {} : { exp: 1 })))
  t.same((await api.POST('/notes', { body: { text: 'hello' } })).data, { text: 'hello' })
  t.same(
    answered.map(({ status }) => status),
    [401, 200]
  )
  const other = createClient<Notes>({ baseUrl: origin })
  other.use(auth(() => tenant.userToken()))
  for (const [text, status] of Object.entries({ busy: 503, down: 503, odd: 401 })) {
    const before = answered.length
    t.equal((await other.POST('/notes', { body: { text } })).response.status, status, text)
    t.equal(answered.length, before + 1, 'one request')
  }
})

t.test('RFC 9110 §11.6.1: the Bearer challenge is found among others, and read whole', async (t) => {
  const read: readonly [string | null, object][] = [
    [null, {}],
    ['Bearer', {}],
    ['Negotiate', {}],
    ['Basic realm="Bearer error=\\"x\\", a=b"', {}],
    ['Bearer realm="a", error="invalid_token"', { realm: 'a', error: 'invalid_token' }],
    ['bearer error=invalid_token', { error: 'invalid_token' }],
    ['Basic realm="b", Bearer error="invalid_token", scope="a b"', { error: 'invalid_token', scope: 'a b' }],
    ['Bearer error="invalid_token", Basic realm="b", charset="UTF-8"', { error: 'invalid_token' }],
    ['Bearer realm="a, error=\\"b\\"", error = "c"', { realm: 'a, error="b"', error: 'c' }]
  ]
  for (const [header, parameters] of read) t.same(bearerChallenge(header), parameters, String(header))
})

t.test('a claims challenge is one only where its claims can be read', async (t) => {
  const error = 'insufficient_claims'
  t.equal(requestedClaims({ error, claims: btoa(wanted) }), wanted)
  t.equal(requestedClaims({ error, claims: btoa(wanted).replace(/=+$/, '') }), wanted, 'without padding')
  t.equal(requestedClaims({ error: 'invalid_token', claims: btoa(wanted) }), undefined)
  for (const claims of ['', '***', btoa('{'), btoa('acrs')]) t.equal(requestedClaims({ error, claims }), undefined)
  t.equal(requestedClaims({ error }), undefined)
  t.equal(requestedClaims({}), undefined)
})

t.test('claims go into the request for a token', async (t) => {
  const asked: URLSearchParams[] = []
  const { app } = makeApp(t)
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.post<{ Body: string }>('/tenant/oauth2/v2.0/token', ({ body }) => {
    asked.push(new URLSearchParams(body))
    return { access_token: `token-${asked.length}`, token_type: 'Bearer', expires_in: 3600 }
  })
  const authority = await app.listen({ host: '127.0.0.1', port: 0 })
  const tokens = clientCredentials({
    authority,
    tenantId: 'tenant',
    clientId: 'c',
    clientSecret: 's',
    scope: 'a/.default'
  })
  t.equal(await tokens({}), 'token-1')
  t.equal(await tokens({ refused: 'token-0', claims: wanted }), 'token-1', 'it has another one already')
  t.equal(await tokens({ refused: 'token-1', claims: wanted }), 'token-2')
  t.equal(await tokens({}), 'token-2')
  t.same(
    asked.map((form) => form.get('claims')),
    [null, wanted]
  )
  t.same(Object.fromEntries(asked[0] ?? []), {
    grant_type: 'client_credentials',
    client_id: 'c',
    client_secret: 's',
    scope: 'a/.default'
  })
})

/** An API that has no keys, as its tenant is down. */
async function startCold(t: Test, maxWaitSeconds?: number) {
  const tenant = await startTestTenant(t)
  await tenant.close()
  const made = makeApp(t)
  await made.app.register(entra, { tenantId, clientId, authority: tenant.origin })
  made.app.get('/me', ({ principal }) => principal)
  const { origin } = await listen(made)
  const api = createApi(origin, () => tenant.userToken(), maxWaitSeconds === undefined ? {} : { maxWaitSeconds })
  return { tenant, api, answered: answersOf(made.app) }
}
