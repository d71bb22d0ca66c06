import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { ruleRefusal } from '../../../src/plugin/authorization/authorize.js'
import { describe, type Policy, type Rule, scopesOf } from '../../../src/plugin/authorization/rules.js'
import type { Principal } from '../../../src/plugin/claims/principal.js'
import { toPrincipal } from '../../../src/plugin/entra/principal.js'

const bare = { tid: '11111111-2222-4333-8444-555555555555', sub: 's', oid: 'o', ver: '2.0', azp: 'c' }

/** Callers, made of the claims that Entra sends for them. */
const callers = {
  user: toPrincipal({ ...bare, scp: 'Orders.Read access_as_user' }),
  admin: toPrincipal({ ...bare, scp: 'access_as_user', roles: ['Admin', 'Orders.Read.All'] }),
  userWithoutScopes: toPrincipal({ ...bare, idtyp: 'user', roles: ['Orders.Read.All'] }),
  app: toPrincipal({ ...bare, idtyp: 'app', roles: ['Orders.Read.All'] }),
  appWithAdmin: toPrincipal({ ...bare, idtyp: 'app', roles: ['Admin', 'Orders.Read'] }),
  appWithScp: toPrincipal({ ...bare, idtyp: 'app', scp: 'Orders.Read', roles: ['x'] })
} satisfies Record<string, Principal>

type Caller = keyof typeof callers

const scope = (name: string): Rule => ({ kind: 'scope', name })
const role = (name: string): Rule => ({ kind: 'role', name })
const appPermission = (name: string): Rule => ({ kind: 'appPermission', name })
const policy = (allows: Policy, name = 'p'): Rule => ({ kind: 'policy', name, allows })
const anyOf = (...rules: Rule[]): Rule => ({ kind: 'anyOf', rules })
const allOf = (...rules: Rule[]): Rule => ({ kind: 'allOf', rules })

const yes = policy(() => true)
const no = policy(() => false)
const down = policy(() => Promise.reject(new Error('Graph is down')))

function requestWith(errors: unknown[] = []): FastifyRequest {
  return { id: 'r', log: { error: (details: unknown) => errors.push(details) } } as unknown as FastifyRequest
}

const ask = (rule: Rule, caller: Caller, request = requestWith()) => ruleRefusal(rule, callers[caller], request)

/** 200: passes. */
async function statusOf(rule: Rule, caller: Caller): Promise<number> {
  return (await ask(rule, caller))?.status ?? 200
}

const claims: { rule: string; asks: Rule; caller: Caller; is: 200 | 403 }[] = [
  { rule: 'a user whose scp holds it', asks: scope('Orders.Read'), caller: 'user', is: 200 },
  { rule: 'another of them', asks: scope('access_as_user'), caller: 'user', is: 200 },
  { rule: 'RFC 6749 §3.3: case-sensitive', asks: scope('orders.read'), caller: 'user', is: 403 },
  { rule: 'a name, not its beginning', asks: scope('Orders'), caller: 'user', is: 403 },
  { rule: 'a name, not what it begins', asks: scope('Orders.Read.All'), caller: 'user', is: 403 },
  { rule: 'two names are no name', asks: scope('Orders.Read access_as_user'), caller: 'user', is: 403 },
  { rule: 'a role is no scope', asks: scope('Admin'), caller: 'admin', is: 403 },
  { rule: 'an app’s permission is no scope', asks: scope('Orders.Read'), caller: 'appWithAdmin', is: 403 },
  {
    rule: 'a scope is a user’s, whatever an app’s token says',
    asks: scope('Orders.Read'),
    caller: 'appWithScp',
    is: 403
  },

  { rule: 'a user whose roles holds it', asks: role('Admin'), caller: 'admin', is: 200 },
  { rule: 'a user without roles', asks: role('Admin'), caller: 'user', is: 403 },
  { rule: 'Microsoft: role values are case-sensitive', asks: role('admin'), caller: 'admin', is: 403 },
  { rule: 'an app holds no role', asks: role('Admin'), caller: 'appWithAdmin', is: 403 },
  { rule: 'a scope is no role', asks: role('Orders.Read'), caller: 'user', is: 403 },

  { rule: 'an app whose roles holds it', asks: appPermission('Orders.Read.All'), caller: 'app', is: 200 },
  { rule: 'another permission', asks: appPermission('Admin'), caller: 'app', is: 403 },
  { rule: 'a user’s role is no permission', asks: appPermission('Orders.Read.All'), caller: 'admin', is: 403 },
  { rule: 'nor without scopes', asks: appPermission('Orders.Read.All'), caller: 'userWithoutScopes', is: 403 },
  { rule: 'a scope is no permission', asks: appPermission('Orders.Read'), caller: 'user', is: 403 },

  { rule: 'delegated', asks: { kind: 'user' }, caller: 'user', is: 200 },
  { rule: 'delegated', asks: { kind: 'user' }, caller: 'app', is: 403 },
  { rule: 'app-only', asks: { kind: 'app' }, caller: 'app', is: 200 },
  { rule: 'app-only', asks: { kind: 'app' }, caller: 'admin', is: 403 }
]

