/** `requireMember` where tokens cannot show a member: an error at start, or one line for the operator; and callers of neither kind. */
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import {
  allOf,
  anyOf,
  EntraConfigurationError,
  type Guard,
  requireMember,
  requirePolicy,
  requireScope,
  requireUser
} from '../../../src/plugin/index.js'
import { buildApi, startApi } from '../../support/api.js'
import { checkRefusal } from '../../support/http.js'
import { callerId, clientId, tenantId } from '../../support/tenant.js'

const nowhere = 'http://127.0.0.1:9'
const keycloak = { issuer: `${nowhere}/realms/shop`, audience: 'orders', provider: 'keycloak' } as const
const b2c = { tenantId, clientId, authority: nowhere, userFlow: 'B2C_1_signin' }
const tenant = { tenantId, clientId, authority: nowhere }

async function startWith(t: Test, options: object, preHandler: Guard | Guard[], inHooks?: Guard) {
  const routes = async (app: FastifyInstance) => {
    await app.register(async (scope) => {
      if (inHooks) scope.addHook('preHandler', inHooks)
      scope.get('/members', { preHandler }, async () => 'ok')
    })
    app.get('/others', { preHandler: requireUser() }, async () => 'ok')
  }
  const { app } = await buildApi(t, { options: { keysTimeoutSeconds: 1, ...options }, routes })
  return app.ready()
}

t.test('requireMember where no issuer has guests throws at startup, and names the routes', async (t) => {
  const message = /^GET \/members has requireMember, .*; use requireUser or another guard$/
  const wrong = { constructor: EntraConfigurationError, message }
  const guards: Record<string, [Guard | Guard[], inHooks?: Guard]> = {
    alone: [requireMember()],
    'beside others': [[requireScope('a'), requireMember()]],
    'within allOf': [allOf(requireScope('a'), requireMember())],
    'within anyOf': [anyOf(requireScope('a'), allOf(requireUser(), requireMember()))],
    'in a hook of a scope': [requireScope('a'), requireMember()]
  }
  const { provider: _, ...anyProvider } = keycloak
  for (const [name, [guard, inHooks]] of Object.entries(guards)) {
    await t.rejects(startWith(t, keycloak, guard, inHooks), wrong, name)
    await t.rejects(startWith(t, b2c, guard, inHooks), wrong, `${name}, Azure AD B2C`)
  }
  await t.rejects(startWith(t, anyProvider, requireMember()), wrong, 'any provider')
  await t.rejects(startWith(t, { tenants: [keycloak, b2c] }, requireMember()), wrong, 'several of them')
})

t.test('requireMember starts where one of several issuers has guests, and other guards always', async (t) => {
  await t.resolves(startWith(t, tenant, requireMember()))
  await t.resolves(startWith(t, { tenants: [keycloak, tenant] }, requireMember()))
  await t.resolves(startWith(t, keycloak, requireUser()))
})

async function start(t: Test, options: object = {}) {
  let calls = 0
  const policy = requirePolicy('counted', () => {
    calls += 1
    return true
  })
  const routes = (app: FastifyInstance) => {
    app.get('/me', async ({ principal }) => principal)
    app.get('/optional', { config: { auth: 'optional' } }, async ({ principalOrNull }) => principalOrNull)
    app.get('/policy', { preHandler: policy }, async () => 'ok')
    app.get('/members', { preHandler: requireMember() }, async () => 'ok')
    app.get('/some/:id', { preHandler: anyOf(requireMember(), requireScope('x')) }, async () => 'ok')
  }
  return { ...(await startApi(t, { options, routes })), policyCalls: () => calls }
}

t.test('the log says once which optional claim to switch on, and the response each time', async (t) => {
  const { tenant, get, logged } = await start(t)
  const lines = () => logged().match(/requireMember refuses users whose tokens do not show/g)?.length ?? 0
  t.equal((await get('/members', await tenant.userToken({ acct: 1 }))).status, 403)
  t.equal(lines(), 0, 'a guest is refused, and nothing is amiss')
  const token = await tenant.userToken()
  for (const path of ['/some/7', '/members', '/members']) {
    const detail =
      /This route requires .*\. Switch on the optional claim acct for access tokens in this API's registration\.$/
    const expected = { status: 403, code: 'membership_unknown', error: 'insufficient_scope', detail }
    const scope = path === '/members' ? {} : { scope: `api://${clientId}/x` }
    checkRefusal(t, await get(path, token), { ...expected, ...scope })
  }
  t.equal(lines(), 1)
  const line =
    logged()
      .split('\n')
      .find((each) => each.includes('requireMember refuses')) ?? '{}'
  t.match(JSON.parse(line), { level: 40, route: 'GET /some/:id', optionalClaim: 'acct' })
})

t.test(
  'a token that shows neither a user nor an app is refused before guards, on every route that inspects it',
  async (t) => {
    for (const options of [{}, { tokenCache: false }, { rolelessClients: [callerId] }]) {
      const { tenant, app, get, policyCalls } = await start(t, options)
      const token = await tenant.appToken({ oid: undefined, idtyp: undefined })
      const expected = { status: 403, code: 'caller_kind_unknown', error: 'insufficient_scope', detail: /idtyp/ }
      for (const path of ['/me', '/optional', '/policy', '/members', '/nowhere', '/me'])
        checkRefusal(t, await get(path, token), expected)
      t.equal(policyCalls(), 0, 'no policy was evaluated')
      await t.rejects(app.verifyToken(token), { code: 'caller_kind_unknown', statusCode: 403 })
      t.equal((await get('/me', await tenant.appToken({ oid: undefined }))).status, 200, 'idtyp shows it')
      const user = await tenant.userToken({ oid: undefined })
      t.match(JSON.parse((await get('/me', user)).body), { kind: 'user' }, 'a scope shows it')
    }
  }
)

t.test('an AI agent that acts as a user has kind user, and principal.agent', async (t) => {
  const { tenant, get } = await start(t)
  const facets = { xms_act_fct: '3 9 11', xms_sub_fct: '2 3' }
  const { body } = await get('/me', await tenant.userToken({ acct: 0, ...facets }))
  const agent = { flow: 'onBehalfOf', actorFacets: ['3', '9', '11'], subjectFacets: ['2', '3'] }
  t.match(JSON.parse(body), { kind: 'user', membership: 'member', isGuest: false, agent })
  const ordinary = await get('/me', await tenant.userToken({ xms_act_fct: '3 9', xms_sub_fct: '2 3' }))
  t.notOk('agent' in JSON.parse(ordinary.body), 'facets of others make no agent')
})
