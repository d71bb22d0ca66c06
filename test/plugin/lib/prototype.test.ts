/** A polluted `Object.prototype` is a fault of some other package: it opens no route here, grants nothing, and sets no option. */
import type { FastifyInstance } from 'fastify'
import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import {
  anyOf,
  requireAgent,
  requireApp,
  requireAppPermission,
  requireAuthAge,
  requireAuthContext,
  requireClient,
  requireClientAuth,
  requireGroup,
  requireHuman,
  requireMember,
  requireRole,
  requireScope,
  requireTenant,
  requireUser
} from '../../../src/plugin/index.js'
import { type EntraOptions, toSettings } from '../../../src/plugin/options.js'
import { buildApi, startApi } from '../../support/api.js'
import { callerId, clientId, type Overrides, signingKey, startTestTenant, tenantId } from '../../support/tenant.js'

const tenant = await startTestTenant(t)
const options = { tenantId, clientId, authority: tenant.origin, tokenCache: false } as const

/** Runs something while every object inherits a member. Not enumerable, as `for … in` of half the world would stumble over it. */
async function polluted<T>(name: PropertyKey, value: unknown, run: () => T | Promise<T>): Promise<T> {
  Object.defineProperty(Object.prototype, name, { value, configurable: true, writable: true })
  try {
    return await run()
  } finally {
    Reflect.deleteProperty(Object.prototype, name)
  }
}

const granting: Readonly<Record<string, unknown>> = {
  scp: 'Orders.Read access_as_user',
  scope: 'Orders.Read',
  roles: ['Admin', 'Directory.Read.All'],
  groups: ['group'],
  hasgroups: false,
  idtyp: 'app',
  acct: 0,
  idp: `${tenant.origin}/${tenantId}/`,
  oid: callerId,
  sub: callerId,
  acrs: ['c1'],
  acr: 'c1',
  auth_time: Math.floor(Date.now() / 1000),
  azpacr: '2',
  appidacr: '2',
  azp: callerId,
  appid: callerId,
  client_id: callerId,
  tid: tenantId,
  ver: '2.0',
  aud: clientId,
  iss: `${tenant.origin}/${tenantId}/v2.0`,
  iat: Math.floor(Date.now() / 1000),
  nbf: 0,
  exp: Math.floor(Date.now() / 1000) + 3600,
  xms_cc: ['cp1'],
  xms_act_fct: '11',
  xms_sub_fct: '11',
  name: 'Somebody',
  email: 'somebody@contoso.example'
}
const headers: Readonly<Record<string, unknown>> = { alg: 'RS256', typ: 'JWT', kid: tenant.key.kid }

const guards = {
  scope: requireScope('Orders.Read'),
  role: requireRole('Admin'),
  permission: requireAppPermission('Directory.Read.All'),
  user: requireUser(),
  app: requireApp(),
  member: requireMember(),
  agent: requireAgent(),
  human: requireHuman(),
  group: requireGroup('group'),
  context: requireAuthContext('c1'),
  age: requireAuthAge({ maxAgeSeconds: 60 }),
  client: requireClient(callerId),
  clientAuth: requireClientAuth('certificate'),
  tenant: requireTenant(tenantId),
  any: anyOf(requireRole('Admin'), requireScope('Orders.Read'))
}

async function start(t: Test): Promise<FastifyInstance> {
  const routes = (app: FastifyInstance) => {
    for (const [name, preHandler] of Object.entries(guards)) app.get(`/${name}`, { preHandler }, async () => name)
    app.get('/', async ({ principal: { claims, ...principal } }) => ({ principal, names: Object.keys(claims) }))
  }
  const { app } = await buildApi(t, { options, routes })
  await app.ready()
  return app
}

/** What a token opens, and whom it speaks for. */
async function opens(app: FastifyInstance, token: string | undefined): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  for (const url of ['/', ...Object.keys(guards).map((name) => `/${name}`)]) {
    const { statusCode, body } = await app.inject({
      url,
      ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } })
    })
    found[url] = statusCode === 200 ? body : statusCode
  }
  return found
}

t.test('claims and header parameters that a token lacks are not inherited', async (t) => {
  const app = await start(t)
  const lacking = (name: string, claims: Overrides) =>
    tenant.userToken({ ...claims, [name]: undefined }, { ...(name in headers && { [name]: undefined }) })
  for (const [name, value] of Object.entries({ ...granting, ...headers })) {
    const tokens = [
      await lacking(name, { scp: 'access_as_user' }).catch(() => ''),
      await lacking(name, { scp: undefined, roles: ['Reader'], sub: callerId }).catch(() => '')
    ]
    for (const token of tokens.filter((each) => each !== '')) {
      const clean = await opens(app, token)
      const dirty = await polluted(name, value, () => opens(app, token))
      t.same(dirty, clean, name)
    }
  }
})

