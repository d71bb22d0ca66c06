/** What the server of this repository costs on an open route, beside the plugin: security headers, request IDs, deadlines. */
import { flood, floodMeasured } from '../harness/measure.js'
import { aside } from '../harness/variants.js'
import type { World } from '../harness/world.js'
import { type Spread, spread } from '../report/stats.js'

export interface ServerCost {
  readonly cpuMicros?: Spread | undefined
  readonly bareMicros?: Spread | undefined
  /** Of two servers of the same round. */
  readonly ratio?: Spread | undefined
}

async function measure(world: World, bare: boolean): Promise<number> {
  const server = await world.startServer(aside('server', { bare }))
  if ('absent' in server) throw new Error(server.absent)
  try {
    const options = { tokens: { ...world.pools.good, count: 1 }, path: '/unprotected' }
    await flood(world, server, { ...options, seconds: world.pace.warmSeconds })
    const { cpuMicros, statuses } = await floodMeasured(world, server, options)
    if (Object.keys(statuses).join() !== '200') throw new Error(`server: ${JSON.stringify(statuses)}`)
    return cpuMicros
  } finally {
    await server.child.stop()
  }
}

export async function runServer(world: World): Promise<ServerCost> {
  const [bare, ours]: [number[], number[]] = [[], []]
  for (let round = 0; round < world.pace.rounds; round += 1) {
    bare.push(await measure(world, true))
    ours.push(await measure(world, false))
  }
  const ratios = ours.map((micros, round) => micros / (bare[round] ?? Number.NaN))
  return { cpuMicros: spread(ours), bareMicros: spread(bare), ratio: spread(ratios) }
}