t.test('the README: what the guards ask of claims', async (t) => {
  for (const { rule, asks, caller, is } of claims) {
    t.equal(await statusOf(asks, caller), is, `${describe(asks)}, asked of ${caller}: ${rule}`)
  }
})

type Answer = (principal: Principal) => unknown

const policies: { rule: string; answers: Answer; is: 200 | 403 | 503 }[] = [
  { rule: 'true', answers: () => true, is: 200 },
  { rule: 'a promise of true', answers: async () => true, is: 200 },
  { rule: 'false', answers: () => false, is: 403 },
  { rule: 'a promise of false', answers: async () => false, is: 403 },
  { rule: 'only true: 1', answers: () => 1, is: 403 },
  { rule: 'only true: "true"', answers: () => 'true', is: 403 },
  { rule: 'only true: an object', answers: () => ({ allowed: true }), is: 403 },
  { rule: 'only true: a Boolean object', answers: () => Object(true), is: 403 },
  { rule: 'only true: an array of it', answers: () => [true], is: 403 },
  { rule: 'only true: a function', answers: () => () => true, is: 403 },
  { rule: 'only true: a promise of 1', answers: async () => 1, is: 403 },
  { rule: 'only true: nothing', answers: () => undefined, is: 403 },
  { rule: 'only true: null', answers: () => null, is: 403 },
  { rule: 'a thrown error could not be asked', answers: () => JSON.parse('{'), is: 503 },
  { rule: 'a rejected promise could not be asked', answers: () => Promise.reject(new Error('down')), is: 503 },
  { rule: 'even a promise rejected with true', answers: () => Promise.reject(true), is: 503 },
  { rule: 'or with nothing', answers: () => Promise.reject(), is: 503 }
]

t.test('a policy', async (t) => {
  for (const { rule, answers, is } of policies) t.equal(await statusOf(policy(answers as Policy), 'user'), is, rule)
})

t.test('a policy that hangs holds its request until the deadline, and no longer: 503', async (t) => {
  const alive = setInterval(() => {}, 1000) // deadlines keep no process alive; a server's sockets do
  t.teardown(() => clearInterval(alive))
  const errors: { err?: unknown }[] = []
  const hangs = policy(() => new Promise(() => {}), 'hangs')
  const refusal = await ruleRefusal(hangs, callers.user, requestWith(errors), undefined, 0.02)
  t.match(refusal, { code: 'policy_unavailable', status: 503 })
  t.match(errors, [{ err: { message: 'the policy hangs took longer than 0.02 seconds' }, policy: 'hangs' }])
  const either: Rule = { kind: 'anyOf', rules: [hangs, yes] }
  t.equal(await ruleRefusal(either, callers.user, requestWith(), undefined, 0.02), undefined, 'another one passes')
  const slow = policy(() => new Promise((resolve) => setImmediate(() => resolve(true))))
  t.equal(await ruleRefusal(slow, callers.user, requestWith()), undefined, 'in time')
})

t.test('a policy is asked of the caller and the request', async (t) => {
  const request = requestWith()
  const asked: unknown[] = []
  await ask(
    policy((...all) => asked.push(...all) > 0),
    'user',
    request
  )
  t.equal(asked[0], callers.user)
  t.equal(asked[1], request)
})

