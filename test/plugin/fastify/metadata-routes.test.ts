/** How the metadata of a protected resource is served: RFC 9728 §3 and §5, and the MCP authorization specification of 2026-07-28. */
import cors from '@fastify/cors'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { requireRole, requireScope } from '../../../src/plugin/index.js'
import { createTestTenant, expectGuarded } from '../../../src/plugin/testing/index.js'
import { type ApiSetup, buildApi, startApi } from '../../support/api.js'
import { parseChallenge } from '../../support/http.js'

const root = '/.well-known/oauth-protected-resource'
const inserted = `${root}/mcp`
const publicUrl = 'https://api.example.com/mcp'
const resource = { publicUrl }
const metadataUrl = `https://api.example.com${inserted}`
const api: ApiSetup = {
  options: { resource },
  routes: {
    '/any': {},
    '/scope': { preHandler: requireScope('Tools.Read') },
    '/role': { preHandler: requireRole('Admin') }
  }
}

t.test('the document is at the path-inserted place and at the root, for anybody', async (t) => {
  const { get } = await startApi(t, api)
  const bodies = new Set<string>()
  for (const path of [root, inserted, `${inserted}?x=1`]) {
    for (const token of [undefined, 'no-token']) {
      const { status, headers, body } = await get(path, token)
      t.equal(status, 200, path)
      t.match(headers.get('content-type'), /^application\/json\b/)
      t.equal(headers.get('access-control-allow-origin'), '*')
      t.equal(headers.get('cache-control'), 'public, max-age=3600')
      t.equal(headers.get('www-authenticate'), null)
      bodies.add(body)
    }
  }
  t.equal(bodies.size, 1)
  t.match(JSON.parse([...bodies].join()), { resource: publicUrl })
  for (const path of [`${root}/other`, `${inserted}/more`, '/mcp/.well-known/oauth-protected-resource'])
    t.equal((await get(path)).status, 401, `${path} is a path like any other`)
})

t.test('a resource without a path has one place', async (t) => {
  const { get } = await startApi(t, { ...api, options: { resource: { publicUrl: 'https://api.example.com' } } })
  const { body, status } = await get(root)
  t.equal(status, 200)
  t.match(JSON.parse(body), { resource: 'https://api.example.com' })
  t.equal((await get(inserted)).status, 401)
})

