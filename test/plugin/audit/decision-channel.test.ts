/** The channel of decisions: one event for all requests that the guard of a route allows, and nothing that callers could make many of. */
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import {
  anyOf,
  type DecisionEvent,
  decisionChannelName,
  requireScope,
  requireTenant
} from '../../../src/plugin/index.js'
import { buildApi, optionsFor } from '../../support/api.js'
import { heardOn } from '../../support/channel.js'
import { startTestTenant, tenantId } from '../../support/tenant.js'

t.test('operations with the guard that the route declares, before it and after it', async (t) => {
  const tenant = await startTestTenant(t)
  const scope = requireScope('access_as_user')
  const { app } = await buildApi(t, {
    options: optionsFor(tenant),
    routes(app) {
      const list = app.entra.declareOperation('orders.list', scope)
      const cancel = app.entra.declareOperation('orders.cancel', scope)
      const preValidation = async (request: FastifyRequest) => void (await list(request))
      app.get('/', { preValidation, preHandler: scope }, async (request) => {
        await cancel(request)
        return 'ok'
      })
    }
  })
  const events = heardOn<DecisionEvent>(t, decisionChannelName)
  const headers = { authorization: `Bearer ${await tenant.userToken()}` }
  for (let times = 0; times < 2; times += 1) t.equal((await app.inject({ url: '/', headers })).statusCode, 200)
  const operations = ['orders.list', undefined, 'orders.cancel']
  t.same(
    events.map(({ operation }) => operation),
    [...operations, ...operations]
  )
})

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
  const events = heardOn<DecisionEvent>(t, decisionChannelName)
  const authorization = `Bearer ${await tenant.userToken()}`
  const heardOf = async (method: 'GET' | 'POST', url: string) => {
    events.length = 0
    t.equal((await app.inject({ method, url, headers: { authorization } })).statusCode, 200, url)
    return [...events]
  }
  const rule = 'the scope access_as_user'
  const [get] = await heardOf('GET', '/one')
  const [post] = await heardOf('POST', '/one')
  const [config] = await heardOf('GET', '/config')
  t.same(get, { outcome: 'allowed', route: 'GET /one', rule })
  t.same(post, { outcome: 'allowed', route: 'POST /one', rule })
  t.same(config, { outcome: 'allowed', route: 'GET /config', rule })
  const both = await heardOf('GET', '/both')
  t.same(
    both.map((event) => event.rule),
    [rule, `${rule}, or the scope Other`]
  )
  t.same(
    both.map(({ route }) => route),
    ['GET /both', 'GET /both']
  )
  t.equal((await heardOf('GET', '/one'))[0], get)
  t.equal((await heardOf('POST', '/one'))[0], post)
  t.equal((await heardOf('GET', '/config'))[0], config)
  t.strictSame(await heardOf('GET', '/both'), both)
  for (const event of [get, post, config, ...both]) t.ok(Object.isFrozen(event))
  const [byHand] = await heardOf('GET', '/by-hand')
  t.same(byHand, { outcome: 'allowed', route: 'GET /by-hand', rule: 'tenant' }, 'the kind alone: it names a tenant')
  t.not((await heardOf('GET', '/by-hand'))[0], byHand)
})

t.test('methods that callers make up, in an app that lets them override it, are not kept', async (t) => {
  const tenant = await startTestTenant(t)
  const { app } = await buildApi(t, {
    options: optionsFor(tenant),
    routes(app) {
      const preValidation = async ({ raw, headers }: FastifyRequest) => {
        raw.method = String(headers['x-method'])
      }
      app.get('/', { preValidation, preHandler: requireScope('access_as_user') }, async () => 'ok')
    }
  })
  const events = heardOn<DecisionEvent>(t, decisionChannelName)
  const authorization = `Bearer ${await tenant.userToken()}`
  const methods = Array.from({ length: 64 }, (_, n) => `MADE-UP-${n}`)
  for (const method of [...methods, 'LAST', 'LAST', ...methods.slice(0, 1)])
    t.equal((await app.inject({ url: '/', headers: { authorization, 'x-method': method } })).statusCode, 200)
  const [last, again, first] = events.slice(64)
  t.same(last, { outcome: 'allowed', route: 'LAST /', rule: 'the scope access_as_user' })
  t.same(again, last)
  t.not(again, last)
  t.equal(first, events[0])
})
