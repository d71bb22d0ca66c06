/** A soak in words, as JSON, and as a picture. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { environment } from '../../bench/harness/environment.js'
import { plot, type Series } from '../support/plot.js'
import type { Sample, SoakRecord } from './record.js'
import { heapGrowth, type SoakOptions } from './run.js'

/** So many wrong answers are printed; the file has all of them. */
const mostPrinted = 20

const megabytes = (bytes: number) => Math.round(bytes / 1e5) / 10

/** Letters, as words of an hour's events would cover each other. */
const letters: Readonly<Record<string, string>> = {
  rotation: 'r',
  outage: 'o',
  'Redis killed': 'k',
  'Redis halted': 'h'
}
const caption =
  'r: a key is rotated, o: an outage of the tenant begins, k, h: Redis is killed, or halts; all requests: also those that wait for what is down'

export function textOf({ minutes, rate }: SoakOptions, record: SoakRecord): string {
  const { seed, requests, counts, wrong, samples } = record
  const { early, late } = heapGrowth(record)
  const events = tally(record.events.map(({ kind }) => kind))
  const last = samples.at(-1)
  return [
    `seed ${seed}, ${minutes} minutes, about ${rate} requests per second`,
    ...Object.entries(counts).flatMap(([kind, outcomes]) =>
      Object.entries(outcomes).map(([outcome, count]) => `  ${kind.padEnd(16)} ${outcome.padEnd(30)} ${count}`)
    ),
    `events     ${Object.entries(events)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', ')}`,
    `heap (MB)  after garbage collections: ${megabytes(early)} in the first third, ${megabytes(late)} in the last`,
    `RSS (MB)   ${megabytes(samples[0]?.rss ?? 0)} at the start, ${megabytes(last?.rss ?? 0)} at the end`,
    ...wrong.slice(0, mostPrinted).map((each) => `WRONG      ${JSON.stringify(each)}`),
    `${requests} requests, ${wrong.length} wrong answers`
  ].join('\n')
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** Writes `soak.json` and `soak.svg`. */
export async function writeReport(out: string, options: SoakOptions, record: SoakRecord): Promise<void> {
  await mkdir(out, { recursive: true })
  const { requests, wrong, counts, events, checkpoints, samples } = record
  const figures = { options, environment: environment(), requests, wrong, counts, events, checkpoints, samples }
  await writeFile(join(out, 'soak.json'), `${JSON.stringify(figures, undefined, 1)}\n`)
  await writeFile(join(out, 'soak.svg'), pictureOf(options, record))
}

export function pictureOf({ minutes, seed, rate }: SoakOptions, record: SoakRecord): string {
  const { samples, checkpoints, events, requests, wrong } = record
  const over = (name: string, value: (sample: Sample) => number | null): Series => ({
    name,
    points: samples.map((sample) => [sample.at, value(sample) ?? Number.NaN])
  })
  const panels: readonly (readonly [string, readonly Series[]])[] = [
    [
      'memory of the API, MB',
      [
        over('RSS', ({ rss }) => rss / 1e6),
        over('heap used', ({ heapUsed }) => heapUsed / 1e6),
        { name: 'heap after garbage collections', points: checkpoints.map(({ at, heapUsed }) => [at, heapUsed / 1e6]) }
      ]
    ],
    [
      'handles of the API',
      [
        over('sockets of the process', ({ resources }) => resources.TCPSocketWrap ?? 0),
        over('timers', ({ resources }) => resources.Timeout ?? 0),
        over('event streams', ({ streams }) => streams)
      ]
    ],
    [
      'p99 of known keys while Redis is up, ms',
      [
        over('requests to /me', (sample) => sample.p99InGoodWeather),
        over('event loop of the API', ({ loopP99 }) => loopP99)
      ]
    ],
    ['p99 of all requests, ms', [over('all requests', ({ p99 }) => p99)]]
  ]
  const marks = events.flatMap(({ kind, at }) => (letters[kind] ? [[letters[kind], at] as const] : []))
  const { date, commit, node, cores } = environment()
  const origin = `${minutes} minutes, seed ${seed}, about ${rate} requests/s, ${requests} requests, ${wrong.length} wrong answers; ${date}, commit ${commit}, Node.js ${node}, ${cores} cores`
  return plot(panels, marks, [caption, origin])
}
