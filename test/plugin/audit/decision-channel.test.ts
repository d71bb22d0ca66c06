/** The channel of decisions: one event for all requests that the guard of a route allows, and nothing that callers could make many of. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import {
  anyOf,
  type DecisionEvent,
  decisionChannelName,
  requireScope,
  requireTenant
} from '../../../src/plugin/index.js'
import { buildApi, optionsFor } from '../../support/api.js'
import { startTestTenant, tenantId } from '../../support/tenant.js'

t.test('an allowed request: by route, method and guard, the same frozen event each time', async (t) => {
  const tenant = await startTestTenant(t)
  const [scope, either] = [requireScope('access_as_user'), anyOf(requireScope('access_as_user'), requireScope('Other'))]
  const handler = async () => 'ok'
  const { app } = await buildApi(t, {
    options: optionsFor(tenant),
    routes(app) {
      app.route({ method: ['GET', 'POST'], url: '/one', preHandler: scope, handler })
      app.get('/both', { preHandler: [scope, either] }, handler)
      app.get('/config', { config: { auth: scope } }, handler)
      app.get('/by-hand', async (request, reply) => {
        await requireTenant(tenantId)(request, reply)
        return 'ok'
      })
    }
  })
  const events: DecisionEvent[] = []
  const listener = (message: unknown) => void events.push(message as DecisionEvent)
  subscribe(decisionChannelName, listener)
  t.teardown(() => unsubscribe(decisionChannelName, listener))
  const authorization = `Bearer ${await tenant.userToken()}`
  const heard = async (method: 'GET' | 'POST', url: string) => {
    events.length = 0
    t.equal((await app.inject({ method, url, headers: { authorization } })).statusCode, 200, url)
    return [...events]
  }
  const rule = 'the scope access_as_user'
  const [get] = await heard('GET', '/one')
  const [post] = await heard('POST', '/one')
  const [config] = await heard('GET', '/config')
  t.same(get, { outcome: 'allowed', route: 'GET /one', rule })
  t.same(post, { outcome: 'allowed', route: 'POST /one', rule })
  t.same(config, { outcome: 'allowed', route: 'GET /config', rule })
  const both = await heard('GET', '/both')
  t.same(
    both.map((event) => event.rule),
    [rule, `${rule}, or the scope Other`]
  )
  t.same(
    both.map(({ route }) => route),
    ['GET /both', 'GET /both']
  )
  t.equal((await heard('GET', '/one'))[0], get)
  t.equal((await heard('POST', '/one'))[0], post)
  t.equal((await heard('GET', '/config'))[0], config)
  t.strictSame(await heard('GET', '/both'), both)
  for (const event of [get, post, config, ...both]) t.ok(Object.isFrozen(event))
  const [byHand] = await heard('GET', '/by-hand')
  t.same(byHand, { outcome: 'allowed', route: 'GET /by-hand', rule: 'tenant' }, 'the kind alone: it names a tenant')
  t.not((await heard('GET', '/by-hand'))[0], byHand)
})
