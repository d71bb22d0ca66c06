/** What remembered tokens weigh, and whether memory stays where it is. */
import { flood } from '../harness/measure.js'
import { aside, type Variant } from '../harness/variants.js'
import { warmTokens } from '../harness/workloads.js'
import type { Server, World } from '../harness/world.js'
import { spread } from '../report/stats.js'
import type { Usage } from '../types.js'

export interface Memory {
  readonly variant: string
  readonly tokens: number
  /** MB, after a collection: warm with one token, and with all of them. */
  readonly rssBefore: number
  readonly rssAfter: number
  readonly heapBefore: number
  readonly heapAfter: number
  readonly requests: number
  /** RSS after each tenth of the requests. */
  readonly samples: readonly number[]
  /** Median RSS of the last third over that of the first. */
  readonly growth: number
}

/** Enough for the heap to have the size that it keeps under load. */
const warmRequests = 30_000
/** A token is remembered when it comes for the second time; two that share a place there, a little later. */
export const untilRemembered = 4
const parts = 10
const unhurriedSeconds = 600

const megabytes = (bytes: number) => bytes / 1e6
const median = (values: readonly number[]) => spread(values)?.median ?? Number.NaN

function growthOf(samples: readonly number[]): number {
  const third = Math.floor(samples.length / 3)
  return median(samples.slice(-third)) / median(samples.slice(0, third))
}

async function measure(world: World, server: Server, variant: string): Promise<Memory> {
  const { cachedTokens: count, memoryRequests: requests } = world.pace
  const send = (tokens: { from: number; count: number }, amount: number) =>
    flood(world, server, { tokens: { ...world.pools.good, ...tokens }, amount, seconds: unhurriedSeconds })
  const collected = async () => {
    await server.child.ask('gc')
    return server.child.ask<Usage>('gc')
  }
  const all = { from: warmTokens, count }
  await send({ from: 0, count: 1 }, Math.min(warmRequests, requests))
  const before = await collected()
  await send(all, count * untilRemembered)
  const after = await collected()
  const samples: number[] = []
  for (let part = 0; part < parts; part += 1) {
    await send(all, requests / parts)
    samples.push(megabytes((await server.child.ask<Usage>('usage')).rss))
  }
  const rss = { rssBefore: megabytes(before.rss), rssAfter: megabytes(after.rss) }
  const heap = { heapBefore: megabytes(before.heapUsed), heapAfter: megabytes(after.heapUsed) }
  return { variant, tokens: count, ...rss, ...heap, requests, samples, growth: growthOf(samples) }
}

/** Ours; and without the cache, which shows what memory does when tokens are verified and none is remembered. */
export async function runMemory(world: World): Promise<readonly Memory[]> {
  const found: Memory[] = []
  const contenders: readonly Variant[] = [
    aside('limit-no-auth'),
    { ...aside('ours', { tokenCache: false }), name: 'ours-no-cache' },
    aside('ours')
  ]
  for (const variant of contenders) {
    const server = await world.startServer(variant, ['--expose-gc'])
    if ('absent' in server) continue
    found.push(await measure(world, server, variant.name).finally(() => server.child.stop()))
  }
  return found
}
