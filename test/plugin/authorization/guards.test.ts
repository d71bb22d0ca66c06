import Fastify, { type FastifyInstance, type RouteShorthandOptions } from 'fastify'
import t from 'tap'
import { createAudit } from '../../../src/plugin/audit/audit.js'
import { type Guard, isGuard } from '../../../src/plugin/authorization/guard.js'
import {
  allOf,
  anyOf,
  requireApp,
  requireAppPermission,
  requireRole,
  requireScope,
  requireUser
} from '../../../src/plugin/authorization/guards.js'
import type { Principal } from '../../../src/plugin/claims/principal.js'
import { toPrincipal } from '../../../src/plugin/entra/principal.js'
import { createGuardHost } from '../../../src/plugin/fastify/enforce.js'
import { requirePolicy } from '../../../src/plugin/fastify/request-policy.js'
import { decoratePrincipal, setPrincipal } from '../../../src/plugin/fastify/request-principal.js'
import { refusalSender } from '../../../src/plugin/fastify/send-refusal.js'
import { pluginMark } from '../../../src/plugin/lib/marks.js'
import { until } from '../../faults/waits.js'
import { startApi } from '../../support/api.js'
import { checkRefusal } from '../../support/http.js'
import { startTestTenant, tenantId } from '../../support/tenant.js'

const bare = { tid: tenantId, sub: 's', oid: 'o', ver: '2.0', azp: 'c' }
const user = toPrincipal({ ...bare, scp: 'Orders.Read', roles: ['Admin'] })
const app = toPrincipal({ ...bare, idtyp: 'app', roles: ['Orders.Read.All'] })

interface Test {
  teardown(handler: () => unknown): unknown
}

/** A real instance with what guards find on it, and the caller given. */
function appFor(t: Test, principal: Principal | null): FastifyInstance {
  const instance = Fastify()
  t.teardown(() => instance.close())
  const { allowed, ...audit } = createAudit({ level: 'off', personalData: false })
  const refuse = refusalSender({ realm: 'realm', resourceMetadata: undefined }, { allowed, ...audit })
  instance.decorate(
    pluginMark,
    createGuardHost({
      refuse,
      allowed,
      groupsOf: undefined,
      policySeconds: 5,
      passed: () => {},
      scopeNameFor: () => (scope) => scope
    })
  )
  decoratePrincipal(instance)
  instance.addHook('onRequest', async (request) => setPrincipal(request, principal))
  return instance
}

async function answerTo(t: Test, preHandler: RouteShorthandOptions['preHandler'], principal: Principal | null) {
  const instance = appFor(t, principal)
  let handled = 0
  instance.get('/', { ...(preHandler && { preHandler }) }, async () => {
    handled += 1
    return 'secret'
  })
  const { statusCode, headers, body } = await instance.inject('/')
  return { statusCode, headers, body, handled }
}

const one: { rule: string; guard: Guard; principal: Principal | null; is: number }[] = [
  { rule: 'passes', guard: requireScope('Orders.Read'), principal: user, is: 200 },
  { rule: 'lacks it', guard: requireScope('Orders.Write'), principal: user, is: 403 },
  { rule: 'passes', guard: requireRole('Admin'), principal: user, is: 200 },
  { rule: 'is no user', guard: requireRole('Orders.Read.All'), principal: app, is: 403 },
  { rule: 'passes', guard: requireAppPermission('Orders.Read.All'), principal: app, is: 200 },
  { rule: 'is no app', guard: requireAppPermission('Admin'), principal: user, is: 403 },
  { rule: 'passes', guard: requireUser(), principal: user, is: 200 },
  { rule: 'is no user', guard: requireUser(), principal: app, is: 403 },
  { rule: 'passes', guard: requireApp(), principal: app, is: 200 },
  { rule: 'is no app', guard: requireApp(), principal: user, is: 403 },
  { rule: 'passes', guard: requirePolicy('p', ({ kind }) => kind === 'user'), principal: user, is: 200 },
  { rule: 'does not pass', guard: requirePolicy('p', ({ kind }) => kind === 'user'), principal: app, is: 403 },
  {
    rule: 'cannot be asked',
    guard: requirePolicy('p', () => Promise.reject(new Error('down'))),
    principal: app,
    is: 503
  },
  { rule: 'any', guard: anyOf(requireScope('x'), requireAppPermission('Orders.Read.All')), principal: app, is: 200 },
  { rule: 'any, none', guard: anyOf(requireScope('x'), requireAppPermission('y')), principal: user, is: 403 },
  { rule: 'all', guard: allOf(requireScope('Orders.Read'), requireRole('Admin')), principal: user, is: 200 },
  { rule: 'all, not one', guard: allOf(requireScope('Orders.Read'), requireRole('x')), principal: user, is: 403 }
]

t.test('as a preHandler: the handler runs if, and only if, the guard passes', async (t) => {
  for (const { rule, guard, principal, is } of one) {
    const { statusCode, handled } = await answerTo(t, guard, principal)
    t.strictSame([statusCode, handled], [is, is === 200 ? 1 : 0], `${guard.rule.kind}: ${rule}`)
  }
})

