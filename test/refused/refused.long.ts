/** After a refusal nothing of the route runs, and the process lives: the table, a real store of sessions, and memory. */
import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fastifyCookie from '@fastify/cookie'
import fastifySession from '@fastify/session'
import Fastify from 'fastify'
import t from 'tap'
import entra, { requireRole } from '../../src/plugin/index.js'
import { type Change, copyOfPlugin } from '../support/plugin-copy.js'
import { clientId, tenantId } from '../support/tenant.js'
import { faultsOf, places, settled, tenant, token, trialsAt } from './table.js'

t.teardown(() => tenant.close())

for (const place of places)
  t.test(place.name, async (t) => {
    for (const trial of trialsAt(place))
      t.same(await faultsOf(trial), [], `${trial.way.name}, ${trial.moment}, hooks: ${trial.hooks}`)
  })

interface Mutant {
  readonly name: string
  readonly changes: readonly Change[]
  /** What begins the name of the place, and of the way to leave, where the table must notice. */
  readonly at: readonly [place: string, way: string]
}

/** Holds a request to its refusal, so that Fastify itself goes no further. */
const held: Change = ['fastify/answered', "Object.defineProperty(reply, 'sent'", "Object.defineProperty({}, 'sent'"]

/** What keeps the promise, taken out in turn. The guard's is behind another: a promise that never settles, and the request that is held. */
const mutants: readonly Mutant[] = [
  {
    name: 'the promise of a guard that refused settles',
    changes: [held, ['fastify/enforce', '!fromErrorHandler)) await never()', '!fromErrorHandler)) await reply']],
    at: ['a guard in preHandler', 'HTTP/1.1, close']
  },
  {
    name: 'a refusal after handlerTimeout is recorded',
    changes: [['fastify/answered', 'request[isFailing] || isTimedOut(request)', 'false']],
    at: ['a policy in preHandler', 'handlerTimeout']
  },
  {
    name: 'a refused request goes on',
    changes: [held, ['plugin', 'return why === undefined', 'return true']],
    at: ['no token', 'HTTP/2, reset']
  }
]

for (const { name, changes, at } of mutants)
  t.test(`a mutant: ${name}`, async (t) => {
    const { default: plugin } = await copyOfPlugin(t, ...changes)
    const [place, way] = at
    const trials = places.filter((each) => each.name.startsWith(place)).flatMap(trialsAt)
    for (const trial of trials.filter((each) => each.way.name.startsWith(way) && each.hooks !== 'throw')) {
      const faults = await faultsOf({ ...trial, plugin })
      if (faults.length > 0) return void t.pass(faults.join('; ')) // further ones might end this process
    }
    t.fail('the table did not notice')
  })

t.test('a store of sessions takes its time, and the client does not', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const deleted: string[] = []
  let saved = 0
  const later = (done: (error?: null) => void) => void setTimeout(done, 3, null)
  await app.register(fastifyCookie)
  await app.register(fastifySession, {
    secret: 'a secret of thirty-two characters or more',
    cookie: { secure: false },
    saveUninitialized: true,
    store: {
      get: (_id, done) => later(() => done(null, null)),
      set: (_id, _session, done) => {
        saved += 1
        later(done)
      },
      destroy: (_id, done) => later(done)
    }
  })
  await app.register(entra, { tenantId, clientId, authority: tenant.origin, audit: 'off' })
  app.delete('/x', { preHandler: requireRole('Admin') }, async () => deleted.push('deleted'))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  for (let time = 0; time < 20; time += 1) {
    const socket = connect(port, '127.0.0.1')
    socket.write(`DELETE /x HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`)
    while (saved === time) await turn()
    socket.destroy()
  }
  await app.close()
  t.same(deleted, [], 'of 20 requests none deletes anything')
})

t.test('those who were refused are not kept in memory', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const app = Fastify()
  t.teardown(() => app.close())
  app.addHook('onSend', async () => turn())
  await app.register(entra, { tenantId, clientId, authority: tenant.origin, audit: 'off' })
  const guard = requireRole('Admin')
  app.get('/x', { preHandler: async (request, reply) => guard.call(app, request, reply) }, async () => 'secret')
  const leaving = connectionTo(await app.listen({ host: '127.0.0.1', port: 0 }))
  const heapAfter = async (requests: number) => {
    for (let sent = 0; sent < requests; sent += 50) await Promise.all(Array.from({ length: 50 }, leaving))
    await settled()
    collect()
    return process.memoryUsage().heapUsed
  }
  await heapAfter(1000)
  const before = await heapAfter(1000)
  const grown = (await heapAfter(10_000)) - before
  // A request that is kept, with its reply and socket, takes some 10 KB.
  t.ok(grown < 3_000_000, `10,000 refused requests: ${grown} bytes more`)
})

/** Sends a request and hangs up with the first byte of the answer, or before. */
function connectionTo(origin: string) {
  const { port } = new URL(origin)
  return async () => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.on('error', () => {})
    socket.write(`GET /x HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`)
    await once(socket, 'data')
    socket.destroy()
    await once(socket, 'close')
  }
}
