/** What the server of this repository costs on an open route, beside the plugin: security headers, request IDs, deadlines. */
import { costOfGood } from '../harness/measure.js'
import { aside } from '../harness/variants.js'
import type { World } from '../harness/world.js'
import { type Spread, spread } from '../report/stats.js'

export interface ServerCost {
  readonly cpuMicros?: Spread | undefined
  readonly bareMicros?: Spread | undefined
  /** Of two servers of the same round. */
  readonly ratio?: Spread | undefined
}

function measure(world: World, bare: boolean): Promise<number> {
  const tokens = { ...world.pools.good, count: 1 }
  return costOfGood(world, aside('server', { bare }), { tokens, path: '/unprotected' })
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
