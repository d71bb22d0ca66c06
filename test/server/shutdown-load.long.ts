/** SIGTERM while 200 connections send requests: each request that was sent gets its complete response. */
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { environmentFor } from '../../src/server/environment.js'
import { startTenant } from '../../src/tenant/index.js'
import { type Caller, call, Tally } from '../support/load.js'
import { type Running, run } from '../support/process.js'
import { appToken } from '../support/server.js'

const connections = 200
/** Responses before the signal: each connection has had several. */
const warm = 4000

const until = async (condition: () => boolean | Promise<boolean>) => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
}

async function serverWith(t: Test, env: Record<string, string> = {}): Promise<{ server: Running; callers: Caller }> {
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const server = run(t, 'src/server/main.ts', { ...environmentFor(tenant), PORT: '0', LOG_LEVEL: 'warn', ...env })
  return { server, callers: { url: '', token: await appToken(tenant, 'daemon') } }
}

const loads: [what: string, pause: Caller['pause']][] = [
  ['one after another', undefined],
  ['with pauses of up to 300 ms', () => Math.random() * 300]
]

for (const [what, pause] of loads) {
  t.test(`${connections} connections, requests ${what}`, async (t) => {
    const { server, callers } = await serverWith(t, { LOG_LEVEL: 'info' })
    const address = (await server.printed(/Server listening at (http:[^"]+)/))?.[1] ?? ''
    const tally = new Tally()
    const caller = { ...callers, url: `${address}/protected`, ...(pause && { pause }) }
    const all = Array.from({ length: connections }, () => call(caller, tally))
    await until(() => tally.answered >= warm)
    const before = tally.answered
    const [signalled, ended] = [performance.now(), once(server.process, 'close')]
    server.process.kill('SIGTERM')
    await Promise.all(all)
    const [code] = await ended
    const took = Math.round(performance.now() - signalled)
    t.comment(
      `${before} responses before SIGTERM, ${tally.answered - before} after; lost ${tally.lost.length}; ${took} ms`
    )
    t.equal(code, 0)
    t.same(tally.lost, [], 'no request is lost')
    t.same(tally.others, [], 'each response is 200')
    t.equal(tally.ended, connections)
    t.equal(server.output.err, '')
  })
}
