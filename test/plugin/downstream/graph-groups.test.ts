/** Groups overage, resolved by the built-in resolver: Graph-shaped endpoints over real HTTP, with tokens that MSAL gets. */
import t, { type Test } from 'tap'
import {
  anyOf,
  type GraphGroupsOptions,
  graphGroups,
  requireGroup,
  requireRole,
  type UserPrincipal
} from '../../../src/plugin/index.js'
import { until } from '../../faults/waits.js'
import { buildApi, optionsFor, startApi } from '../../support/api.js'
import { callerId, clientId, startTestTenant, tenantId } from '../../support/tenant.js'
import { granted, type Reply, refused, replying, secret, serveTokens } from '../../support/token-endpoint.js'

const group = 'aaaaaaaa-1111-4222-8333-444444444444'
const other = 'bbbbbbbb-1111-4222-8333-444444444444'
const overage = { _claim_names: { groups: 'src1' } }
const many = Array.from({ length: 45 }, (_, n) => `cccccccc-1111-4222-8333-${String(n).padStart(12, '0')}`)
/** Other users, whom Graph knows as well. */
const users = Array.from({ length: 7 }, (_, n) => `dddddddd-1111-4222-8333-${String(n).padStart(12, '0')}`)

interface Call {
  readonly action: string
  readonly body: Record<string, unknown>
  readonly authorization: string | undefined
}

/** An API with guards for groups, and Graph in its tenant's place. */
async function start(t: Test, graph: GraphGroupsOptions = {}, options: object = {}) {
  const tenant = await startTestTenant(t)
  const tokens = serveTokens(tenant, (form) =>
    granted(`${form.get('grant_type') === 'client_credentials' ? 'app' : 'user'}-token`)
  )
  const calls: Call[] = []
  const answers: Record<string, (body: Record<string, unknown>) => Reply | undefined> = {
    getMemberObjects: () => ({ body: { value: [group.toUpperCase()] } }),
    checkMemberGroups: ({ groupIds }) => ({ body: { value: (groupIds as string[]).filter((id) => id === group) } })
  }
  for (const action of Object.keys(answers)) {
    const listener = replying((text, { headers: { authorization } }) => {
      const body = JSON.parse(text) as Record<string, unknown>
      calls.push({ action, body, authorization })
      return answers[action]?.(body)
    })
    for (const user of [callerId, ...users]) tenant.answers.set(`/v1.0/users/${user}/${action}`, listener)
  }
  const groups = graphGroups({ url: tenant.origin, ...graph })
  const routes = {
    '/group': { preHandler: requireGroup(group) },
    '/other': { preHandler: requireGroup(other) },
    '/either': { preHandler: anyOf(requireGroup(group), requireRole('Admin')) },
    '/many': { preHandler: anyOf(...many.map((id) => requireGroup(id)), requireGroup('no-guid')) },
    '/any': {}
  }
  const given = { downstream: { clientSecret: secret }, groups, ...options }
  const { app, get, outcome, logged } = await startApi(t, { tenant, options: given, routes })
  await until('the keys to be there', () => app.entra.ready)
  const ask = async (claims: object = overage, path = '/group') => outcome(path, await tenant.userToken({ ...claims }))
  const evaluateAll = async (claims: object) => get('/group', await tenant.userToken({ ...claims }))
  return { tenant, tokens, calls, answers, ask, evaluateAll, logged }
}

t.test('all groups of the user, with the permission of the API; one call for each token', async (t) => {
  const { ask, calls, tokens } = await start(t)
  const token = { ...overage, iat: 1_700_000_000, exp: Math.floor(Date.now() / 1000) + 600 }
  t.equal(await ask(token), '200')
  t.equal(await ask(token, '/other'), '403 insufficient_permissions')
  t.same(calls, [
    { action: 'getMemberObjects', body: { securityEnabledOnly: true }, authorization: 'Bearer app-token' }
  ])
  t.match(tokens.forms[0]?.get('scope'), /^http:\/\/127\.0\.0\.1:\d+\/\.default/)
  t.equal(await ask({ ...overage, uti: 'another' }), '200')
  t.equal(tokens.forms.length, 1)
  t.equal(calls.length, 2)
})

t.test('with the permission of the user, and groups of all kinds', async (t) => {
  const { ask, calls, tokens, tenant } = await start(t, { as: 'user', securityEnabledOnly: false })
  t.equal(await ask(), '200')
  t.same(calls, [
    { action: 'getMemberObjects', body: { securityEnabledOnly: false }, authorization: 'Bearer user-token' }
  ])
  t.match(tokens.forms[0]?.get('scope'), `${tenant.origin}/.default`)
  const named = await start(t, { as: 'user', scopes: ['User.Read', 'GroupMember.Read.All'] })
  t.equal(await named.ask(), '200')
  t.match(named.tokens.forms[0]?.get('scope'), /^GroupMember\.Read\.All User\.Read /)
})

