import Fastify, { type FastifyInstance, type FastifyRequest, type RouteShorthandOptions } from 'fastify'
import t from 'tap'
import { sendRefusal } from '../../src/plugin/challenge.js'
import { EntraConfigurationError } from '../../src/plugin/errors.js'
import {
  allOf,
  anyOf,
  type Guard,
  isGuard,
  refuseRequest,
  requireApp,
  requireAppPermission,
  requirePolicy,
  requireRole,
  requireScope,
  requireUser
} from '../../src/plugin/guards.js'
import { fastifyEntra } from '../../src/plugin/plugin.js'
import { toPrincipal } from '../../src/plugin/principal.js'
import type { Policy } from '../../src/plugin/rules.js'
import type { Principal } from '../../src/plugin/types.js'
import { clientId, startTestTenant, tenantId } from '../support/tenant.js'

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
  instance.decorate(refuseRequest, (request, reply, why) => sendRefusal(request, reply, why, 'realm'))
  instance.decorateRequest('principalOrNull', null)
  instance.addHook('onRequest', async (request) => {
    request.principalOrNull = principal
  })
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

/** RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ). */
const noNames: [what: string, name: unknown][] = [
  ['empty', ''],
  ['a space', ' '],
  ['two names', 'Orders.Read Orders.Write'],
  ['space before', ' a'],
  ['space behind', 'a '],
  ['a tab', 'a\tb'],
  ['a line break', 'a\n'],
  ['%x22', 'a"b'],
  ['%x5C', 'a\\b'],
  ['%x7F', 'a\u007f'],
  ['%x80', 'a\u0080'],
  ['beyond ASCII', 'zażółć'],
  ['nothing', undefined],
  ['null', null],
  ['a number', 5],
  ['a list', ['Orders.Read', 'Orders.Write']]
]

t.test('a name that no token can hold throws when declared, and says whose', async (t) => {
  for (const [by, make] of Object.entries(byName)) {
    for (const [what, name] of noNames) {
      try {
        make(name as string)
        t.fail(`${by} took ${what}`)
      } catch (error) {
        t.ok(error instanceof EntraConfigurationError, `${by}: ${what}: ${error}`)
        t.match(String(error), by)
        t.notMatch(String(error), /[\r\n]/)
      }
    }
  }
})

t.test('RFC 6749 §3.3: every character of a scope-token', async (t) => {
  const all = "!#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~"
  for (const make of Object.values(byName)) t.match(make(all).rule, { name: all })
})

const empties: [what: string, make: () => unknown, by: string][] = [
  ['anyOf of nothing', () => anyOf(), 'anyOf'],
  ['allOf of nothing', () => allOf(), 'allOf'],
  ['anyOf of an emptied list', () => anyOf(...[]), 'anyOf'],
  ['anyOf of a name', () => anyOf('Orders.Read' as unknown as Guard), 'anyOf'],
  ['anyOf of a guard and a name', () => anyOf(requireUser(), 'Admin' as unknown as Guard), 'anyOf'],
  ['allOf of a guard and nothing', () => allOf(requireUser(), undefined as unknown as Guard), 'allOf'],
  ['anyOf of a guard that was not called', () => anyOf(requireUser as unknown as Guard), 'anyOf'],
  ['allOf of another preHandler', () => allOf((async () => {}) as unknown as Guard), 'allOf'],
  ['anyOf of a list of guards', () => anyOf([requireUser()] as unknown as Guard), 'anyOf'],
  ['allOf of a rule', () => allOf({ rule: { kind: 'user' } } as unknown as Guard), 'allOf'],
  ['a policy of nothing', () => requirePolicy('p', undefined as unknown as Policy), 'requirePolicy'],
  ['a policy that is a promise', () => requirePolicy('p', Promise.resolve(true) as unknown as Policy), 'requirePolicy'],
  ['a policy that is true', () => requirePolicy('p', true as unknown as Policy), 'requirePolicy']
]

t.test(
  'the README: empty ones, and what is no guard, throw when declared: not at a request, as an outage',
  async (t) => {
    for (const [what, make, by] of empties) {
      try {
        make()
        t.fail(`accepted: ${what}`)
      } catch (error) {
        t.ok(error instanceof EntraConfigurationError, `${what}: ${error}`)
        t.match(String(error), by)
      }
    }
  }
)

