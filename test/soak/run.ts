/** A soak from start to end: warm up, rounds of events under traffic, and what is left when the traffic stops. */
import { setTimeout as sleep } from 'node:timers/promises'
import { until, within } from '../faults/waits.js'
import { ask, openConnections } from './client.js'
import { Events } from './events.js'
import { type Planned, planOf, type Round } from './plan.js'
import { createRandom } from './random.js'
import { SoakRecord } from './record.js'
import type { Defect } from './settings.js'
import { type Stage, startStage } from './stage.js'
import { Streams } from './streams.js'
import { Traffic } from './traffic.js'

export interface SoakOptions {
  readonly seed: number
  readonly minutes: number
  /** Requests per second. */
  readonly rate: number
  readonly defects: readonly Defect[]
}

/** Lines of the log at level error that outages cause. */
const expectedErrors = ['isRevoked failed']
/** Runs of at least so many minutes assert that memory does not grow; in shorter ones caches are still filling. */
export const leastMinutesForMemory = 5
/** How much the heap may grow from the first third of a run to its last. */
export const mostGrowth = { ratio: 1.1, bytes: 2e6 }
/** Kinds of resources of which some may come and go, such as connections that are kept: so many more are no leak. */
const slack = 2

export async function soak(options: SoakOptions): Promise<SoakRecord> {
  const { seed, minutes, defects } = options
  const stage = await startStage(createRandom(seed + 1), defects)
  let round = 0
  const { tenant, tokens, redis } = stage.weather
  const record = new SoakRecord(seed, () => ({ tenant: tenant.now, tokens: tokens.now, redis: redis.now, round }))
  const unwatch = record.watchStalls()
  try {
    const plan = planOf(createRandom(seed), minutes * 60)
    await withConnections(() => warmUp(stage))
    const before = await resourcesOf(stage)
    const run = { stage, record, options }
    const began = (n: number) => {
      round = n
    }
    await withConnections(() => runRounds(run, plan, began))
    await settle(run, before)
  } catch (error) {
    record.isWrong('the soak', 'to go on', String(error))
  } finally {
    unwatch()
    await stage.close()
  }
  return record
}

/** Does something, and leaves no connection of this process behind. */
async function withConnections(work: () => Promise<void>): Promise<void> {
  const close = openConnections()
  try {
    await work()
  } finally {
    await close()
  }
}

interface Run {
  readonly stage: Stage
  readonly record: SoakRecord
  readonly options: SoakOptions
}

/** Each kind of connection was open once, and MSAL is loaded. */
async function warmUp(stage: Stage): Promise<void> {
  const { callers, keys } = stage
  const isGood = async (path: string, key = callers.main) =>
    (await ask(stage, path, callers.signIn({ key }).token)).outcome === '200'
  for (const path of ['/me', '/photo']) await until(`${path} to answer`, () => isGood(path))
  for (const key of keys) {
    await until('its keys to be held', () => isGood('/me', key))
    key.state.set('held')
  }
}

async function runRounds({ stage, record, options }: Run, plan: readonly Round[], began: (n: number) => void) {
  const streams = new Streams(stage, record)
  const traffic = new Traffic(stage, record, createRandom(options.seed + 2), streams)
  const { one } = createRandom(options.seed + 3)
  const events = new Events(stage, record, { one, openStreams: () => streams.open })
  const requests = traffic.run(options.rate)
  const sampling = startSampling(stage, record, Math.max(1, (options.minutes * 60) / 200))
  for (const [n, round] of plan.entries()) {
    began(n)
    await Promise.all(round.events.map((event) => runEvent(record, events, event)))
    await sleep(Math.max(0, (round.at + round.seconds - record.at) * 1000))
    record.checkpoints.push({ at: record.at, streams: streams.open.length, ...(await stage.api.ask('settle')) })
  }
  traffic.stop()
  await within('all requests to be answered', requests)
  await sampling.stop()
}

async function runEvent(record: SoakRecord, events: Events, event: Planned): Promise<void> {
  await sleep(event.at * 1000)
  try {
    await events.run(event)
  } catch (error) {
    record.isWrong(event.kind, 'to be noticed, and to heal', String(error))
  }
}

function startSampling({ api, world }: Stage, record: SoakRecord, seconds: number) {
  let stopped = false
  const done = (async () => {
    while (!stopped) {
      await sleep(seconds * 1000)
      record.sample(await api.ask('sample'))
      world.tenant.requests.length = 0
    }
  })()
  done.catch((error: unknown) => record.isWrong('the API', 'to answer', String(error)))
  return {
    stop: async () => {
      stopped = true
      await done
    }
  }
}

/** What keeps the event loop of the API alive while nobody calls it. */
async function resourcesOf({ api, dropConnections }: Stage): Promise<Readonly<Record<string, number>>> {
  await dropConnections()
  await api.ask('settle')
  const { resources } = await api.ask('sample')
  return resources
}

/** Nothing is left of any request: no timer, no socket, no signal, and in the end no process. */
async function settle({ stage, record, options }: Run, before: Readonly<Record<string, number>>): Promise<void> {
  const { api } = stage
  let left = ''
  const nothingIsLeft = async () => {
    const now = await resourcesOf(stage)
    const more = Object.entries(now).filter(([kind, count]) => count > (before[kind] ?? 0) + slack)
    const { signals } = await api.ask('settle')
    const { streams } = await api.ask('sample')
    left = JSON.stringify({
      ...Object.fromEntries(more),
      ...(signals > slack && { signals }),
      ...(streams > 0 && { streams })
    })
    return left === '{}'
  }
  await until('', nothingIsLeft).catch(() => record.isWrong('handles', 'none left of the traffic', left))
  judgeMemory(record, options.minutes)
  await judgeComplaints(stage, record)
  const code = await api.close().catch(String)
  if (code !== 0) record.isWrong('the process of the API', 'to end by itself with 0', String(code))
}

/** Medians of the heap after garbage collections, of the first third and of the last one. */
export function heapGrowth({ checkpoints }: Pick<SoakRecord, 'checkpoints'>): {
  readonly early: number
  readonly late: number
} {
  const heaps = checkpoints.map(({ heapUsed }) => heapUsed)
  const third = Math.ceil(heaps.length / 3)
  return { early: median(heaps.slice(0, third)), late: median(heaps.slice(-third)) }
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

function judgeMemory(record: SoakRecord, minutes: number): void {
  const { early, late } = heapGrowth(record)
  const most = early * mostGrowth.ratio + mostGrowth.bytes
  if (minutes >= leastMinutesForMemory && late > most)
    record.isWrong(
      'heap after garbage collections',
      `${most} bytes at the most`,
      `${late} bytes, ${early} in the first third`
    )
}

async function judgeComplaints({ api }: Stage, record: SoakRecord): Promise<void> {
  const { errors, warnings } = await api.ask('complaints')
  for (const [message, count] of Object.entries(errors))
    if (!expectedErrors.includes(message)) record.isWrong('the log', 'no such error', `${count} times: ${message}`)
  for (const warning of warnings) record.isWrong('the process of the API', 'no warning', warning)
}