t.test('the contract: 503 with Retry-After; the operator is told why, the client is not', async (t) => {
  const errors: unknown[] = []
  const reason = new Error('connect ECONNREFUSED 10.0.0.7:443')
  const refusal = await ask(
    policy(() => Promise.reject(reason), 'owns-order'),
    'user',
    requestWith(errors)
  )
  t.ok((refusal?.retryAfterSeconds ?? 0) >= 1)
  t.notMatch(JSON.stringify(refusal), /ECONN|10\.0/)
  const { name, message, stack } = reason
  t.same(errors, [{ err: { name, message, stack }, policy: 'owns-order' }])
})

const combined: { rule: string; asks: Rule; is: 200 | 403 | 503 }[] = [
  { rule: 'any pass wins: the first', asks: anyOf(yes, no), is: 200 },
  { rule: 'any pass wins: the last', asks: anyOf(no, no, yes), is: 200 },
  { rule: 'any pass wins over what could not be asked', asks: anyOf(down, yes), is: 200 },
  { rule: 'any pass wins, and the rest need not be asked', asks: anyOf(yes, down), is: 200 },
  { rule: 'any pass wins, after both', asks: anyOf(no, down, yes), is: 200 },
  { rule: 'only when all say no it is a 403', asks: anyOf(no, no), is: 403 },
  { rule: 'one alone', asks: anyOf(no), is: 403 },
  { rule: 'else any answer that could not be had: first', asks: anyOf(down, no), is: 503 },
  { rule: 'else any answer that could not be had: last', asks: anyOf(no, down), is: 503 },
  { rule: 'else any answer that could not be had: in between', asks: anyOf(no, down, no), is: 503 },
  { rule: 'all pass', asks: allOf(yes, yes), is: 200 },
  { rule: 'one alone', asks: allOf(yes), is: 200 },
  { rule: 'all: not the first', asks: allOf(no, yes), is: 403 },
  { rule: 'all: not the last', asks: allOf(yes, yes, no), is: 403 },
  { rule: 'all: one could not be asked, and might be a no', asks: allOf(yes, down), is: 503 },
  { rule: 'nested: any of all', asks: anyOf(allOf(yes, no), allOf(yes, yes)), is: 200 },
  { rule: 'nested: any of all, none', asks: anyOf(allOf(yes, no), allOf(no, yes)), is: 403 },
  { rule: 'nested: all of any', asks: allOf(anyOf(no, yes), anyOf(yes, no)), is: 200 },
  { rule: 'nested: all of any, not one', asks: allOf(anyOf(no, yes), anyOf(no, no)), is: 403 },
  { rule: 'nested: unknown within any of all', asks: anyOf(allOf(yes, down), no), is: 503 },
  { rule: 'nested: unknown within all of any', asks: allOf(anyOf(no, down), yes), is: 503 }
]

t.test('anyOf, allOf', async (t) => {
  for (const { rule, asks, is } of combined) t.equal(await statusOf(asks, 'user'), is, rule)
})

t.test('the contract: GET /users', async (t) => {
  const users = anyOf(allOf(scope('Directory.Read'), role('Admin')), appPermission('Directory.Read.All'))
  const rows: [what: string, claims: Record<string, unknown>, is: number][] = [
    ['the scope with the role', { scp: 'Directory.Read', roles: ['Admin'] }, 200],
    ['the scope alone', { scp: 'Directory.Read' }, 403],
    ['the role alone', { scp: 'a', roles: ['Admin'] }, 403],
    ['a user with a role of the permission’s name', { scp: 'Directory.Read', roles: ['Directory.Read.All'] }, 403],
    ['the application permission', { idtyp: 'app', roles: ['Directory.Read.All'] }, 200],
    ['an app with a permission of the role’s name', { idtyp: 'app', scp: 'Directory.Read', roles: ['Admin'] }, 403]
  ]
  for (const [what, more, is] of rows) {
    t.equal((await ruleRefusal(users, toPrincipal({ ...bare, ...more }), requestWith()))?.status ?? 200, is, what)
  }
})

/** A policy that notes that it was asked. */
function noted(answer: boolean, log: string[], name: string): Rule {
  return policy(() => {
    log.push(name)
    return answer
  }, name)
}

