/** Guards are recognized by the mark of this package, and a caller by what the plugin verified: not by names that others can use. */
import { readFile } from 'node:fs/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import entra, {
  anyOf,
  type Guard,
  requireClient,
  requireRole,
  requireScope,
  requireTenant,
  type UserPrincipal
} from '../../../src/plugin/index.js'
import { version } from '../../../src/plugin/lib/marks.js'
import { buildApi, optionsFor, startApi } from '../../support/api.js'
import { checkRefusal, get } from '../../support/http.js'
import { copyOfPlugin } from '../../support/plugin-copy.js'
import { callerId, startTestTenant } from '../../support/tenant.js'

const tenant = await startTestTenant(t)
const options = optionsFor(tenant)
const token = await tenant.userToken({ roles: ['Reader'] })

const start = (t: Test, routes: (app: FastifyInstance) => void, plugin = entra) =>
  startApi(t, { tenant, routes, plugin })

t.test('the version is that of the package', async (t) => {
  t.equal(version, JSON.parse(await readFile('package.json', 'utf8')).version)
})

t.test('a function with the shape of a guard is not a guard', async (t) => {
  const lookalike = Object.assign(async () => {}, { rule: { kind: 'scope', name: 'Orders.Read' } }) as unknown as Guard
  t.throws(() => anyOf(lookalike, requireRole('Admin')), { name: 'EntraConfigurationError' }, 'it cannot be combined')
  const inherits = Object.setPrototypeOf(async () => {}, requireRole('Admin')) as Guard
  t.throws(() => anyOf(inherits), { name: 'EntraConfigurationError' }, 'nor can one that inherits from a guard')
  const routes = { '/x': { preHandler: lookalike } }
  const { app } = await buildApi(t, { options: { ...options, strictRoutes: true }, routes })
  await t.rejects(
    async () => app.ready(),
    { message: /neither a guard nor config.auth is declared for GET \/x/ },
    'nor does it decide about a route'
  )
})

t.test('two copies of one version work together', async (t) => {
  const copy = await copyOfPlugin(t)
  t.not(copy.requireRole, requireRole, 'it is another copy')
  const { origin, app } = await start(t, (app) => {
    app.get('/reader', { preHandler: copy.requireRole('Reader') }, async (request) => request.principal.id)
    app.get('/admin', { preHandler: copy.requireRole('Admin') }, async () => 'admin')
    app.get('/either', { preHandler: anyOf(copy.requireRole('Admin'), requireRole('Reader')) }, async () => 'either')
    app.get('/by-hand', async (request, reply) => {
      await copy.requireRole('Admin').call(app, request, reply)
      return 'by hand'
    })
    app.get('/error', async () => {
      const { refusal } = await app.verifyToken('forged').catch((error) => error)
      throw new copy.TokenRefusedError(refusal)
    })
  })
  checkRefusal(t, await get(`${origin}/error`, token), { status: 401, code: 'token_malformed', error: 'invalid_token' })
  t.equal((await get(`${origin}/reader`, token)).status, 200)
  t.equal((await get(`${origin}/either`, token)).status, 200)
  for (const path of ['/admin', '/by-hand'])
    checkRefusal(t, await get(origin + path, token), {
      status: 403,
      code: 'insufficient_permissions',
      error: 'insufficient_scope'
    })
  const found = app.accessMatrix().find(({ url }) => url === '/admin')
  t.equal(found?.callers, 'the role Admin, held by a user', 'and the access matrix has them')
  await t.rejects(buildApi(t, { options, routes: (app) => app.register(copy.default, options) }), {
    message: 'fastify-entra is registered twice; register it once'
  })
  await t.rejects(
    buildApi(t, { options: { ...options, groups: copy.graphGroups() } }),
    { message: 'groups calls Microsoft Graph, which requires a credential; give the option downstream' },
    'nor does a resolver of the other go without its credential'
  )
  const { app: uncalled } = await buildApi(t, { options })
  t.throws(() => uncalled.get('/', { preHandler: copy.requireRole as unknown as Guard }, async () => ''), {
    message: /call it to make the guard/
  })
})

t.test('two versions: an error that names both', async (t) => {
  const old = await copyOfPlugin(t, ['lib/marks', `version = '${version}'`, "version = '0.0.9'"])
  const { app } = await buildApi(t, { options, routes: {} })
  const both = `has a guard of fastify-entra 0.0.9 beside the plugin of ${version}; install one version of the package`
  t.throws(() => app.get('/x', { preHandler: old.requireRole('Admin') }, async () => 'x'), {
    name: 'EntraConfigurationError',
    message: `a route that requires role ${both}`
  })
  const running = await start(t, (app) => {
    app.get('/by-hand', async (request, reply) => {
      await old.requireRole('Reader').call(app, request, reply)
      return 'by hand'
    })
  })
  t.equal((await get(`${running.origin}/by-hand`, token)).status, 500, 'closed')
  t.match(running.logged(), `GET /by-hand ${both}`)
  const older = await start(
    t,
    (app) => {
      app.get('/by-hand', async (request, reply) => {
        await requireRole('Reader').call(app, request, reply)
        return 'by hand'
      })
    },
    old.default
  )
  t.equal((await get(`${older.origin}/by-hand`, token)).status, 500, 'closed as well')
  t.match(older.logged(), `a guard of fastify-entra ${version} beside the plugin of 0.0.9`)
})

