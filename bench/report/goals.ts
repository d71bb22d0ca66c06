/** What is to be reached, and what was measured. Nothing here makes the benchmark fail. */
import { variants } from '../harness/variants.js'
import type { WorkloadName } from '../harness/workloads.js'
import type { Step } from '../sections/growth.js'
import { contestGoals } from './contests.js'
import type { Goal, Results } from './results.js'
import { Samples } from './samples.js'
import { type Spread, shown, shownMedian, shownSpread, spread } from './stats.js'

type Named = Pick<Goal, 'name' | 'goal'>

/** Least seconds between two refreshes that unknown `kid`s ask for: the option's default. */
const cooldownSeconds = 30
const notMeasured = 'not measured'

const judged = (named: Named, measured: string, met: boolean): Goal => ({ ...named, measured, met })
const unjudged = (named: Named): Goal => ({ ...named, measured: notMeasured })

/** Judged by CPU per request: requests per second stop growing when the load generator is busy. */
function atLeast(samples: Samples, named: Named, one: Pair, other: Pair, goal: number): Goal {
  const [cpu, throughput] = (['cpu', 'throughput'] as const).map((by) => samples.ratio(key(one), key(other), by))
  if (!cpu) return unjudged(named)
  return judged(named, `${shownSpread(cpu)}; by requests/s ${shownSpread(throughput)}`, cpu.median >= goal)
}

type Pair = readonly [variant: string, workload: WorkloadName]
const key = ([variant, workload]: Pair) => ({ variant, workload })

function overBestPeer(samples: Samples): Goal {
  const named = { name: '1,000 tokens, over the best peer', goal: '≥ 3 × its share of no-auth, or as near 1 as can be' }
  const key = (variant: string) => ({ variant, workload: 'thousand' }) as const
  const share = (name: string) => samples.share(key(name), 'cpu')?.median
  const isRight = ({ name }: { name: string }) => samples.of(key(name)).every(({ wrong }) => wrong === 0)
  const peers = variants.filter(({ group }) => group.startsWith('peers')).filter(isRight)
  const known = peers.flatMap(({ name }) => [{ name, share: share(name) ?? 0 }])
  const best = known.reduce((one, other) => (other.share > one.share ? other : one), { name: '', share: 0 })
  const ours = share('ours')
  if (ours === undefined || best.share === 0) return unjudged(named)
  const measured = `${shown(ours / best.share)} × (${shown(ours)}, ${best.name} ${shown(best.share)})`
  return judged(named, measured, ours / best.share >= Math.min(3, 0.95 / best.share))
}

function fetchesGoal(samples: Samples): Goal {
  const named = { name: 'unknown `kid`s: fetches of the keys', goal: '≤ 1 + ⌈seconds / 30⌉' }
  const found = samples.of({ variant: 'ours', workload: 'unknown-kid' })
  if (found.length === 0) return unjudged(named)
  const right = found.every(({ fetches, serverSeconds: s }) => fetches.keys <= 1 + Math.ceil(s / cooldownSeconds))
  const most = found.map(({ fetches, serverSeconds }) => `${fetches.keys} in ${shown(serverSeconds)} s`)
  return judged(named, most.join(', '), right)
}

function hostileGoal(samples: Samples): Goal {
  const named = { name: 'half hostile: p99 of good requests', goal: '≤ 1.5 × that of an all-good run' }
  const pairs = samples.of({ variant: 'ours', workload: 'half-hostile' })
  const found = spread(pairs.map(({ p99, p99AllGood = Number.NaN }) => p99 / p99AllGood))
  return found ? judged(named, `${shownSpread(found)} ×`, found.median <= 1.5) : unjudged(named)
}

function memoryGoals({ memory }: Results): readonly Goal[] {
  const grown = { name: 'memory: tokens remembered', goal: '10,000: ≤ 40 MB over the empty server' }
  const flat = { name: 'memory: under load', goal: 'flat over 2,000,000 requests' }
  const [ours, empty] = ['ours', 'ours-no-cache'].map((name) => memory.find(({ variant }) => variant === name))
  if (!ours || !empty) return [unjudged(grown), unjudged(flat)]
  // Any load makes the heap of any server larger, so the empty one has stood the same.
  const megabytes = ours.rssAfter - empty.rssAfter
  const heap = shown(ours.heapAfter - ours.heapBefore)
  const since = shown(ours.rssAfter - ours.rssBefore)
  const tokens = ours.tokens.toLocaleString('en')
  const growth = `${shown(ours.growth)} × over ${ours.requests.toLocaleString('en')} requests`
  return [
    judged(
      grown,
      `${tokens}: ${shown(megabytes)} MB of RSS after the same load (heap ${heap} MB; RSS ${since} MB since one token)`,
      megabytes <= 40
    ),
    judged(flat, growth, ours.growth <= 1.1)
  ]
}

