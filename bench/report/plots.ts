/** The results as two pictures: what is left of a server's throughput, and how long good requests wait under attack. */
import { type Variant, variants } from '../harness/variants.js'
import { type WorkloadName, workloads } from '../harness/workloads.js'
import type { Results } from './results.js'
import { type Key, Samples } from './samples.js'
import { shown } from './stats.js'
import { bar, type Colour, document, dot, line, text, width } from './svg.js'

const [left, right] = [20, width - 20]
/** Where labels end and figures begin. */
const middle = 262
const rowHeight = 24
const small = { size: 11, colour: 'quiet' } as const

/** What the columns of the first plot are called. */
const columns: readonly (readonly [WorkloadName, ...string[]])[] = [
  ['one', 'one token', 'seen before'],
  ['thousand', '1,000 tokens', 'seen before'],
  ['hundred-thousand', '100,000', 'at random'],
  ['new', 'every token', 'new'],
  ['malformed', 'malformed'],
  ['forged', 'forged,', 'real kid'],
  ['unknown-kid', 'unknown kid']
]
const cellWidth = (right - middle) / columns.length
/** How long a bar of 1 is, and which bars would run into their figures. */
const [unit, longest] = [42, 1.2]

const legend = [
  'Limit: a hook that reads the header (first three columns), one jwtVerify() with a static key (new), instant refusal',
  '(malformed, unknown kid), one RSA verify and refuse (forged). Bars are medians, thin lines the range of all processes.',
  '✗ answers wrong, such as 500. – was not measured, or did not start.'
]

const colourOf = ({ group }: Variant): Colour =>
  group === 'fastify-entra' ? 'ours' : group === 'limits' ? 'limit' : 'peer'
const isOurs = (variant: string) => variant === 'ours'

/** Whether it gave answers that no right server gives; the limits are not judged. */
function isWrong(samples: Samples, key: Key): boolean {
  const isJudged = variants.some(({ name, checked }) => name === key.variant && checked)
  return isJudged && samples.of(key).some(({ wrong }) => wrong > 0)
}

const label = ({ name, what }: Variant, y: number, mark = '') =>
  text(left, y, what.replaceAll('`', '') + mark, { size: 11, bold: isOurs(name) })

/** The lines below a plot; the last says where its figures are from. */
function notes(y: number, lines: readonly string[], { environment: e, pace, quick }: Results): string[] {
  const processes = `${pace.loadRounds} process${pace.loadRounds === 1 ? '' : 'es'} of each, ${pace.seconds} s each`
  const origin = `${e.date}, commit ${e.commit}, Node.js ${e.node}, ${e.cpu}; ${processes}.`
  const all = [...lines, quick ? `A quick run, which says little. ${origin}` : origin]
  return all.map((words, n) => text(left, y + n * 16, words, small))
}

function shareCell(samples: Samples, key: Key | undefined, x: number, y: number, colour: Colour): string[] {
  const share = key && samples.share(key, 'cpu')
  if (!share) return [text(x, y, '–', small)]
  const wrong = isWrong(samples, key)
  const at = (value: number) => x + Math.min(value, longest) * unit
  const figure = { size: 11, colour: wrong ? 'wrong' : 'ink', bold: isOurs(key.variant) } as const
  return [
    ...[bar(x, y - 9, unit, 10, 'track'), bar(x, y - 9, at(share.median) - x, 10, wrong ? 'wrong' : colour)],
    line(at(share.least), y - 4, at(share.most), y - 4, 'ink'),
    text(x + longest * unit + 4, y, `${shown(share.median)}${wrong ? '✗' : ''}`, figure)
  ]
}

const shareRow = (samples: Samples, y: number, colour: Colour, keyOf: (workload: WorkloadName) => Key | undefined) =>
  columns.flatMap(([workload], n) => shareCell(samples, keyOf(workload), middle + n * cellWidth, y, colour))

function shareHeading(samples: Samples, group: string, y: number): string[] {
  const baseline = variants.find((variant) => variant.group === group)?.baseline ?? ''
  const cpu = samples.spread({ variant: baseline, workload: 'thousand' }, ({ cpuMicros }) => cpuMicros)
  const words = cpu ? `${group}; no authentication: ${shown(cpu.median)} µs a request` : group
  return [line(left, y - 17, right, y - 17, 'line'), text(left, y, words, { ...small, bold: true })]
}

