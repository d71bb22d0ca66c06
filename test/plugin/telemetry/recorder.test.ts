/** What is recorded of odd things: more series than are kept, errors of any kind, and calls that began before anybody listened. */

import * as api from '@opentelemetry/api'
import t from 'tap'
import { CircuitOpenError, OutageError, ThrottledError } from '../../../src/plugin/lib/outages.js'
import { errorTypeOf } from '../../../src/plugin/telemetry/error-type.js'
import { startOpenTelemetry } from '../../../src/plugin/telemetry/index.js'
import { record } from '../../../src/plugin/telemetry/recorder.js'
import { Tally } from '../../../src/plugin/telemetry/tally.js'
import { createVerifier, requireGroup } from '../../../src/plugin/verifier-index.js'
import { optionsFor } from '../../support/api.js'
import { startTestTenant } from '../../support/tenant.js'
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
