import t, { type Test } from 'tap'
import { anyOf, type GroupsResolver, requireGroup, requireRole } from '../../../src/plugin/index.js'
import { until } from '../../faults/waits.js'
import { buildApi, startApi } from '../../support/api.js'
import { callerId, clientId, tenantId } from '../../support/tenant.js'

const group = 'aaaaaaaa-1111-4222-8333-444444444444'
const other = 'bbbbbbbb-1111-4222-8333-444444444444'
const overage = {
  _claim_names: { groups: 'src1' },
  _claim_sources: { src1: { endpoint: 'https://graph.windows.net/x' } }
}

async function start(t: Test, options: { groups?: GroupsResolver; keysTimeoutSeconds?: number } = {}) {
  const routes = {
    '/group': { preHandler: requireGroup(group.toUpperCase()) },
    '/either': { preHandler: anyOf(requireGroup(group), requireRole('Admin')) },
    '/any': {}
  }
  const api = await startApi(t, { options, routes })
  await until('the keys to be there', () => api.app.entra.ready)
  const ask = async (claims: object, path = '/group') => api.outcome(path, await api.tenant.userToken({ ...claims }))
  return { ...api, ask }
}

t.test('groups in the token', async (t) => {
  const { ask, tenant, get } = await start(t)
  t.equal(await ask({ groups: [other, group] }), '200')
  t.equal(await ask({ groups: [other] }), '403 insufficient_permissions')
  t.equal(await ask({}), '403 insufficient_permissions')
  t.equal((await get('/group', await tenant.appToken({ groups: [group] }))).status, 403, 'an app is in none')
})

t.test('overage is unknown, never "in no group": looked up, else 503 for this route alone', async (t) => {
  const { ask, logged } = await start(t)
  t.equal(await ask(overage), '503 groups_unavailable')
  t.match(logged(), 'the option \\"groups\\", with which to look them up, is not set')
  t.equal(await ask(overage, '/any'), '200')
  t.equal(await ask({ ...overage, roles: ['Admin'] }, '/either'), '200', 'another guard that passes wins')
  t.equal(await ask(overage, '/either'), '503 groups_unavailable')
})

t.test('simultaneous requests with one token share one lookup; another token needs its own', async (t) => {
  let calls = 0
  const seen: unknown[] = []
  const { tenant, get } = await start(t, {
    groups: async ({ id, tenantId }) => {
      calls += 1
      seen.push([tenantId, id])
      return [group]
    }
  })
  const token = await tenant.userToken({ ...overage, uti: 'one' })
  const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await get('/group', token)).status))
  t.ok(statuses.every((status) => status === 200))
  t.equal(calls, 1)
  t.same(seen, [[tenantId, callerId]])
  await get('/group', await tenant.userToken({ ...overage, uti: 'two' }))
  t.equal(calls, 2)
})

t.test('a resolver that fails, hangs, or returns no list: 503, and the next request calls it again', async (t) => {
  const bad: Record<string, GroupsResolver> = {
    rejects: async () => {
      throw new Error('Graph is down')
    },
    hangs: () => new Promise(() => {}),
    'returns nothing': async () => undefined as never,
    'returns numbers': async () => [7] as never
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

t.test('the signal of a lookup is aborted at its deadline', async (t) => {
  const signals: AbortSignal[] = []
  const groups: GroupsResolver = (_principal, { signal }) => {
    signals.push(signal)
    return new Promise(() => {})
  }
  const { ask } = await start(t, { groups, keysTimeoutSeconds: 0.5 })
  t.equal(await ask(overage), '503 groups_unavailable')
  t.match(signals, [{ aborted: true, reason: { message: 'groups took longer than 0.5 seconds' } }])
})

t.test('a user whom the lookup does not list in the group is denied', async (t) => {
  const { ask } = await start(t, { groups: async () => [other] })
  t.equal(await ask(overage), '403 insufficient_permissions')
  t.equal(await ask({ ...overage, groups: [group] }), '200', 'groups in the token decide')
})

t.test('groups must be a function', async (t) => {
  const options = { tenantId, clientId, groups: [group] }
  await t.rejects(buildApi(t, { options }), { name: 'EntraConfigurationError', message: /^groups \[/ })
})

t.test('tokens without uti are distinguished by their times', async (t) => {
  let calls = 0
  const { tenant, get } = await start(t, {
    groups: async () => {
      calls += 1
      return [group]
    }
  })
  const token = await tenant.userToken({ ...overage, uti: undefined, iat: 1_700_000_000 })
  for (let time = 0; time < 3; time += 1) t.equal((await get('/group', token)).status, 200)
  t.equal(calls, 1)
  const other = await tenant.userToken({ ...overage, uti: undefined, iat: 1_700_000_001 })
  t.equal((await get('/group', other)).status, 200)
  t.equal(calls, 2)
})
