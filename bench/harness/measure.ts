/** One workload against one server: what it answered, how fast, and what that cost. */

import { spread } from '../report/stats.js'
import type { Fetches, Flood, LoadResult, Paced, Usage } from '../types.js'
import type { Variant } from './variants.js'
import { type Workload, warmTokens } from './workloads.js'
import type { Server, World } from './world.js'

export interface Sample {
  readonly variant: string
  readonly workload: string
  readonly round: number
  readonly requestsPerSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly cpuMicros: number
  /** Share of the time in which the server's core was at work: below 0.9, something else was the limit. */
  readonly busy: number
  readonly rss: number
  readonly statuses: Readonly<Record<string, number>>
  readonly errors: number
  /** LookupCache that a right server does not give; connections that failed, when it was asked no more than it takes. */
  readonly wrong: number
  /** From the start of the server to the end of this workload. */
  readonly fetches: Fetches
  readonly serverSeconds: number
  /** Of the half hostile workload: p99 of good requests when all are good. */
  readonly p99AllGood?: number
}

export type FloodOptions = Pick<Flood, 'tokens'> & Partial<Flood>

/** LookupCache that never come must not hold up the benchmark for ever. */
const graceSeconds = 60

/** Sends as much as the server takes. */
export function flood({ load, pace }: World, server: Server, options: FloodOptions): Promise<LoadResult> {
  const byDefault = { path: '/', order: 'turn', connections: pace.connections, seconds: pace.seconds } as const
  const job: Flood = { kind: 'flood', port: server.port, ...byDefault, ...options }
  return load.ask<LoadResult>(job, job.seconds + graceSeconds)
}

/** The same with what it cost the server. */
export async function floodMeasured(world: World, server: Server, options: FloodOptions) {
  const before = await server.child.ask<Usage>('usage')
  const result = await flood(world, server, options)
  const after = await server.child.ask<Usage>('usage')
  const cpu = after.cpuMicros - before.cpuMicros
  const requestsPerSecond = result.requests / result.seconds
  return { ...result, requestsPerSecond, cpuMicros: cpu / result.requests, busy: cpu / result.seconds / 1e6, after }
}

/**
 * Microseconds of CPU of a request to a server of its own, after a warm-up with the same.
 *
 * @throws Error when a request gets anything but 200
 */
export async function costOfGood(world: World, variant: Variant, options: FloodOptions): Promise<number> {
  const server = await world.startServer(variant)
  if ('absent' in server) throw new Error(server.absent)
  try {
    await flood(world, server, { ...options, seconds: world.pace.warmSeconds })
    const { cpuMicros, statuses } = await floodMeasured(world, server, options)
    if (Object.keys(statuses).join() !== '200') throw new Error(`${variant.name}: ${JSON.stringify(statuses)}`)
    return cpuMicros
  } finally {
    await server.child.stop()
  }
}

function wrongOnes({ right }: Workload, { statuses }: LoadResult): number {
  const wrong = Object.entries(statuses).filter(([status]) => !right.includes(Number(status)))
  return wrong.reduce((sum, [, count]) => sum + count, 0)
}

/** Good tokens first, as a server has seen them before it is attacked; then a little of what comes. */
async function warmUp(world: World, server: Server, options: FloodOptions, workload: Workload): Promise<void> {
  const seconds = world.pace.warmSeconds
  await flood(world, server, { tokens: { ...world.pools.good, count: warmTokens }, seconds })
  if (!workload.once && workload.name !== 'thousand') await flood(world, server, { ...options, seconds })
}

/** Measures a workload that is sent as fast as it is answered. */
export async function measureFlood(world: World, server: Server, workload: Workload) {
  const pool = world.pools[workload.pool]
  const { order, once, slice } = workload
  const tokens = { ...pool, ...slice(pool.count) }
  const options = { tokens, order, ...(once && { amount: tokens.count }) }
  await warmUp(world, server, options, workload)
  const { after, ...result } = await floodMeasured(world, server, options)
  return { ...result, rss: after.rss, wrong: wrongOnes(workload, result) + result.errors }
}

/** All good and half hostile, in turn: a machine that is shared has moments in which everything is late. */
const halfHostileTurns = 3

/** Measures good requests among others, at a rate that is the same for all servers. */
export async function measureHalfHostile(world: World, server: Server, workload: Workload, rate: number) {
  const { good, forged, unknown, malformed } = world.pools
  const tokens = { ...good, count: warmTokens }
  const others = [forged, unknown, malformed]
  const { seconds } = world.pace
  const job: Paced = { kind: 'paced', port: server.port, good: tokens, others, rate, seconds }
  const run = (paced: Paced) => world.load.ask<LoadResult>(paced, seconds + graceSeconds)
  await warmUp(world, server, { tokens }, workload)
  await run({ ...job, seconds: world.pace.warmSeconds })
  const turns: { p99AllGood: number; result: LoadResult; cpu: number; rss: number }[] = []
  for (let turn = 0; turn < halfHostileTurns; turn += 1) {
    const allGood = await run({ ...job, others: [tokens] })
    const before = await server.child.ask<Usage>('usage')
    const result = await run(job)
    const after = await server.child.ask<Usage>('usage')
    turns.push({ p99AllGood: allGood.p99, result, cpu: after.cpuMicros - before.cpuMicros, rss: after.rss })
  }
  const p99AllGood = spread(turns.map((turn) => turn.p99AllGood))?.median ?? Number.NaN
  const sorted = turns.sort((one, other) => one.result.p99 - other.result.p99)
  const { result, cpu, rss } = sorted[sorted.length >> 1] as (typeof turns)[number]
  const figures = { cpuMicros: cpu / result.requests, busy: cpu / result.seconds / 1e6, rss }
  const requestsPerSecond = result.requests / result.seconds
  // Late is not wrong: at a given rate, a server may be asked for more than it can do.
  return { ...result, ...figures, requestsPerSecond, wrong: wrongOnes(workload, result), p99AllGood }
}
