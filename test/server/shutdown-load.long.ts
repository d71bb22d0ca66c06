/** SIGTERM while 200 connections send requests: each request that was sent gets its complete response. */
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { environmentFor } from '../../src/server/environment.js'
import { startTenant } from '../../src/tenant/index.js'
import { until } from '../faults/waits.js'
import { type Caller, call, Tally } from '../support/load.js'
import { run } from '../support/process.js'
import { appToken, getJson } from '../support/server.js'

const connections = 200

/** The server as a process, and what its callers need. */
async function serverUnderLoad(t: Test, env: Record<string, string> = {}) {
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const server = run(t, 'src/server/main.ts', { ...environmentFor(tenant), PORT: '0', ...env })
  const address = (await server.printed(/Server listening at (http:[^"]+)/))?.[1] ?? ''
  return { server, address, caller: { url: `${address}/protected`, token: await appToken(tenant, 'daemon') } }
}

/** Sends SIGTERM once all are busy, and checks that nothing was lost when all have ended. */
async function terminated(
  t: Test,
  { server }: Awaited<ReturnType<typeof serverUnderLoad>>,
  callers: readonly Caller[],
  then: () => Promise<unknown> = async () => {}
): Promise<void> {
  const tally = new Tally()
  const all = callers.map((each) => call(each, tally))
  await until('a load', () => tally.warm === callers.length)
  const [answered, signalled, ended] = [tally.answered, performance.now(), once(server.process, 'close')]
  server.process.kill('SIGTERM')
  await then()
  await Promise.all(all)
  const [code] = await ended
  const took = Math.round(performance.now() - signalled)
  const figures = `${answered} responses before SIGTERM, ${tally.answered - answered} after`
  t.comment(`${callers.length} clients, ${figures}, ${tally.lost.length} lost, ended after ${took} ms`)
  t.same(tally.lost, [], 'no request is lost')
  t.same(tally.others, [], 'each response is 200')
  t.equal(code, 0)
  t.equal(server.output.err, '')
}

const loads: [what: string, pause: object][] = [
  ['one after another', {}],
  ['with pauses of up to 300 ms', { pause: () => Math.random() * 300 }]
]

for (const [what, pause] of loads) {
  t.test(`${connections} connections, requests ${what}`, async (t) => {
    const load = await serverUnderLoad(t)
    await terminated(t, load, Array(connections).fill({ ...load.caller, ...pause }))
  })
}

t.test(
  'SHUTDOWN_DELAY_SECONDS: also clients that open new connections until their load balancer sees /readyz',
  async (t) => {
    const load = await serverUnderLoad(t, { SHUTDOWN_DELAY_SECONDS: '5' })
    let isElsewhere = false
    const kept = Array<Caller>(connections).fill({ ...load.caller, pause: () => Math.random() * 300 })
    const fresh = Array<Caller>(20).fill({ ...load.caller, pause: () => 50, isElsewhere: () => isElsewhere })
    await terminated(t, load, [...kept, ...fresh], async () => {
      await until(
        '/readyz of an instance that leaves',
        async () => (await getJson(`${load.address}/readyz`)).status === 503
      )
      isElsewhere = true
    })
  }
)