const admin = { kind: 'user', roles: ['Admin'], tenantId: 'x', clientId: 'x' } as unknown as UserPrincipal

t.test('only the plugin sets the principal', async (t) => {
  const { origin, logged } = await start(t, (app) => {
    app.decorateRequest('forged', null)
    const preHandler = requireRole('Admin')
    const assign = async (request: FastifyRequest) => void Reflect.set(request, 'principalOrNull', admin)
    const define = async (request: FastifyRequest) => {
      for (const name of ['entra/principal', 'principalOrNull']) Object.defineProperty(request, name, { value: admin })
    }
    app.get('/assigned', { onRequest: assign, preHandler }, async () => 'secret')
    app.get('/defined', { onRequest: define, preHandler }, async () => 'secret')
    app.get('/open', { config: { auth: 'optional' }, onRequest: define, preHandler }, async () => 'secret')
  })
  t.equal((await get(`${origin}/assigned`, token)).status, 500)
  t.match(logged(), 'GET /assigned assigns request.principalOrNull; only fastify-entra sets it')
  t.equal((await get(`${origin}/defined`, token)).status, 403)
  t.equal((await get(`${origin}/open`)).status, 401)
})

type Jwt = Record<string, (...parameters: unknown[]) => Promise<unknown>>

t.test('the functions of @fastify/jwt say what to use instead, and change nothing', async (t) => {
  const tricky = await tenant.userToken({ clientId: 'other-client', tenantId: 'other-tenant', kind: 'user' })
  const calls: Record<string, (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>> = {
    'request.jwtDecode()': (request) => request.jwtDecode(),
    'request.jwtDecode(callback)': (request) =>
      new Promise((resolve, reject) => request.jwtDecode((error: unknown) => (error ? reject(error) : resolve(0)))),
    'reply.jwtSign()': (_request, reply) => reply.jwtSign({ sub: 'x' }),
    'app.jwt.verify()': ({ server }) => (server.jwt as unknown as Jwt).verify?.(tricky) as Promise<unknown>,
    'app.jwt.sign()': ({ server }) => (server.jwt as unknown as Jwt).sign?.({ sub: 'x' }) as Promise<unknown>,
    'app.jwt.lookupToken()': (request) =>
      (request.server.jwt as unknown as Jwt).lookupToken?.(request) as Promise<unknown>
  }
  const { origin } = await start(t, (app) => {
    for (const [at, call] of Object.values(calls).entries())
      app.get(`/${at}`, async (request, reply) => {
        const before = request.principal
        const said = await (async () => call(request, reply))().then(
          () => 'nothing',
          (error: Error) => `${error.name}: ${error.message}`
        )
        return { said, isSame: request.principal === before && request.principalOrNull === before }
      })
    const after = async (request: FastifyRequest) => void (await request.jwtVerify().catch(() => {}))
    const internal = async (request: FastifyRequest) =>
      void (await (request as unknown as Jwt)
        .fastifyEntraVerify?.({ decode: {}, verify: { extractToken: () => tricky } })
        .catch(() => {}))
    for (const [name, preHandler] of Object.entries({
      client: requireClient('other-client'),
      tenant: requireTenant('other-tenant')
    }))
      app.get(`/${name}`, { preHandler: [after, internal, preHandler] }, async () => 'secret')
  })
  for (const known of [false, false, true]) {
    for (const [at, name] of Object.keys(calls).entries()) {
      const { status, body } = await get(`${origin}/${at}`, tricky)
      const { said, isSame } = JSON.parse(body)
      t.equal(status, 200, name)
      t.match(said, /^EntraConfigurationError: .* is not supported with fastify-entra; /, `${name}, known: ${known}`)
      t.ok(isSame, `${name}: the principal is what it was`)
    }
    for (const name of ['client', 'tenant']) t.equal((await get(`${origin}/${name}`, tricky)).status, 403, name)
  }
})

t.test('app.jwt.decode() still decodes, and a second @fastify/jwt has a namespace', async (t) => {
  const { app } = await buildApi(t, { options, routes: {} })
  t.match(app.jwt.decode(token), { oid: callerId })
  t.throws(() => app.jwt.verify(token), /is not supported with fastify-entra/, 'at once: a promise would be true')
  const { default: fastifyJwt } = await import('@fastify/jwt')
  await app.register(fastifyJwt, { secret: 'of the app’s own', namespace: 'own' })
  const { own } = app.jwt as unknown as Record<string, typeof app.jwt>
  t.match(own?.verify(String(own.sign({ sub: 'x' }))), { sub: 'x' })
  await app.ready()
})

t.test('a refused token that a handler lets through is answered with its challenge', async (t) => {
  const { origin } = await start(t, (app) => {
    app.setErrorHandler((_error, _request, reply) => reply.code(418).send())
    app.get('/x', { config: { auth: 'none' } }, async () => app.verifyToken('not a token'))
    app.get('/scope', { preHandler: requireScope('access_as_user') }, async () => app.verifyToken(`${token}x`))
  })
  checkRefusal(t, await get(`${origin}/x`), { status: 401, code: 'token_malformed', error: 'invalid_token' })
  checkRefusal(t, await get(`${origin}/scope`, token), { status: 401, code: 'token_malformed', error: 'invalid_token' })
})
