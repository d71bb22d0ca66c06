/** The faults of a tenant, met by an API that speaks HTTP/2: what its callers are told, cold and warm. */
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import entra from '../../src/plugin/index.js'
import { exchange2 } from '../hostile/wire2.js'
import { clientId, tenantId } from '../support/tenant.js'
import { discoveryFaults, type Fault, keySetFaults, transportFaults } from './faults.js'
import { type Lane, openLanes, type Target } from './lane.js'
import { until } from './waits.js'

const sideBySide = 4
/** New each time: tap keeps what it learns of a test in the object that it is given. */
const guard = () => ({ buffered: true, timeout: 60_000 })
const lanes = await openLanes(sideBySide)
t.teardown(() => lanes.close())
t.jobs = sideBySide

const cases: { target: Target; fault: Fault }[] = [
  ...transportFaults.flatMap((fault) => [
    { target: 'discovery' as const, fault },
    { target: 'keys' as const, fault }
  ]),
  ...discoveryFaults.map((fault) => ({ target: 'discovery' as const, fault })),
  ...keySetFaults.map((fault) => ({ target: 'keys' as const, fault }))
]

/** Only the deadline ends some faults; for the others it is long enough for a busy machine. */
const seconds = ({ hangs }: Fault) => (hangs ? 0.2 : 10)

async function startApi(t: Test, lane: Lane, fault: Fault) {
  const app = Fastify({ http2: true, genReqId: () => randomUUID() })
  t.teardown(() => app.close())
  const keysTimeoutSeconds = seconds(fault)
  await app.register(entra, { tenantId, clientId, authority: lane.tenant.origin, keysTimeoutSeconds })
  app.get('/', async (request) => request.principal.id)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const ask = async (kid: string) => {
    const token = await lane.tenant.userToken({}, {}, lane.key(kid))
    const fields = [
      [':method', 'GET'],
      [':scheme', 'http'],
      [':authority', 'a'],
      [':path', '/']
    ] as const
    const [answer] = await exchange2(port, [{ fields: [...fields, ['authorization', `Bearer ${token}`]], body: '' }])
    return answer
  }
  return { ask, ready: app.entra.ready, close: () => app.close() }
}

type Asked = Awaited<ReturnType<Awaited<ReturnType<typeof startApi>>['ask']>>

function checkOutage(t: Test, answer: Asked) {
  t.equal(answer?.status, 503)
  t.match(answer?.headers.get('content-type'), /^application\/problem\+json/)
  t.equal(answer?.headers.get('cache-control'), 'no-store')
  t.equal(answer?.headers.get('www-authenticate'), null)
  t.match(answer?.headers.get('retry-after'), /^[1-9]\d*$/)
  t.match(JSON.parse(answer?.body ?? '{}'), { status: 503, code: 'tenant_unavailable' })
}

async function cold(t: Test, lane: Lane, { target, fault }: (typeof cases)[number]) {
  lane.reset('2.0')
  await lane.begin(fault, target)
  const { ask, ready } = await startApi(t, lane, fault)
  t.equal(ready, false)
  checkOutage(t, await ask('key-1'))
  t.equal(lane.other.requests, 0, 'no second host was asked')
  await lane.end()
}

async function warm(t: Test, lane: Lane, { target, fault }: (typeof cases)[number]) {
  lane.reset('2.0')
  let api = await startApi(t, lane, fault)
  // On a busy machine a good answer can miss the short deadline: then it was no warm start.
  await until('a start with keys', async () => {
    if (api.ready) return true
    await api.close()
    api = await startApi(t, lane, fault)
    return api.ready
  })
  const { ask } = api
  t.equal((await ask('key-1'))?.status, 200)
  await lane.begin(fault, target)
  checkOutage(t, await ask('key-3'))
  t.equal((await ask('key-1'))?.status, 200, 'a bad answer never replaces a good set')
  t.equal((await ask('key-2'))?.status, 200)
  t.equal(lane.other.requests, 0, 'no second host was asked')
  await lane.end()
}

for (const [state, check] of Object.entries({ cold, warm }))
  for (const each of cases)
    t.test(`${state}, ${each.target}: ${each.fault.name} (${each.fault.rule})`, guard(), (t) =>
      lanes.use((lane) => check(t, lane, each))
    )
