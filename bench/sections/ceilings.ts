/** Bare verification: what no server around it can beat. */
import { warmTokens } from '../harness/workloads.js'
import type { World } from '../harness/world.js'
import { type Spread, spread } from '../report/stats.js'
import type { CeilingJob, CeilingResult } from '../types.js'

export interface Ceiling {
  readonly name: CeilingJob['name']
  readonly perSecond: Spread | undefined
  readonly cpuMicros: Spread | undefined
}

const names = ['fast-jwt', 'node:crypto'] as const

export async function runCeilings(world: World): Promise<readonly Ceiling[]> {
  const { pace, pools, settings } = world
  const found: { readonly name: CeilingJob['name']; readonly result: CeilingResult }[] = []
  for (let round = 0; round < pace.rounds; round += 1) {
    for (const name of names) {
      const child = await world.startPinned('children/ceilings.js')
      const tokens = { ...pools.good, count: warmTokens }
      const job: CeilingJob = { name, tokens, publicPem: settings.publicPem, seconds: pace.seconds }
      found.push({ name, result: await child.ask<CeilingResult>(job) })
      await child.stop()
    }
  }
  return names.map((name) => {
    const results = found.filter((one) => one.name === name).map(({ result }) => result)
    const [perSecond, cpuMicros] = [results.map((one) => one.perSecond), results.map((one) => one.cpuMicros)]
    return { name, perSecond: spread(perSecond), cpuMicros: spread(cpuMicros) }
  })
}
