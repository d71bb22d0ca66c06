/** An app with several kinds of routes, and what callers do to it. */
import type { Test } from 'tap'
import { type Operation, type Principal, requireGroup, requireRole, requireScope } from '../../../src/plugin/index.js'
import { startApi } from '../../support/api.js'
import { startTestTenant } from '../../support/tenant.js'

export const group = 'aaaaaaaa-bbbb-4ccc-8ddd-000000000001'
export const overage = { _claim_names: { groups: 'src1' }, _claim_sources: {} }

/** Starts it; `groups` is the lookup of its overage route. */
export async function startWorld(t: Test, groups: () => Promise<string[]> = async () => [group]) {
  const tenant = await startTestTenant(t)
  let listOrders!: Operation
  const api = await startApi(t, {
    tenant,
    options: { groups, audit: 'off' },
    routes(app) {
      app.get('/any', async () => 'ok')
      app.get('/open', { config: { auth: 'none' } }, async () => 'ok')
      app.get('/read/:id', { preHandler: requireScope('Orders.Read') }, async () => 'ok')
      app.get('/admin', { preHandler: requireRole('Admin') }, async () => 'ok')
      app.get('/group', { preHandler: requireGroup(group) }, async () => 'ok')
      listOrders = app.entra.declareOperation('orders.list', requireScope('Orders.Read'))
    }
  })
  return { tenant, api, listOrders: (principal: Principal) => listOrders(principal) }
}

/** One of each: accepted, cached, denied, refused, without a token, with a lookup; and an operation. */
export async function callEachWay({ tenant, api, listOrders }: Awaited<ReturnType<typeof startWorld>>) {
  const reader = await tenant.userToken({ scp: 'Orders.Read' })
  const many = await tenant.userToken(overage)
  const calls: readonly (readonly [path: string, token?: string])[] = [
    ...[1, 2, 3, 4].map((id) => [`/read/${id}`, reader] as const),
    ['/admin', reader],
    ['/group', many],
    ['/any', 'garbage'],
    ['/any'],
    ['/open'],
    ['/nowhere/at/all']
  ]
  for (const [path, token] of calls) await api.get(path, token)
  await listOrders(await api.app.entra.verifyToken(reader))
}