t.test('more groups than Graph lists: the groups that guards require are checked, twenty at a time', async (t) => {
  const tooMany = { status: 400, body: { error: { code: 'Directory_ResultSizeLimitExceeded' } } }
  for (const reply of [tooMany, { body: { value: [other], '@odata.nextLink': 'https://elsewhere.example/' } }]) {
    const { ask, calls, answers } = await start(t)
    answers.getMemberObjects = () => reply
    const token = { ...overage, iat: 1_700_000_000, exp: Math.floor(Date.now() / 1000) + 600 }
    t.equal(await ask(token), '200')
    t.equal(await ask(token, '/other'), '403 insufficient_permissions')
    t.equal(await ask(token, '/many'), '403 insufficient_permissions')
    const batches = calls
      .filter(({ action }) => action === 'checkMemberGroups')
      .map(({ body }) => body.groupIds as string[])
    t.same(batches.map(({ length }) => length).sort(), [20, 20, 7])
    t.same(batches.flat().sort(), [group, other, ...many].sort(), 'each once, and GUIDs only')
    t.equal(calls.length, 4)
  }
})

const rows: [name: string, of: 'token' | 'getMemberObjects' | 'checkMemberGroups', reply: Reply | undefined][] = [
  ['is down', 'getMemberObjects', { status: 503, body: {} }],
  ['limits', 'getMemberObjects', { status: 429, headers: { 'retry-after': '10' }, body: {} }],
  ['hangs', 'getMemberObjects', undefined],
  ['refuses', 'getMemberObjects', { status: 403, body: { error: { code: 'Authorization_RequestDenied' } } }],
  ['refuses the request', 'getMemberObjects', { status: 400, body: { error: { code: 'Request_BadRequest' } } }],
  ['knows no such user', 'getMemberObjects', { status: 404, body: {} }],
  ['answers a page', 'getMemberObjects', { body: '<html>' }],
  ['answers null', 'getMemberObjects', { body: 'null' }],
  ['answers no list', 'getMemberObjects', { body: { value: group } }],
  ['answers numbers', 'getMemberObjects', { body: { value: [7] } }],
  ['redirects', 'getMemberObjects', { status: 302, headers: { location: '/elsewhere' }, body: { value: [group] } }],
  ['is down at the second question', 'checkMemberGroups', { status: 500, body: {} }],
  ['answers nonsense to the second question', 'checkMemberGroups', { body: {} }],
  ['has a tenant that is down', 'token', { status: 500, body: {} }],
  ['has a tenant that refuses', 'token', refused('invalid_client', 7000215)]
]

t.test(
  'while Graph fails: 503 for that route alone, neither allowed nor denied; the next request queries Graph again',
  async (t) => {
    for (const [name, of, reply] of rows) {
      await t.test(`Graph ${name}`, async (t) => {
        const { ask, answers, tokens } = await start(t, {}, { keysTimeoutSeconds: reply ? 30 : 1 })
        const grant = tokens.grant
        const { getMemberObjects, checkMemberGroups } = answers
        if (of === 'token') tokens.grant = () => reply
        else answers[of] = () => reply
        if (of === 'checkMemberGroups')
          answers.getMemberObjects = () => ({
            status: 400,
            body: { error: { code: 'Directory_ResultSizeLimitExceeded' } }
          })
        t.equal(await ask(), '503 groups_unavailable')
        t.equal(await ask(overage, '/other'), '503 groups_unavailable')
        t.equal(await ask(overage, '/any'), '200')
        t.equal(await ask({ ...overage, roles: ['Admin'] }, '/either'), '200', 'another guard that passes wins')
        t.equal(await ask(overage, '/either'), '503 groups_unavailable', 'a guard that fails does not make it a denial')
        t.equal(await ask({ ...overage, groups: [group] }), '200', 'groups in the token decide')
        if (of === 'token' && reply?.status === 400) return // remembered for a moment
        if (reply?.status === 429) return // rests for a while: below
        tokens.grant = grant
        Object.assign(answers, { getMemberObjects, checkMemberGroups })
        await until('it to work', async () => (await ask()) === '200')
      })
    }
  }
)

t.test('after failures for five users in a row, Graph is not queried for the time of its Retry-After', async (t) => {
  const { ask, evaluateAll, answers, calls, logged } = await start(t)
  const of = (at: number) => ({ ...overage, oid: users[at] })
  answers.getMemberObjects = () => ({ status: 503, headers: { 'retry-after': '30' }, body: {} })
  for (let time = 0; time < 5; time += 1) t.equal(await ask(of(time)), '503 groups_unavailable')
  const { status, headers } = await evaluateAll(of(6))
  t.equal(status, 503)
  t.match(headers.get('retry-after'), /^(30|29)$/)
  t.equal(calls.length, 5)
  t.match(logged(), 'the circuit breaker is open')
  const refusing = await start(t)
  refusing.answers.getMemberObjects = () => ({ status: 404, body: {} })
  for (let time = 0; time < 7; time += 1) await refusing.ask(of(time))
  t.equal(refusing.calls.length, 7, 'users whom Graph does not know open it for nobody')
})

