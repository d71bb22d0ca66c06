/** The results as a page. */
import { variants } from '../harness/variants.js'
import { type Workload, workloads } from '../harness/workloads.js'
import { cases } from '../sections/check.js'
import { contestsOf } from './contests.js'
import type { Results } from './results.js'
import { Samples } from './samples.js'
import { shown, shownMedian, shownSpread, spread, table } from './stats.js'

/** Below this the server was not what limited the requests per second. */
const busyEnough = 0.9

function environmentOf({ environment: e, pace, quick, seconds, rate, notes = [], samples }: Results): string {
  const length = `${pace.loadRounds} process${pace.loadRounds === 1 ? '' : 'es'} of each variant, ${pace.seconds} s each`
  return [
    '# Benchmark results',
    '',
    ...(quick ? ['**A quick run: it shows that all of it works. Its figures say little.**', ''] : []),
    `${e.date}, commit ${e.commit}. Node.js ${e.node}, ${e.platform}, ${e.cpu}, ${e.cores} cores, ${e.memoryGB} GB;`,
    `${e.pinned}. ${length}, ${pace.connections} connections, ${shown(pace.tokens)} tokens,`,
    `${rate > 0 ? `half hostile at ${shown(rate)} requests/s. ` : ''}The run took ${Math.round(seconds)} s.`,
    '',
    'Medians, with the least and the most in brackets. **CPU per request is the figure to trust on a shared machine.**',
    'Requests/s marked with `~` were not limited by the server, whose core was idle for more than a tenth of the time.',
    '',
    'Every server is a process of its own and gets the same requests; variants take turns, A B C A B C, and a ratio compares two of the same',
    'round. Known unfairness: the route does nothing; fastify-entra may remember tokens, and the peers, as documented, do not; it checks more',
    'than they do, and answers with a problem body. The whole method, and all that is unfair: `bench/README.md`.',
    ...notes.flatMap((note) => ['', note]),
    ...(samples.length > 0 ? ['', '![Throughput](throughput.svg)', '', '![p99 under attack](p99.svg)'] : [])
  ].join('\n')
}

function checksOf({ checks }: Results): string {
  if (checks.length === 0) return ''
  const names = Object.keys(cases)
  const rows = checks.map(({ variant, answers, wrong, absent, failed }) => {
    if (absent) return [variant, ...names.map(() => ''), `not there yet: ${absent.split(';')[0]}`]
    if (failed) return [variant, ...names.map(() => ''), `did not start: ${failed.split('\n')[0]}`]
    const shownAnswers = names.map((name) => String(answers?.[name] || 'none'))
    const unchecked = variants.find(({ name }) => name === variant)?.checked === false
    return [
      variant,
      ...shownAnswers,
      unchecked ? 'not judged' : wrong.length ? `**wrong: ${wrong.join(', ')}**` : 'right'
    ]
  })
  return ['## What they answer', '', table(['', ...names, ''], rows)].join('\n')
}

function answersOf(statuses: readonly Readonly<Record<string, number>>[], errors: number, wrong: number): string {
  const codes = [...new Set(statuses.flatMap((one) => Object.keys(one)))].sort().join(', ')
  const text = [codes, ...(errors > 0 ? [`${errors} unanswered`] : [])].join('; ')
  return wrong > 0 ? `**${text}**` : text
}

const head = [
  ...['', 'requests/s', 'p50 ms', 'p99 ms', 'CPU µs', 'over no-auth µs', 'share of no-auth', 'of the limit'],
  ...['RSS MB', 'tenant fetches', 'answers']
]

function rowOf(samples: Samples, variant: string, baseline: string, workload: Workload): readonly string[] | undefined {
  const key = { variant, workload: workload.name }
  const found = samples.of(key)
  if (found.length === 0) return undefined
  const sum = (value: (sample: (typeof found)[number]) => number) => found.reduce((all, one) => all + value(one), 0)
  const free = samples.spread({ variant: baseline, workload: 'thousand' }, ({ cpuMicros }) => cpuMicros)
  const cpu = samples.spread(key, ({ cpuMicros }) => cpuMicros)
  const unlimited = sum(({ busy }) => busy) / found.length < busyEnough ? '~' : ''
  const p99 = shownSpread(samples.spread(key, (sample) => sample.p99))
  const allGood = samples.spread(key, ({ p99AllGood = Number.NaN }) => p99AllGood)
  return [
    ...[variant, unlimited + shownSpread(samples.spread(key, (sample) => sample.requestsPerSecond))],
    ...[
      shownSpread(samples.spread(key, (sample) => sample.p50)),
      allGood ? `${p99}; all good ${shownSpread(allGood)}` : p99
    ],
    ...[shownSpread(cpu), cpu && free ? shown(cpu.median - free.median) : '–'],
    ...(allGood ? ['', ''] : [shownSpread(samples.share(key, 'cpu')), shownSpread(samples.ofLimit(key, 'cpu'))]),
    ...[shown((samples.spread(key, ({ rss }) => rss)?.median ?? Number.NaN) / 1e6)],
    ...[shownSpread(spread(found.map(({ fetches }) => fetches.all)))],
    answersOf(
      found.map(({ statuses }) => statuses),
      sum(({ errors }) => errors),
      variants.find(({ name }) => name === variant)?.checked ? sum(({ wrong }) => wrong) : 0
    )
  ]
}

function workloadsOf(results: Results): readonly string[] {
  const samples = new Samples(results.samples)
  return workloads.flatMap((workload) => {
    const rows = variants.flatMap(({ name, baseline }) => {
      const row = rowOf(samples, name, baseline, workload)
      return row ? [row] : []
    })
    return rows.length === 0 ? [] : [`## ${workload.name}: ${workload.what}`, table(head, rows)]
  })
}