t.test('HEAD, and revalidation (RFC 9110 §13.1.2)', async (t) => {
  const { get } = await startApi(t, api)
  const { headers, body } = await get(inserted)
  const head = await get(inserted, undefined, { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(head.body, '')
  for (const name of ['content-length', 'content-type', 'etag', 'cache-control', 'access-control-allow-origin'])
    t.equal(head.headers.get(name), headers.get(name), name)
  t.equal(headers.get('content-length'), String(Buffer.byteLength(body)))
  const etag = headers.get('etag') ?? ''
  t.match(etag, /^"[\w-]{22}"$/)
  const tried = {
    [etag]: 304,
    [`W/${etag}`]: 304,
    [`"x", ${etag}`]: 304,
    '*': 304,
    '"x"': 200,
    [etag.slice(1, -1)]: 200
  }
  for (const [value, status] of Object.entries(tried)) {
    const answer = await get(inserted, undefined, { headers: { 'if-none-match': value } })
    t.equal(answer.status, status, value)
    t.equal(answer.headers.get('etag'), etag)
    t.equal(answer.body, status === 304 ? '' : body)
  }
})

t.test('OPTIONS answers a preflight of any origin; other methods are 405 with Allow (RFC 9110 §15.5.6)', async (t) => {
  const { app } = await startApi(t, api)
  for (const url of [root, inserted]) {
    const headers = { origin: 'https://inspector.example', 'access-control-request-method': 'GET' }
    const preflight = await app.inject({
      method: 'OPTIONS',
      url,
      headers: { ...headers, 'access-control-request-headers': 'mcp-protocol-version' }
    })
    t.equal(preflight.statusCode, 204)
    t.match(preflight.headers, {
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, HEAD',
      'access-control-allow-headers': '*',
      'access-control-max-age': '86400',
      allow: 'GET, HEAD, OPTIONS'
    })
    t.equal((await app.inject({ method: 'OPTIONS', url })).statusCode, 204)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'] as const) {
      const body = method === 'POST' && { payload: '<a>', headers: { 'content-type': 'text/xml' } }
      const answer = await app.inject({ method: method as 'POST', url, ...body })
      t.equal(answer.statusCode, 405, method)
      t.match(answer.headers, {
        allow: 'GET, HEAD, OPTIONS',
        'access-control-allow-origin': '*',
        'cache-control': 'no-store'
      })
      t.match(answer.headers['content-type'], /^application\/problem\+json\b/)
      t.match(answer.json(), { status: 405, code: 'method_not_allowed', detail: new RegExp(`not with ${method}`) })
    }
  }
})

t.test('RFC 9728 §5.1: every challenge names the document by its absolute URL', async (t) => {
  const { get, app, tenant } = await startApi(t, {
    options: { resource },
    routes: (app) => {
      for (const [path, options] of Object.entries(api.routes as object)) app.get(path, options, async () => 'ok')
      app.get('/thrown', async ({ headers }) => app.entra.verifyToken(String(headers['x-token'])))
      app.get('/open', { config: { auth: 'none' } }, async () => app.entra.verifyToken('x'))
    }
  })
  const user = await tenant.userToken({ scp: 'Tools.Read' })
  const bare = await tenant.userToken({ scp: undefined, roles: undefined })
  const foreign = await tenant.userToken({ aud: 'https://other.example' })
  const expired = await tenant.userToken({ exp: 1_000_000 })
  const refusals: readonly (readonly [string, string | undefined, number])[] = [
    ['/any', undefined, 401],
    ['/nowhere', undefined, 401],
    ['/any', 'garbage', 401],
    ['/any', 'two tokens', 400],
    ['/any', foreign, 401],
    ['/any', expired, 401],
    ['/any', bare, 403],
    ['/scope', await tenant.userToken({ scp: 'Tools.Write' }), 403],
    ['/role', user, 403],
    ['/open', undefined, 401],
    ['/thrown', user, 401]
  ]
  for (const [path, token, status] of refusals) {
    const answer = await get(path, token)
    t.equal(answer.status, status, path)
    const { parameters } = parseChallenge(answer.headers.get('www-authenticate'))
    t.equal(parameters.resource_metadata, metadataUrl, `${path}: ${answer.headers.get('www-authenticate')}`)
    t.equal(parameters.realm, publicUrl)
  }
  const { parameters } = parseChallenge((await get('/scope', bare)).headers.get('www-authenticate'))
  t.equal(parameters.scope, `${publicUrl}/Tools.Read`, 'as scopes_supported has it')
  const plain = await app.inject({ url: '/scope', headers: { authorization: `Bearer ${user}` } })
  t.equal(plain.statusCode, 200)
})

t.test('without the option nothing is published, and no challenge names a document', async (t) => {
  const { get } = await startApi(t, { routes: api.routes ?? {} })
  t.equal((await get(root)).status, 401)
  t.notMatch((await get('/any')).headers.get('www-authenticate'), 'resource_metadata')
})

t.test('RFC 8707 §2: a token for this resource passes, and one for another is told which it must be for', async (t) => {
  const { get, tenant, outcome } = await startApi(t, api)
  t.equal(await outcome('/any', await tenant.userToken({ aud: publicUrl })), '200')
  for (const aud of [`${publicUrl}/`, 'https://api.example.com', `${publicUrl}/more`, publicUrl.toUpperCase()]) {
    const { status, body } = await get('/any', await tenant.userToken({ aud }))
    t.equal(status, 401, aud)
    t.match(JSON.parse(body), { code: 'wrong_audience', detail: new RegExp(`this API is .*${publicUrl}\\.`) })
  }
})

t.test('what a request says of its host changes nothing', async (t) => {
  const app = Fastify({ trustProxy: true })
  const { tenant } = await startApi(t, { app, ...api })
  t.ok(tenant)
  const hostile = {
    host: 'evil.example',
    forwarded: 'host=evil.example;proto=http',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'http',
    'x-forwarded-prefix': '/evil',
    'x-original-url': '/evil'
  }
  const document = await app.inject({ url: inserted, headers: hostile })
  t.equal(document.statusCode, 200)
  t.notMatch(document.body + JSON.stringify(document.headers), 'evil')
  const refused = await app.inject({ url: '/any', headers: hostile })
  t.equal(refused.statusCode, 401)
  t.notMatch(JSON.stringify(refused.headers), 'evil')
})

t.test('with the router options of the app', async (t) => {
  const routerOptions = { ignoreTrailingSlash: true, caseSensitive: false, ignoreDuplicateSlashes: true }
  const app = Fastify({ routerOptions })
  await startApi(t, { app, ...api })
  for (const url of [root, inserted, `${root}/`, `${inserted}/`, inserted.toUpperCase(), `/${inserted}`])
    t.equal((await app.inject(url)).statusCode, 200, url)
  const strict = Fastify({ exposeHeadRoutes: false })
  await startApi(t, { app: strict, ...api })
  t.equal((await strict.inject({ method: 'HEAD', url: inserted })).statusCode, 200)
  for (const url of [`${root}/`, `${inserted}/`, inserted.toUpperCase()])
    t.equal((await strict.inject(url)).statusCode, 401, url)
})

t.test('beside @fastify/cors, a not-found handler, an error handler and hooks of the app', async (t) => {
  const { app } = await startApi(t, {
    ...api,
    before: async (app) => {
      await app.register(cors, { origin: ['https://spa.example'], credentials: true })
      app.setNotFoundHandler((_request, reply) => reply.code(404).send('nothing here'))
      app.setErrorHandler((_error, _request, reply) => reply.code(500).send('an error'))
      app.addHook('onSend', async (_request, reply) => void reply.header('x-hook', 'ran'))
    }
  })
  const headers = { origin: 'https://inspector.example', 'access-control-request-method': 'GET' }
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST'] as const) {
    const answer = await app.inject({ method, url: inserted, headers })
    t.equal(answer.statusCode, { GET: 200, HEAD: 200, OPTIONS: 204, POST: 405 }[method])
    t.equal(answer.headers['access-control-allow-origin'], '*', method)
    t.equal(answer.headers['access-control-allow-credentials'], undefined)
    t.equal(answer.headers['x-hook'], 'ran')
  }
})