t.test('throttling for one user delays that user alone, for the time of Retry-After', async (t) => {
  for (const as of ['app', 'user'] as const) {
    const { answers, evaluateAll, calls, tokens } = await start(t, { as })
    const limit: Reply = { status: 429, headers: { 'retry-after': '30' }, body: {} }
    const { getMemberObjects } = answers
    answers.getMemberObjects = () => limit
    const token = { ...overage, iat: 1_700_000_000, exp: Math.floor(Date.now() / 1000) + 600 }
    for (let time = 0; time < 7; time += 1) {
      const { status, headers } = await evaluateAll({ ...token, uti: 'throttled' })
      t.equal(status, 503)
      t.match(headers.get('retry-after'), /^(30|29)$/)
    }
    t.equal(calls.length, 1, 'Graph is not queried meanwhile')
    for (let time = 0; time < 7; time += 1) await evaluateAll({ ...token, uti: `throttled ${time}` })
    Object.assign(answers, { getMemberObjects })
    t.equal((await evaluateAll({ ...token, uti: 'another' })).status, 200)
    if (as === 'app') continue
    tokens.grant = () => limit
    const { headers } = await evaluateAll({ ...token, uti: 'throttled by the tenant' })
    t.equal(headers.get('retry-after'), '30')
  }
})

t.test('Graph is not queried for a user whose ID is not a GUID', async (t) => {
  const { ask, tokens, tenant, logged } = await start(t)
  for (const claims of [
    { oid: undefined, sub: `../users/${callerId}` },
    { oid: `${callerId}/x?y=` },
    { oid: `me/../users/${callerId}` }
  ])
    t.equal(await ask({ ...overage, ...claims, uti: JSON.stringify(claims) }), '503 groups_unavailable')
  t.equal(tokens.forms.length, 0)
  t.notOk(tenant.requests.some((each) => each.includes('getMemberObjects')))
  t.match(logged(), 'is not a GUID')
  t.equal(await ask(), '200')
})

t.test('a tenant without a credential, beside one that has', async (t) => {
  const tenant = await startTestTenant(t)
  const second = { ...optionsFor(tenant), tenantId: other, downstream: { clientSecret: secret } }
  const options = { tenants: [optionsFor(tenant), second], groups: graphGroups() }
  const { get, logged } = await startApi(t, {
    tenant,
    options,
    routes: { '/group': { preHandler: requireGroup(group) } }
  })
  t.equal((await get('/group', await tenant.userToken(overage))).status, 503)
  t.match(logged(), 'has no option \\"downstream\\"')
})

t.test('options that are refused', async (t) => {
  const rows: [options: object, message: RegExp][] = [
    [{ as: 'admin' }, /^graphGroups: as "admin"/],
    [{ scopes: ['User.Read'] }, /^graphGroups: scopes \["User.Read"\] is not allowed; with as "user"/],
    [{ as: 'user', scopes: [] }, /^graphGroups: scopes/],
    [{ as: 'user', scopes: 'User.Read' }, /^graphGroups: scopes/],
    [{ url: 'http://graph.example' }, /^graphGroups: url/],
    [{ securityEnabledOnly: 'yes' }, /^securityEnabledOnly "yes"/],
    [{ host: 'x' }, /^graphGroups has no option "host"; its options are as, scopes/]
  ]
  for (const [options, message] of rows)
    t.throws(() => graphGroups(options as GraphGroupsOptions), { name: 'EntraConfigurationError', message })
  const without = { tenantId, clientId, groups: graphGroups() }
  await t.rejects(buildApi(t, { options: without }), {
    name: 'EntraConfigurationError',
    message: /requires a credential/
  })
})

t.test('without url, Graph of the cloud of the user', async (t) => {
  const asked: string[] = []
  const refusing = async (scope: string): Promise<never> => {
    asked.push(scope)
    throw new Error('enough was seen')
  }
  const unused = async (): Promise<never> => t.fail('is not asked') as never
  const graph = { url: 'https://graph.example', exchangeJson: unused, tokenForApp: refusing, tokenOnBehalfOf: unused }
  const principal = { id: callerId } as UserPrincipal
  await t.rejects(graphGroups()(principal, { groupIds: [group], graph, signal: new AbortController().signal }), {
    message: 'enough was seen'
  })
  t.same(asked, ['https://graph.example/.default'])
})