function growthGoal(all: readonly Step[], of: Step['of'], least: number, most: number): Goal {
  const range = `${least.toLocaleString('en')} → ${most.toLocaleString('en')}`
  const named = { name: `growth: ${range} ${of}`, goal: 'cost of a request within 10 %' }
  const steps = all.filter((step) => step.of === of && step.size <= most && step.cpuMicros)
  const [first, last] = [steps[0], steps.at(-1)]
  if (!first?.cpuMicros || !last?.cpuMicros || first === last) return unjudged(named)
  const ratio = last.cpuMicros.median / first.cpuMicros.median
  const start = (time: Spread | undefined) => `${shown(time?.median ?? Number.NaN)} ms`
  const sizes = `${first.size.toLocaleString('en')} → ${last.size.toLocaleString('en')}`
  return judged(
    named,
    `${sizes}: ${shown(ratio)} ×; start ${start(first.startMs)} → ${start(last.startMs)}`,
    ratio <= 1.1
  )
}

function importGoal({ imports }: Results): Goal {
  const named = { name: "`import 'fastify-entra'`", goal: 'loads nothing optional' }
  if (!imports) return unjudged(named)
  const measured = `${shownSpread(imports.ms)} ms, ${imports.modules} modules; optional: ${imports.optional.join() || 'none'}`
  return judged(named, measured, imports.optional.length === 0)
}

/** By the slowest run: a developer waits for each of them. */
function commandGoal({ command }: Results): Goal {
  const named = { name: '`fastify-entra explain`, from start to end', goal: '< 1 s' }
  if (!command?.explainMs) return unjudged(named)
  const measured = `${shownSpread(command.explainMs)} ms; Node.js alone ${shownSpread(command.nodeMs)} ms`
  return judged(named, measured, command.explainMs.most < 1000)
}

function serverGoal({ server }: Results): Goal {
  const named = { name: 'an open route of the server', goal: '≤ 1.8 × bare Fastify' }
  return server?.ratio ? judged(named, `${shownSpread(server.ratio)} ×`, server.ratio.median <= 1.8) : unjudged(named)
}

function metricsGoals({ metrics = [] }: Results): readonly Goal[] {
  return metrics.map(({ library, addedMicros, share }) =>
    judged(
      { name: `${library}: metrics of a known token`, goal: '≤ 3 % of the request' },
      `${shown(share * 100)} %: ${shownMedian(addedMicros)} µs`,
      share <= 0.03
    )
  )
}

export function goalsOf(results: Results): readonly Goal[] {
  const samples = new Samples(results.samples)
  const least = (name: string, goal: string, one: Pair, other: Pair, factor: number) =>
    atLeast(samples, { name, goal }, one, other, factor)
  const [warm, fresh]: [Pair, Pair] = [
    ['ours', 'thousand'],
    ['ours', 'new']
  ]
  return [
    least('1,000 tokens, of the header-only hook', '≥ 0.95', warm, ['limit-header', 'thousand'], 0.95),
    least('1,000 tokens, over @fastify/jwt + get-jwks', '≥ 5 ×', warm, ['fastify-jwt-get-jwks', 'thousand'], 5),
    overBestPeer(samples),
    least('audit on, of audit off', '≥ 0.97', ['ours-audit', 'thousand'], ['ours-audit-off', 'thousand'], 0.97),
    least('every token new, of one `jwtVerify()`', '≥ 0.60, near 0.70', fresh, ['limit-jwt-verify', 'new'], 0.6),
    least('forged, of one RSA verify and refuse', '≥ 0.60', ['ours', 'forged'], ['limit-verify', 'forged'], 0.6),
    least('malformed, of instant refusal', '≥ 0.80', ['ours', 'malformed'], ['limit-refuse', 'malformed'], 0.8),
    least(
      'unknown `kid`s, of instant refusal',
      '≥ 0.80',
      ['ours', 'unknown-kid'],
      ['limit-refuse', 'unknown-kid'],
      0.8
    ),
    fetchesGoal(samples),
    hostileGoal(samples),
    ...memoryGoals(results),
    growthGoal(results.growth, 'tenants', 1, 1000),
    growthGoal(results.growth, 'routes', 10, 5000),
    growthGoal(results.growth, 'tokens', 1, 10_000), // as far as the cache's bound reaches
    ...metricsGoals(results),
    serverGoal(results),
    importGoal(results),
    commandGoal(results),
    ...contestGoals(results.contests)
  ]
}