t.test('the contract: a stranger on an optional route meets a guard: 401, and no error in the challenge', async (t) => {
  for (const guard of [
    requireScope('a'),
    requireUser(),
    requirePolicy('p', () => true),
    anyOf(requireUser(), requireApp())
  ]) {
    const { statusCode, headers, handled } = await answerTo(t, guard, null)
    t.strictSame([statusCode, handled], [401, 0], guard.rule.kind)
    t.equal(headers['www-authenticate'], 'Bearer realm="realm"')
  }
})

t.test('a policy is not asked about strangers', async (t) => {
  let asked = 0
  const policy = requirePolicy('p', () => {
    asked += 1
    return true
  })
  await answerTo(t, policy, null)
  t.equal(asked, 0)
})

t.test('a policy sees the request, parsed', async (t) => {
  const instance = appFor(t, user)
  const owns = requirePolicy('owns', ({ id }, request) => (request.params as { owner: string }).owner === id)
  instance.get('/of/:owner', { preHandler: owns }, async () => 'secret')
  t.equal((await instance.inject('/of/o')).statusCode, 200)
  t.equal((await instance.inject('/of/p')).statusCode, 403)
})

t.test('the README: an array of preHandlers is all of them', async (t) => {
  const pass = requireScope('Orders.Read')
  const fail = requireRole('x')
  for (const [guards, is] of [
    [[pass, requireRole('Admin')], 200],
    [[pass, fail], 403],
    [[fail, pass], 403]
  ] as const) {
    const { statusCode, handled } = await answerTo(t, [...guards], user)
    t.strictSame([statusCode, handled], [is, is === 200 ? 1 : 0])
  }
})

t.test('one guard on many routes and requests remembers nothing', async (t) => {
  const guard = requireScope('Orders.Read')
  for (const [principal, is] of [
    [user, 200],
    [app, 403],
    [user, 200],
    [null, 401],
    [user, 200]
  ] as const) {
    t.equal((await answerTo(t, guard, principal)).statusCode, is)
  }
})

const byName = {
  requireScope,
  requireRole,
  requireAppPermission,
  requirePolicy: (name: string) => requirePolicy(name, () => true)
}

t.test('RFC 6749 §3.3: every character of a scope-token', async (t) => {
  const all = "!#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~"
  for (const make of Object.values(byName)) t.match(make(all).rule, { name: all })
})

t.test('a guard has its rule as data', async (t) => {
  t.strictSame(requireScope('a').rule, { kind: 'scope', name: 'a' })
  t.strictSame(requireRole('a').rule, { kind: 'role', name: 'a' })
  t.strictSame(requireAppPermission('a').rule, { kind: 'appPermission', name: 'a' })
  t.strictSame(requireUser().rule, { kind: 'user' })
  t.strictSame(requireApp().rule, { kind: 'app' })
  const allows = () => true
  t.strictSame(requirePolicy('a', allows).rule, { kind: 'policy', name: 'a', allows })
  t.strictSame(allOf(anyOf(requireUser(), requireApp()), requireScope('a')).rule, {
    kind: 'allOf',
    rules: [
      { kind: 'anyOf', rules: [{ kind: 'user' }, { kind: 'app' }] },
      { kind: 'scope', name: 'a' }
    ]
  })
})

t.test('a guard is distinguished from other preHandlers', async (t) => {
  t.ok(isGuard(requireUser()))
  t.ok(isGuard(anyOf(requireUser())))
  for (const other of [async () => {}, requireUser, undefined, null, 'rule', { rule: {} }]) t.notOk(isGuard(other))
})

t.test('with the plugin: tokens that Entra signs', async (t) => {
  const tenant = await startTestTenant(t)
  const routes = {
    '/role': { preHandler: requireRole('Reports') },
    '/permission': { preHandler: requireAppPermission('Reports') },
    '/optional': { config: { auth: 'optional' }, preHandler: requireUser() }
  } as const
  const { get } = await startApi(t, { tenant, routes })
  const asUser = await tenant.userToken({ roles: ['Reports'] })
  const asApp = await tenant.appToken({ roles: ['Reports'] })
  const rows: [path: string, token: string | undefined, is: number][] = [
    ['/role', asUser, 200],
    ['/role', asApp, 403],
    ['/permission', asUser, 403],
    ['/permission', asApp, 200],
    ['/optional', undefined, 401],
    ['/optional', asUser, 200],
    ['/optional', asApp, 403]
  ]
  for (const [path, token, is] of rows) {
    const who = token === asUser ? 'a user' : token ? 'an app' : 'nobody'
    t.equal((await get(path, token)).status, is, `${path} as ${who}`)
  }
})

t.test(
  'with the plugin: a policy that hangs is a 503 after keysTimeoutSeconds, for its own request alone',
  async (t) => {
    const hangs = requirePolicy('hangs', () => new Promise(() => {}))
    const routes = { '/hangs': { preHandler: hangs }, '/other': { preHandler: requireUser() } }
    const { app, tenant, get } = await startApi(t, { options: { keysTimeoutSeconds: 1 }, routes })
    await until('the keys to be there', () => app.entra.ready)
    const token = await tenant.userToken()
    const late = get('/hangs', token)
    t.equal((await get('/other', token)).status, 200)
    checkRefusal(t, await late, { status: 503, code: 'policy_unavailable' })
  }
)