/** Share of the same framework without authentication, by the CPU time of a request, as on the page. */
export function throughputPlot(results: Results): string {
  const samples = new Samples(results.samples)
  const unitOf =
    'CPU time of a request without authentication ÷ CPU time of a request; 1 is as fast as no authentication.'
  const heads = columns.flatMap(([, ...words], n) =>
    words.map((word, i) => text(middle + n * cellWidth, 76 + i * 13, word, { size: 11, bold: true }))
  )
  const limitOf = (name: WorkloadName) => workloads.find((workload) => workload.name === name)?.limit
  let y = 111
  const parts = [text(left, 50, unitOf, small), ...heads, text(left, y, 'limit', { size: 11 })]
  parts.push(...shareRow(samples, y, 'limit', limitOf))
  for (const group of ['fastify-entra', 'peers on Fastify', 'peers on Express 5'] as const) {
    y += rowHeight + 8
    parts.push(...shareHeading(samples, group, y))
    for (const variant of variants.filter((one) => one.group === group && one.workloads.includes('one'))) {
      y += rowHeight - 2
      parts.push(label(variant, y))
      parts.push(...shareRow(samples, y, colourOf(variant), (workload) => ({ variant: variant.name, workload })))
    }
  }
  parts.push(...notes(y + 32, legend, results))
  return document('Throughput as a share of the same framework without authentication', y + 96, parts)
}

const axisEnd = 600
/** A server that answers fewer requests than this share of what is due falls further and further behind. */
const keptUp = 0.95

/** Milliseconds → x, each tenfold as far from the last. */
function scaleOf(all: readonly number[]) {
  const low = Math.floor(Math.log10(Math.min(1, ...all.filter((ms) => ms > 0))))
  const high = Math.ceil(Math.log10(Math.max(10, ...all)))
  const at = (ms: number) => middle + ((Math.log10(Math.max(ms, 10 ** low)) - low) / (high - low)) * (axisEnd - middle)
  return { at, ticks: Array.from({ length: high - low + 1 }, (_, n) => 10 ** (low + n)) }
}

function latencyRow({ rate }: Results, samples: Samples, variant: Variant, y: number, at: (ms: number) => number) {
  const key = { variant: variant.name, workload: 'half-hostile' } as const
  const attacked = samples.spread(key, ({ p99 }) => p99)
  const allGood = samples.spread(key, ({ p99AllGood = Number.NaN }) => p99AllGood)
  const answered = samples.spread(key, ({ requestsPerSecond }) => requestsPerSecond)
  const wrong = workloads.some(({ name }) => isWrong(samples, { variant: variant.name, workload: name }))
  const named = label(variant, y + 4, wrong ? ' ✗' : '')
  if (!attacked || !allGood || !answered) return [named, text(middle, y + 4, '– not measured, or did not start', small)]
  const figure = (x: number, value: number, colour: Colour = 'ink') =>
    text(x, y + 4, shown(value), { size: 11, anchor: 'end', colour, bold: isOurs(variant.name) })
  return [
    ...[named, line(at(attacked.least), y, at(attacked.most), y, 'ink')],
    ...[dot(at(allGood.median), y, colourOf(variant), true), dot(at(attacked.median), y, colourOf(variant))],
    ...[figure(715, attacked.median), figure(790, allGood.median)],
    figure(right, answered.median, answered.median < keptUp * rate ? 'wrong' : 'ink')
  ]
}

/** How long good requests wait when as many bad ones come. */
export function p99Plot(results: Results): string {
  const samples = new Samples(results.samples)
  const rows = variants.filter((one) => one.workloads.includes('half-hostile'))
  const found = rows.flatMap(({ name }) => samples.of({ variant: name, workload: 'half-hostile' }))
  const { at, ticks } = scaleOf(found.flatMap(({ p99, p99AllGood = p99 }) => [p99, p99AllGood]))
  const bottom = 104 + rows.length * rowHeight
  const rate = `p99 of good requests, ms, at ${shown(results.rate)} requests/s: half of them hostile, and all of them good.`
  const head = (x: number, word: string) => text(x, 84, word, { size: 11, bold: true, anchor: 'end' })
  const axis = ticks.flatMap((ms) => [
    line(at(ms), 92, at(ms), bottom, 'line'),
    text(at(ms), 84, `${shown(ms)} ms`, { ...small, anchor: 'middle' })
  ])
  const parts = [
    ...[
      text(left, 50, rate, small),
      head(715, 'half hostile'),
      head(790, 'all good'),
      head(right, 'answered/s'),
      ...axis
    ],
    ...rows.flatMap((variant, n) => latencyRow(results, samples, variant, 108 + n * rowHeight, at))
  ]
  const marks = [
    'Filled: half hostile, with its range as a thin line. Hollow: all good. Each line of the scale is ten times the last.',
    'Red: fell behind the rate. ✗ answers wrong, such as 500, to some of the hostile requests.'
  ]
  parts.push(...notes(bottom + 20, marks, results))
  return document('p99 of good requests under attack', bottom + 68, parts)
}
