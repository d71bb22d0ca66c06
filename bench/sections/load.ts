/** Every workload against every variant, A B C A B C. */
import { floodMeasured, measureFlood, measureHalfHostile, type Sample } from '../harness/measure.js'
import { aside, isOurs, type Variant } from '../harness/variants.js'
import { type Workload, warmTokens, workloads } from '../harness/workloads.js'
import type { Server, World } from '../harness/world.js'

/** One process, and what it stands. */
interface Turn {
  readonly round: number
  readonly variant: Variant
  readonly workloads: readonly Workload[]
}

export interface Context {
  readonly world: World
  readonly say: (line: string) => void
  /** What makes the benchmark end with 1. */
  readonly mistakes: string[]
}

/** Variants that are compared with each other follow each other closely, as a shared machine changes by the minute. */
function turnsOf({ pace }: World, variants: readonly Variant[], chosen: ReadonlySet<string>): readonly Turn[] {
  const wanted = workloads.filter(({ name }) => chosen.has(name))
  const groups = pace.processPerWorkload ? wanted.map((workload) => [workload]) : [wanted]
  const rounds = Array.from({ length: pace.loadRounds }, (_, n) => n + 1)
  const turns = rounds.flatMap((round) =>
    groups.flatMap((group) =>
      variants.map((variant) => ({
        ...{ round, variant },
        workloads: group.filter(({ name }) => variant.workloads.includes(name))
      }))
    )
  )
  return turns.filter((turn) => turn.workloads.length > 0)
}

/** Of what one RSA verify a request leaves: well below what a right server can do, and the same for all of them. */
const rateShare = 0.4

/** Requests a second for the half hostile workload. */
async function rateFor(world: World): Promise<number> {
  const server = await world.startServer(aside('limit-verify'))
  if ('absent' in server) throw new Error(server.absent)
  const tokens = { ...world.pools.good, count: warmTokens }
  await floodMeasured(world, server, { tokens, seconds: world.pace.warmSeconds })
  const { requestsPerSecond } = await floodMeasured(world, server, { tokens })
  await server.child.stop()
  return Math.round(requestsPerSecond * rateShare)
}

async function measure(world: World, server: Server, turn: Turn, workload: Workload, rate: number): Promise<Sample> {
  const began = performance.now() - server.startMs
  const figures = await (workload.name === 'half-hostile'
    ? measureHalfHostile(world, server, workload, rate)
    : measureFlood(world, server, workload))
  const serverSeconds = (performance.now() - began) / 1000
  const named = { variant: turn.variant.name, workload: workload.name, round: turn.round }
  return { ...named, ...figures, serverSeconds, fetches: await world.fetches() }
}

async function take(context: Context, turn: Turn, rate: number): Promise<Sample[]> {
  const { world, say, mistakes } = context
  const server = await world.startServer(turn.variant)
  if ('absent' in server) return []
  const samples: Sample[] = []
  try {
    for (const workload of turn.workloads) {
      const sample = await measure(world, server, turn, workload, rate)
      samples.push(sample)
      const figures = `${Math.round(sample.requestsPerSecond)}/s, ${sample.cpuMicros.toFixed(1)} µs of CPU`
      say(`${turn.round} ${turn.variant.name} ${workload.name}: ${figures} ${JSON.stringify(sample.statuses)}`)
      if (isOurs(turn.variant) && sample.wrong > 0) {
        const answers = `${JSON.stringify(sample.statuses)}, ${sample.errors} without an answer`
        mistakes.push(`${turn.variant.name} answered wrong to ${workload.name}: ${answers}`)
      }
    }
  } finally {
    await server.child.stop()
  }
  return samples
}

/** Measures the variants; a peer that dies is left out of its round, and one of ours is a mistake. */
export async function runLoad(context: Context, variants: readonly Variant[], chosen: ReadonlySet<string>) {
  const turns = turnsOf(context.world, variants, chosen)
  const rate = chosen.has('half-hostile') ? await rateFor(context.world) : 0
  const samples: Sample[] = []
  const lost: string[] = []
  for (const turn of turns) {
    try {
      samples.push(...(await take(context, turn, rate)))
    } catch (error) {
      const what = turn.workloads.map(({ name }) => name).join(', ')
      const text = `${turn.variant.name}, round ${turn.round}, ${what}: ${(error as Error).message}`
      context.say(text)
      ;(isOurs(turn.variant) ? context.mistakes : lost).push(text)
    }
  }
  return { rate, samples, lost }
}