t.test('the routes are open in the access matrix, known to strictRoutes, and not in OpenAPI documents', async (t) => {
  const hidden: unknown[] = []
  const { app } = await startApi(t, {
    ...api,
    options: { resource, strictRoutes: true },
    before: (app) => void app.addHook('onRoute', ({ url, schema }) => void hidden.push([url, schema])),
    routes: { '/scope': { preHandler: requireScope('Tools.Read') } }
  })
  const own = app.entra.accessMatrix().filter(({ url }) => url.startsWith(root))
  t.same([...new Set(own.map(({ url }) => url))], [root, inserted])
  for (const { auth, callers } of own) t.match({ auth, callers }, { auth: 'none', callers: 'anyone' })
  t.same(own.map(({ method }) => method).filter((method) => method === 'GET').length, 2)
  t.match(hidden, [
    [root, { hide: true }],
    [inserted, { hide: true }]
  ])
})

t.test('expectGuarded() lists them as open', async (t) => {
  const tenant = await createTestTenant()
  const { app } = await buildApi(t, { options: { ...tenant.options, resource }, routes: api.routes ?? {} })
  const { tried, notTried } = await expectGuarded(app)
  t.notOk(tried.some(({ url }) => url.startsWith(root)))
  const open = notTried.filter(({ url }) => url.startsWith(root))
  for (const url of [root, inserted])
    t.match(
      open.filter((each) => each.url === url && each.method === 'GET'),
      [{ why: 'anyone' }]
    )
})

t.test('a route of the app at one of these places is an error at start, whichever comes first', async (t) => {
  const handler = async () => 'own'
  await t.rejects(startApi(t, { ...api, before: (app: FastifyInstance) => void app.get(inserted, handler) }), {
    name: 'EntraConfigurationError',
    message: `GET ${inserted} is declared already, and resource needs it; remove that route`
  })
  await t.rejects(startApi(t, { ...api, routes: (app: FastifyInstance) => void app.get(root, handler) }), {
    code: 'FST_ERR_DUPLICATED_ROUTE'
  })
})