function ceilingsOf({ ceilings }: Results): readonly string[] {
  if (ceilings.length === 0) return []
  const rows = ceilings.map(({ name, perSecond, cpuMicros }) => [name, shownSpread(perSecond), shownSpread(cpuMicros)])
  return ['## Bare verification, no server', table(['', 'tokens/s', 'CPU µs'], rows)]
}

function memoryOf({ memory }: Results): readonly string[] {
  if (memory.length === 0) return []
  const rows = memory.map((m) => [
    ...[m.variant, shown(m.tokens), shown(m.rssBefore), shown(m.rssAfter), shown(m.rssAfter - m.rssBefore)],
    ...[shown(m.heapAfter - m.heapBefore), shown(m.requests), m.samples.map((sample) => shown(sample)).join(' ')]
  ])
  const columns = [
    '',
    'tokens',
    'RSS before',
    'RSS after',
    'more',
    'heap more',
    'requests then',
    'RSS after each tenth'
  ]
  return ['## Memory, MB', table(columns, rows)]
}

function growthOf({ growth }: Results): readonly string[] {
  if (growth.length === 0) return []
  const rows = growth.map(({ of, size, cpuMicros, startMs, settledMs, absent }) => [
    ...[`${size.toLocaleString('en')} ${of}`, absent ? 'not there yet' : shownSpread(cpuMicros)],
    ...[shownSpread(startMs), shownSpread(settledMs)]
  ])
  return ['## Growth', table(['', 'CPU µs a request', 'start-up ms', 'all keys there ms'], rows)]
}

function streamsOf({ streams }: Results): readonly string[] {
  if (!streams) return []
  const rows = streams.map(({ streams, sockets, signals, rss, heap, idleMillis }) => [
    ...[`${streams.toLocaleString('en')} ${sockets ? 'over sockets' : 'held in the process'}`, signals ? 'yes' : 'no'],
    ...[shown(rss), shown(heap), shown(idleMillis)]
  ])
  return ['## Open streams', table(['streams', 'with signals', 'RSS MB', 'heap MB', 'CPU ms in an idle second'], rows)]
}

function coldOf({ cold }: Results): readonly string[] {
  if (!cold) return []
  const rows = cold.map(({ name, ms }) => [name, shownSpread(ms)])
  return ['## Cold start', table(['from the start of the process to the first verified token', 'ms'], rows)]
}

function metricsOf({ metrics }: Results): readonly string[] {
  if (!metrics) return []
  const rows = metrics.map(({ library, addedMicros, share }) => [library, shownMedian(addedMicros), percent(share)])
  return ['## Metrics of a known token', table(['', 'CPU µs that they add', 'of a request'], rows)]
}

const percent = (share: number) => `${shown(share * 100)} %`

function serverOf({ server }: Results): readonly string[] {
  if (!server) return []
  const row = [shownSpread(server.cpuMicros), shownSpread(server.bareMicros), shownSpread(server.ratio)]
  return ['## An open route of the server', table(['CPU µs', 'bare Fastify', 'ratio'], [row])]
}

function importsOf({ imports }: Results): readonly string[] {
  if (!imports) return []
  const packages = Object.entries(imports.packages).sort(([, one], [, other]) => other - one)
  const rows = packages.map(([name, count]) => [name, String(count)])
  const text = `${shownSpread(imports.ms)} ms, ${imports.modules} modules.`
  return ["## `import 'fastify-entra'`", text, table(['package', 'modules'], rows)]
}

function footprintOf({ footprint }: Results): readonly string[] {
  if (!footprint) return []
  const rows = footprint.map(({ name, cpuMs, ms, packages, bytes }) => {
    const install = bytes === undefined ? ['', ''] : [String(packages), shown(bytes / 1e6)]
    return [name, shownSpread(cpuMs), shownSpread(ms), ...install]
  })
  const head = ['', 'CPU ms of an import', 'ms of an import', 'packages', 'MB installed']
  return ['## Install and import', table(head, rows)]
}

function commandOf({ command }: Results): readonly string[] {
  if (!command) return []
  const row = [shownSpread(command.explainMs), shownSpread(command.nodeMs)]
  return ['## `fastify-entra explain`, from start to end', table(['ms', 'ms of Node.js alone'], [row])]
}

function goalsOf({ goals }: Results): readonly string[] {
  const verdict = (met: boolean | undefined) => (met === undefined ? '' : met ? 'met' : '**missed**')
  const rows = goals.map(({ name, goal, measured, met }) => [name, goal, measured, verdict(met)])
  return ['## Goals', 'Ratios are of CPU per request.', table(['', 'goal', 'measured', ''], rows)]
}

export function toMarkdown(results: Results): string {
  const sections = [
    ...[environmentOf(results), checksOf(results), ...workloadsOf(results)],
    ...[...contestsOf(results.contests), ...ceilingsOf(results)],
    ...[...memoryOf(results), ...growthOf(results), ...streamsOf(results), ...coldOf(results)],
    ...[...metricsOf(results), ...serverOf(results), ...importsOf(results)],
    ...[...footprintOf(results), ...commandOf(results), ...goalsOf(results)]
  ]
  for (const [title, lines] of [['Peers that died', results.lost] as const, ['Mistakes', results.mistakes] as const]) {
    if (lines.length > 0) sections.push(`## ${title}`, lines.map((line) => `- ${line.split('\n')[0]}`).join('\n'))
  }
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`
}