t.test('the result of a verification is not inherited: a forged token stays forged', async (t) => {
  const forged = await tenant.userToken({ roles: ['Admin'] }, {}, await signingKey(tenant.key.kid))
  const expired = await tenant.userToken({ exp: 1 })
  const valid = await tenant.userToken()
  const api = () => startApi(t, { tenant, options: { tokenCache: false } })
  for (const name of ['payload', 'tried'])
    for (const value of [true, decodeJwt(valid), () => true])
      for (const token of [forged, expired]) {
        const [known, unknown] = [await api(), await api()]
        t.equal(await known.outcome('/me', valid), '200', 'its header is known')
        for (const { outcome } of [known, unknown])
          t.match(await polluted(name, value, () => outcome('/me', token)), /^(401|500) /, `${name} ${typeof value}`)
      }
})

t.test('what a principal lacks is not inherited', async (t) => {
  const app = await start(t)
  const token = await tenant.userToken({ azpacr: undefined })
  const clean = await opens(app, token)
  t.same(await polluted('clientAuth', 'certificate', () => opens(app, token)), clean)
  for (const isAgent of [true, false])
    t.same(await polluted('isAgent', isAgent, () => opens(app, token)), clean, `isAgent ${isAgent}`)
})

t.test('config.auth of a route is not inherited', async (t) => {
  const app = await start(t)
  for (const value of ['none', 'optional'])
    t.same(await polluted('auth', value, () => opens(app, undefined)), await opens(app, undefined), `auth ${value}`)
  const { app: late } = await buildApi(t, { options, routes: {} })
  await polluted('auth', 'none', async () => {
    late.get('/late', async () => 'late')
    late.get('/config', { config: {} }, async () => 'config')
    await late.ready()
  })
  for (const url of ['/late', '/config', '/nowhere']) t.equal((await late.inject(url)).statusCode, 401, url)
  t.match(
    late.accessMatrix().map(({ auth }) => auth),
    ['required', 'required']
  )
})

t.test('options are not inherited', async (t) => {
  const given: Record<string, EntraOptions> = {
    entra: { tenantId, clientId },
    many: { tenantId: 'organizations', clientId, allowedTenants: [tenantId] },
    oidc: { issuer: 'https://id.example', audience: 'api' },
    keycloak: { issuer: 'https://id.example', audience: 'api', provider: 'keycloak' },
    tenants: { tenants: [{ tenantId, clientId }] },
    downstream: { tenantId, clientId, downstream: { clientSecret: 'secret' } },
    nested: { tenantId, clientId, audit: {}, tokenCache: {} }
  }
  const inherited: Record<string, unknown> = {
    audience: ['everybody'],
    allowedClients: ['x'],
    rolelessClients: [callerId],
    allowedTenants: '*',
    authority: 'https://evil.example',
    cloud: 'china',
    customSigningKeys: true,
    userFlow: 'B2C_1_x',
    algorithms: ['RS256'],
    issuer: 'https://evil.example',
    tenants: [{ tenantId: callerId, clientId }],
    keysOrigin: 'https://evil.example',
    provider: 'auth0',
    rolesClaim: 'name',
    rfc9068: true,
    clockToleranceSeconds: 600,
    keysMaxStaleSeconds: 1_000_000,
    isRevoked: () => false,
    groups: async () => ['group'],
    strictRoutes: true,
    audit: 'off',
    level: 'off',
    personalData: true,
    maxTokens: 5,
    tokenCache: false,
    downstream: { clientSecret: 'other' },
    clientSecret: 'other',
    sharedCache: { get: () => {}, set: () => {} },
    isAppOnly: () => true,
    isForApis: () => true,
    audienceOf: () => 'api',
    isEverybodys: () => false
  }
  const plain = (settings: unknown) =>
    JSON.stringify(settings, (_name, value) =>
      value instanceof Set ? [...value] : value instanceof RegExp ? value.source : value
    )
  for (const [name, options] of Object.entries(given)) {
    const clean = plain(toSettings(options))
    for (const [option, value] of Object.entries(inherited))
      t.equal(await polluted(option, value, () => plain(toSettings(options))), clean, `${name}: ${option}`)
  }
})
