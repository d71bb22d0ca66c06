/** Runs comparisons whose differences are small: A B C, C B A, each time in new processes, and each compared with its round. */
import { type Contest, contests } from '../harness/contests.js'
import { flood, floodMeasured } from '../harness/measure.js'
import { isOurs, type Variant, variants } from '../harness/variants.js'
import type { World } from '../harness/world.js'
import type { Context } from './load.js'

export interface ContestSample {
  readonly contest: string
  readonly variant: string
  readonly round: number
  readonly cpuMicros: number
  /** Milliseconds. */
  readonly p99: number
  readonly requestsPerSecond: number
  readonly statuses: Readonly<Record<string, number>>
  readonly wrong: number
}

async function measure(world: World, contest: Contest, variant: Variant): Promise<Omit<ContestSample, 'round'>> {
  const server = await world.startServer(variant)
  if ('absent' in server) throw new Error(server.absent)
  try {
    if (contest.warmUp) await flood(world, server, { seconds: world.pace.warmSeconds, ...contest.warmUp(world) })
    const result = await floodMeasured(world, server, contest.measured(world))
    const { cpuMicros, requestsPerSecond, statuses } = result
    const p99 = Number(result.p99 ?? Number.NaN) // null, as IPC sends it, where nothing was answered
    const wrong = variant.checked ? contest.wrong(result) : 0
    return { contest: contest.name, variant: variant.name, cpuMicros, p99, requestsPerSecond, statuses, wrong }
  } finally {
    await server.child.stop()
  }
}

/** A shared machine changes by the minute: what comes first in one round comes last in the next. */
function contendersOf({ variants: names }: Contest, round: number): readonly Variant[] {
  const chosen = variants.filter(({ name }) => names.includes(name))
  return round % 2 === 0 ? chosen.reverse() : chosen
}

/** Runs the chosen contests; a peer that fails is left out of its round, and one of ours is a mistake. */
export async function runContests({ world, say, mistakes }: Context, chosen: ReadonlySet<string>) {
  const samples: ContestSample[] = []
  for (const contest of contests.filter(({ name }) => chosen.has(name))) {
    for (let round = 1; round <= world.pace.contestRounds; round += 1) {
      for (const variant of contendersOf(contest, round)) {
        const named = `${contest.name} ${round} ${variant.name}`
        try {
          const sample = { ...(await measure(world, contest, variant)), round }
          samples.push(sample)
          say(`${named}: ${sample.cpuMicros.toFixed(1)} µs of CPU, p99 ${sample.p99.toFixed(1)} ms`)
          if (isOurs(variant) && sample.wrong > 0)
            mistakes.push(`${named} answered wrong: ${JSON.stringify(sample.statuses)}`)
        } catch (error) {
          say(`${named}: ${(error as Error).message}`)
          if (isOurs(variant)) mistakes.push(`${named}: ${(error as Error).message}`)
        }
      }
    }
  }
  return samples
}
