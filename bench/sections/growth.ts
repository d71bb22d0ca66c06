/** Whether a request costs more when there is more of everything: tokens, routes, tenants. */
import { flood, floodMeasured } from '../harness/measure.js'
import { aside } from '../harness/variants.js'
import { warmTokens } from '../harness/workloads.js'
import type { World } from '../harness/world.js'
import { type Spread, spread } from '../report/stats.js'
import { untilRemembered } from './memory.js'

export interface Step {
  readonly of: 'tokens' | 'routes' | 'tenants'
  readonly size: number
  readonly cpuMicros?: Spread | undefined
  readonly startMs?: Spread | undefined
  /** Milliseconds until the keys of all issuers are there: the start waits five seconds at most, and is measured apart. */
  readonly settledMs?: Spread | undefined
  /** The option that the library does not have yet. */
  readonly absent?: string
}

interface Wanted extends Pick<Step, 'of' | 'size'> {
  readonly script: 'ours' | 'ours-grown'
  readonly path: string
  /** Distinct tokens that are sent. */
  readonly tokens: number
}

function stepsOf({ pace }: World): readonly Wanted[] {
  const tokens = [1, 100, 1000, 10_000, 100_000].filter((size) => size <= pace.tokens)
  const tenants = [1, 10, 100, 1000].filter((size) => size <= pace.tenants)
  return [
    ...tokens.map((size) => ({ of: 'tokens', size, script: 'ours', path: '/', tokens: size }) as const),
    ...[10, 100, 1000, 5000].map(
      (size) => ({ of: 'routes', size, script: 'ours-grown', path: `/routes/${size}`, tokens: warmTokens }) as const
    ),
    ...tenants.map((size) => ({ of: 'tenants', size, script: 'ours-grown', path: '/', tokens: warmTokens }) as const)
  ]
}

async function measure(world: World, step: Wanted) {
  const server = await world.startServer(aside(step.script, step.of === 'tokens' ? {} : { [step.of]: step.size }))
  if ('absent' in server) return server
  try {
    const tokens = { ...world.pools.good, count: step.tokens }
    const { path } = step
    await flood(world, server, { tokens, path, seconds: world.pace.warmSeconds })
    // So many as may be remembered have then come often enough to be.
    await flood(world, server, { tokens, path, amount: Math.min(step.tokens, 10_000) * untilRemembered, seconds: 60 })
    const order = step.tokens > 10_000 ? 'random' : 'turn'
    const { cpuMicros, statuses } = await floodMeasured(world, server, { tokens, path, order })
    if (Object.keys(statuses).join() !== '200') throw new Error(`${step.of} ${step.size}: ${JSON.stringify(statuses)}`)
    return { cpuMicros, startMs: server.startMs, settledMs: server.settledMs ?? Number.NaN }
  } finally {
    await server.child.stop()
  }
}

const lists = () => ({ cpu: [] as number[], start: [] as number[], settled: [] as number[] })

/** The steps are taken in turn, as the variants are. Each is measured once its server fetches nothing any more. */
export async function runGrowth(world: World): Promise<readonly Step[]> {
  const found = stepsOf(world).map((step) => ({ step, ...lists(), absent: '' }))
  for (let round = 0; round < world.pace.rounds; round += 1) {
    for (const one of found) {
      if (one.absent !== '') continue
      const result = await measure(world, one.step)
      if ('absent' in result) {
        one.absent = result.absent
        continue
      }
      one.cpu.push(result.cpuMicros)
      one.start.push(result.startMs)
      one.settled.push(result.settledMs)
    }
  }
  return found.map(({ step: { of, size }, cpu, start, settled, absent }) =>
    absent === ''
      ? { of, size, cpuMicros: spread(cpu), startMs: spread(start), settledMs: spread(settled) }
      : { of, size, absent }
  )
}
