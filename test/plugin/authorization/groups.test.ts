/** Guards that ask for a group, with groups in the token, and with more of them than fit. */
import t, { type Test } from 'tap'
import entra, {
  anyOf,
  type EntraOptions,
  type GroupsResolver,
  requireGroup,
  requireRole
} from '../../../src/plugin/index.js'
import { until } from '../../faults/waits.js'
import { get, listen, makeApp } from '../../support/http.js'
import { callerId, clientId, startTestTenant, tenantId } from '../../support/tenant.js'

const group = 'aaaaaaaa-1111-4222-8333-444444444444'
const other = 'bbbbbbbb-1111-4222-8333-444444444444'
const overage = {
  _claim_names: { groups: 'src1' },
  _claim_sources: { src1: { endpoint: 'https://graph.windows.net/x' } }
}

async function start(t: Test, options: { groups?: GroupsResolver; keysTimeoutSeconds?: number } = {}) {
  const tenant = await startTestTenant(t)
  const made = makeApp(t)
  await made.app.register(entra, { tenantId, clientId, authority: tenant.origin, ...options } as EntraOptions)
  made.app.get('/group', { preHandler: requireGroup(group.toUpperCase()) }, async () => 'ok')
  made.app.get('/either', { preHandler: anyOf(requireGroup(group), requireRole('Admin')) }, async () => 'ok')
  made.app.get('/any', async () => 'ok')
  const { origin, logged } = await listen(made)
  await until('the keys to be there', () => made.app.entra.ready)
  const ask = async (claims: object, path = '/group') => {
    const { status, body } = await get(origin + path, await tenant.userToken({ ...claims }))
    return status === 200 ? '200' : `${status} ${(JSON.parse(body) as { code: string }).code}`
  }
  return { tenant, origin, logged, ask }
}

t.test('groups in the token', async (t) => {
  const { ask, tenant, origin } = await start(t)
  t.equal(await ask({ groups: [other, group] }), '200')
  t.equal(await ask({ groups: [other] }), '403 insufficient_permissions')
  t.equal(await ask({}), '403 insufficient_permissions')
  t.equal((await get(`${origin}/group`, await tenant.appToken({ groups: [group] }))).status, 403, 'an app is in none')
})

t.test('overage is unknown, never "in no group": looked up, else 503 for this route alone', async (t) => {
  const { ask, logged } = await start(t)
  t.equal(await ask(overage), '503 groups_unavailable')
  t.match(logged(), 'there is no option \\"groups\\"')
  t.equal(await ask(overage, '/any'), '200')
  t.equal(await ask({ ...overage, roles: ['Admin'] }, '/either'), '200', 'another guard that passes wins')
  t.equal(await ask(overage, '/either'), '503 groups_unavailable')
})

t.test('one call for a token, shared; another token is asked for again', async (t) => {
  let calls = 0
  const seen: unknown[] = []
  const { tenant, origin } = await start(t, {
    groups: async ({ id, tenantId }) => {
      calls += 1
      seen.push([tenantId, id])
      return [group]
    }
  })
  const token = await tenant.userToken({ ...overage, uti: 'one' })
  const statuses = await Promise.all(
    Array.from({ length: 20 }, async () => (await get(`${origin}/group`, token)).status)
  )
  t.ok(statuses.every((status) => status === 200))
  t.equal(calls, 1)
  t.same(seen, [[tenantId, callerId]])
  await get(`${origin}/group`, await tenant.userToken({ ...overage, uti: 'two' }))
  t.equal(calls, 2)
})

t.test('a resolver that fails, hangs, or gives no list: 503, and asked again', async (t) => {
  const bad: Record<string, GroupsResolver> = {
    rejects: async () => {
      throw new Error('Graph is down')
    },
    hangs: () => new Promise(() => {}),
    'gives nothing': async () => undefined as never,
    'gives numbers': async () => [7] as never
  }
  for (const [name, fail] of Object.entries(bad)) {
    let works = false
    const groups: GroupsResolver = async (...asked) => (works ? [group] : fail(...asked))
    const { ask } = await start(t, { groups, keysTimeoutSeconds: 0.5 })
    t.equal(await ask(overage), '503 groups_unavailable', name)
    works = true
    t.equal(await ask(overage), '200', `${name}, and works again`)
  }
})

t.test('a lookup gets a signal that is aborted when nobody waits for it any more', async (t) => {
  const signals: AbortSignal[] = []
  const groups: GroupsResolver = (_principal, { signal }) => {
    signals.push(signal)
    return new Promise(() => {})
  }
  const { ask } = await start(t, { groups, keysTimeoutSeconds: 0.5 })
  t.equal(await ask(overage), '503 groups_unavailable')
  t.match(signals, [{ aborted: true, reason: { message: 'groups took longer than 0.5 seconds' } }])
})

t.test('not in the group, as looked up', async (t) => {
  const { ask } = await start(t, { groups: async () => [other] })
  t.equal(await ask(overage), '403 insufficient_permissions')
  t.equal(await ask({ ...overage, groups: [group] }), '200', 'what the token does say counts')
})

t.test('the option is a function', async (t) => {
  const { app } = makeApp(t)
  const given = { tenantId, clientId, groups: [group] } as unknown as EntraOptions
  await t.rejects(async () => app.register(entra, given), { name: 'EntraConfigurationError', message: /^groups \[/ })
})

t.test('a token without uti is told apart by its times', async (t) => {
  let calls = 0
  const { tenant, origin } = await start(t, {
    groups: async () => {
      calls += 1
      return [group]
    }
  })
  const token = await tenant.userToken({ ...overage, uti: undefined, iat: 1_700_000_000 })
  for (let time = 0; time < 3; time += 1) t.equal((await get(`${origin}/group`, token)).status, 200)
  t.equal(calls, 1)
  const other = await tenant.userToken({ ...overage, uti: undefined, iat: 1_700_000_001 })
  t.equal((await get(`${origin}/group`, other)).status, 200)
  t.equal(calls, 2)
})