t.test('in turn, and no further than needed', async (t) => {
  const log: string[] = []
  await ask(anyOf(noted(false, log, 'a'), noted(true, log, 'b'), noted(true, log, 'c')), 'user')
  t.strictSame(log.splice(0), ['a', 'b'], 'anyOf stops at a pass')
  await ask(allOf(noted(true, log, 'a'), noted(false, log, 'b'), noted(true, log, 'c')), 'user')
  t.strictSame(log.splice(0), ['a', 'b'], 'allOf stops at a no')
  await ask(anyOf(scope('Orders.Read'), noted(true, log, 'a')), 'user')
  t.strictSame(log, [], 'what claims can say is not asked elsewhere')
})

const hints: { rule: string; asks: Rule; caller: Caller; is: readonly string[] | undefined }[] = [
  { rule: 'RFC 6750 §3: the scope it needs', asks: scope('Orders.Write'), caller: 'user', is: ['Orders.Write'] },
  { rule: 'no scope helps with a role', asks: role('Admin'), caller: 'user', is: undefined },
  { rule: 'nor with a permission', asks: appPermission('x'), caller: 'app', is: undefined },
  { rule: 'nor with a policy', asks: no, caller: 'user', is: undefined },
  { rule: 'any: each would help', asks: anyOf(scope('a'), scope('b')), caller: 'user', is: ['a', 'b'] },
  { rule: 'any: the scope would help', asks: anyOf(scope('a'), appPermission('b')), caller: 'user', is: ['a'] },
  { rule: 'all: both are needed', asks: allOf(scope('a'), scope('b')), caller: 'user', is: ['a', 'b'] },
  { rule: 'each once', asks: anyOf(scope('a'), allOf(scope('a'), role('b'))), caller: 'user', is: ['a'] },
  { rule: 'deep', asks: allOf(anyOf(scope('a'), allOf(scope('b')))), caller: 'user', is: ['a', 'b'] },
  {
    rule: 'the contract: scope only where a scope would help, and this one is held',
    asks: allOf(scope('Orders.Read'), role('Admin')),
    caller: 'user',
    is: undefined
  }
]

t.test('the contract: 403 insufficient_scope, with scope where a scope would help', async (t) => {
  for (const { rule, asks, caller, is } of hints) {
    const refusal = await ask(asks, caller)
    t.equal(refusal?.error, 'insufficient_scope', rule)
    t.strictSame(refusal?.scopes, is, `${rule}: ${describe(asks)}`)
  }
})

const words: [Rule, string][] = [
  [scope('a'), 'the scope a'],
  [role('a'), 'the role a, held by a user'],
  [appPermission('a'), 'the application permission a'],
  [{ kind: 'user' }, 'a user'],
  [{ kind: 'app' }, 'an app-only token'],
  [policy(() => true, 'owns-order'), 'the policy owns-order'],
  [anyOf(scope('a'), appPermission('b')), 'the scope a, or the application permission b'],
  [allOf(scope('a'), scope('b')), 'the scope a, and the scope b'],
  [
    anyOf(allOf(scope('a'), scope('b')), appPermission('c')),
    '(the scope a, and the scope b), or the application permission c'
  ],
  [allOf(anyOf(scope('a'), scope('b')), scope('c')), '(the scope a, or the scope b), and the scope c']
]

t.test('the contract: detail tells the client’s developer what is asked for', async (t) => {
  for (const [rule, is] of words) t.equal(describe(rule), is)
  const detail = (await ask(anyOf(scope('a'), appPermission('b')), 'user'))?.detail ?? ''
  t.match(detail, 'the scope a, or the application permission b')
  const { detail: ofAll = '' } = (await ask(allOf(scope('Orders.Read'), role('Admin')), 'user')) ?? {}
  t.match(ofAll, 'Admin')
})

t.test('for documents: the scopes of a rule', async (t) => {
  t.strictSame(scopesOf(scope('a')), ['a'])
  t.strictSame(scopesOf(anyOf(scope('b'), scope('a'), scope('b'))), ['b', 'a'], 'each once, in their order')
  t.strictSame(scopesOf(allOf(role('a'), appPermission('b'), yes, { kind: 'user' }, { kind: 'app' })), [])
})
