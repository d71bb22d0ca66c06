/** What is recorded of odd things: more series than are kept, errors of any kind, and calls that began before anybody listened. */

import * as api from '@opentelemetry/api'
import t from 'tap'
import { CircuitOpenError, OutageError, ThrottledError } from '../../../src/plugin/lib/outages.js'
import { errorTypeOf } from '../../../src/plugin/telemetry/error-type.js'
import { startOpenTelemetry } from '../../../src/plugin/telemetry/index.js'
import { record } from '../../../src/plugin/telemetry/recorder.js'
import { type Count, Tally } from '../../../src/plugin/telemetry/tally.js'
import { createVerifier, requireClient, requireGroup } from '../../../src/plugin/verifier-index.js'
import { optionsFor, startApi } from '../../support/api.js'
import { callerId, startTestTenant } from '../../support/tenant.js'
import { group, overage } from './world.js'

t.test('more series than are kept are counted together', async (t) => {
  const tally = new Tally()
  for (let n = 0; n < 2500; n += 1) tally.add(`key ${n}`, () => ({ n: String(n) }))
  tally.add('key 7', () => ({}))
  t.equal(tally.counts.length, 2001)
  t.match(
    tally.counts.find(({ attributes }) => attributes.n === '7'),
    { value: 2 }
  )
  t.match(tally.counts.at(-1), { attributes: { 'otel.metric.overflow': true }, value: 500 })
  tally.add('key refused', () => ({ 'fastify_entra.outcome': 'refused', 'http.route': '/', 'error.type': 'x' }))
  t.strictSame(tally.counts.at(-1), {
    attributes: { 'fastify_entra.outcome': 'refused', 'error.type': 'x', 'otel.metric.overflow': true },
    value: 1
  })
})

t.test('kinds of errors: few, whatever is thrown', async (t) => {
  const cases: readonly (readonly [error: unknown, type: string])[] = [
    [new CircuitOpenError('x'), 'circuit_open'],
    [new ThrottledError('x'), 'throttled'],
    [new OutageError('x'), 'outage'],
    [new DOMException('x', 'TimeoutError'), '_OTHER'],
    [{ name: 'TimeoutError' }, 'timeout'],
    [Object.assign(new Error('x'), { code: 'ECONNRESET' }), 'connection'],
    [Object.assign(new Error('x'), { name: 'constructor' }), '_OTHER'],
    [Object.assign(new Error('x'), { code: 7 }), '_OTHER'],
    [new Error('x'), '_OTHER'],
    ['token', '_OTHER'],
    [null, '_OTHER']
  ]
  for (const [error, type] of cases) t.equal(errorTypeOf(error), type, String(error))
})

t.test('what throws while it records ends neither a request nor the process, and is said once', async (t) => {
  const warnings: string[] = []
  const listener = ({ message }: Error) => void warnings.push(message)
  process.on('warning', listener)
  t.teardown(() => process.off('warning', listener))
  const fails = () => {
    throw new Error('the exporter is gone')
  }
  const { stop } = record({ observe() {}, measure: () => fails, stop() {} }, { cachedTokens: 0, issuers: [] })
  t.teardown(stop)
  const { get, tenant } = await startApi(t, { routes: { '/any': {} } })
  const token = await tenant.userToken()
  t.same([(await get('/any', token)).status, (await get('/any')).status], [200, 401])
  t.same(
    warnings.filter((each) => each.includes('telemetry')),
    ['fastify-entra/telemetry cannot record: the exporter is gone']
  )
})

t.test('a guard that is made while the program runs is counted by its kind', async (t) => {
  const counted: (() => Iterable<Readonly<Count>>)[] = []
  const meters = {
    observe: (name: string, read: () => Iterable<Readonly<Count>>) =>
      void (name.endsWith('decisions') && counted.push(read)),
    measure: () => () => {},
    stop() {}
  }
  const { stop } = record(meters, { cachedTokens: 0, issuers: [] })
  t.teardown(stop)
  const { get, tenant } = await startApi(t, {
    routes: (app) =>
      app.get('/own', async (request) => {
        await app.entra.authorize(request, requireClient(callerId))
        await app.entra.authorize(request.principal, requireClient(callerId))
        return 'ok'
      })
  })
  t.equal((await get('/own', await tenant.userToken())).status, 200)
  const rules = counted.flatMap((read) => [...read()].map(({ attributes }) => attributes['fastify_entra.rule']))
  t.same([...new Set(rules)], ['client'])
})

t.test('a call that began before anybody listened is not measured', async (t) => {
  const tenant = await startTestTenant(t)
  let answer = (_groups: string[]) => {}
  const asked = new Promise<void>((resolve) => {
    groups = () => {
      resolve()
      return new Promise((done) => {
        answer = done
      })
    }
  })
  const verifier = createVerifier({ ...optionsFor(tenant), groups: () => groups() })
  t.teardown(() => verifier.close())
  await verifier.ready()
  // Somebody listens, so that the call is traced at all.
  const first = startOpenTelemetry(api, verifier)
  t.teardown(() => first.stop())
  const user = await verifier.verify({ scheme: 'Bearer', token: await tenant.userToken(overage) })
  const allowed = verifier.authorize(user, requireGroup(group))
  await asked
  const measured: string[] = []
  const late = record(
    { observe() {}, measure: (name) => () => void measured.push(name), stop() {} },
    { cachedTokens: 0, issuers: [] }
  )
  t.teardown(() => late.stop())
  answer([group])
  await allowed
  t.notOk(measured.includes('fastify_entra.lookup.duration'))
})

let groups: () => Promise<string[]>