t.test('the README: a guard is a value that describes itself', async (t) => {
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

t.test('a guard is told from other preHandlers', async (t) => {
  t.ok(isGuard(requireUser()))
  t.ok(isGuard(anyOf(requireUser())))
  for (const other of [async () => {}, requireUser, undefined, null, 'rule', { rule: {} }]) t.notOk(isGuard(other))
})

t.test('where the plugin is not registered a guard lets nobody in, and says what is missing', async (t) => {
  const errors: unknown[] = []
  const instance = Fastify()
  t.teardown(() => instance.close())
  instance.addHook('onError', async (_request: FastifyRequest, _reply, error) => {
    errors.push(error)
  })
  let handled = 0
  instance.get('/', { preHandler: anyOf(requireUser(), requireApp()) }, async () => {
    handled += 1
  })
  const { statusCode } = await instance.inject('/')
  t.strictSame([statusCode, handled], [500, 0], 'a mistake in the program, not of the client')
  t.ok(errors[0] instanceof EntraConfigurationError)
  t.match(String(errors[0]), 'fastify-entra is not registered')
})

t.test('where the plugin is registered in a scope beside, a guard lets nobody in either', async (t) => {
  const tenant = await startTestTenant()
  t.teardown(() => tenant.close())
  const instance = Fastify()
  t.teardown(() => instance.close())
  await instance.register(async (scope) => {
    await scope.register(fastifyEntra, { tenantId, clientId, authority: tenant.origin })
    scope.get('/inside', { preHandler: requireScope('access_as_user') }, async () => 'inside')
  })
  instance.get('/outside', { preHandler: requireScope('access_as_user') }, async () => 'outside')
  const headers = { authorization: `Bearer ${await tenant.userToken()}` }
  t.equal((await instance.inject({ url: '/inside', headers })).body, 'inside')
  const outside = await instance.inject({ url: '/outside', headers })
  t.equal(outside.statusCode, 500)
  t.notMatch(outside.body, /^outside/)
})

t.test('with the plugin: tokens that Entra signs', async (t) => {
  const tenant = await startTestTenant()
  t.teardown(() => tenant.close())
  const instance = Fastify()
  t.teardown(() => instance.close())
  await instance.register(fastifyEntra, { tenantId, clientId, authority: tenant.origin })
  instance.get('/role', { preHandler: requireRole('Reports') }, async () => 'role')
  instance.get('/permission', { preHandler: requireAppPermission('Reports') }, async () => 'permission')
  instance.get('/optional', { config: { auth: 'optional' }, preHandler: requireUser() }, async () => 'optional')
  const asUser = `Bearer ${await tenant.userToken({ roles: ['Reports'] })}`
  const asApp = `Bearer ${await tenant.appToken({ roles: ['Reports'] })}`
  const rows: [url: string, authorization: string | undefined, is: number][] = [
    ['/role', asUser, 200],
    ['/role', asApp, 403],
    ['/permission', asUser, 403],
    ['/permission', asApp, 200],
    ['/optional', undefined, 401],
    ['/optional', asUser, 200],
    ['/optional', asApp, 403]
  ]
  for (const [url, authorization, is] of rows) {
    const { statusCode } = await instance.inject({ url, headers: { ...(authorization && { authorization }) } })
    t.equal(
      statusCode,
      is,
      `${url} as ${authorization === asUser ? 'a user' : authorization ? 'an app' : 'a stranger'}`
    )
  }
})

t.test('a scope has no App ID URI: scp holds short names', async (t) => {
  t.throws(() => requireScope('api://orders/Orders.Read'), EntraConfigurationError)
})

t.test('the README: one name each, also for who has no compiler to say so', async (t) => {
  for (const require of [requireScope, requireRole, requireAppPermission]) {
    const untyped = require as (...names: string[]) => Guard
    t.throws(() => untyped('a', 'b'), { message: `${require.name} takes one name without spaces, and got ["a","b"]` })
  }
})
