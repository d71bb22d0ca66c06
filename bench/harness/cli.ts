/** What the command line asks for. */
import { parseArgs } from 'node:util'
import { contestNames } from './contests.js'
import { variants } from './variants.js'
import { workloads } from './workloads.js'

const measured = ['load', 'ceilings', 'memory', 'growth', 'streams', 'cold', 'metrics', 'server', 'import'] as const
const sections = [...measured, ...contestNames] as const
export type Section = (typeof sections)[number]

/** How long, how often and how much. */
export interface Pace {
  /** Processes of each variant. */
  readonly rounds: number
  /** Of the load section, whose differences are large: all variants with all workloads. */
  readonly loadRounds: number
  /** Of a contest, whose differences are small. */
  readonly contestRounds: number
  readonly seconds: number
  readonly warmSeconds: number
  /** The first seconds of a process. */
  readonly deploySeconds: number
  readonly connections: number
  /** Distinct good tokens. */
  readonly tokens: number
  readonly hostileTokens: number
  /** A process for each workload; else one that stands them all, in their order. */
  readonly processPerWorkload: boolean
  readonly cachedTokens: number
  /** Most tenants that one server trusts. */
  readonly tenants: number
  readonly memoryRequests: number
}

export interface Cli {
  readonly pace: Pace
  readonly quick: boolean
  readonly sections: ReadonlySet<Section>
  readonly variants: ReadonlySet<string>
  readonly workloads: ReadonlySet<string>
  readonly out: string
}

/** About an hour, so that it can be run twice. */
const full: Pace = {
  rounds: 5,
  loadRounds: 3,
  contestRounds: 11,
  seconds: 2,
  warmSeconds: 1.5,
  deploySeconds: 3,
  connections: 50,
  tokens: 100_000,
  hostileTokens: 10_000,
  processPerWorkload: true,
  cachedTokens: 10_000,
  tenants: 1000,
  memoryRequests: 2_000_000
}

/** About two minutes: shows that all of it works, and what is answered; its figures say little. */
const quick: Pace = {
  rounds: 1,
  loadRounds: 1,
  contestRounds: 1,
  seconds: 0.2,
  warmSeconds: 0.1,
  deploySeconds: 0.2,
  connections: 50,
  tokens: 4000,
  hostileTokens: 1000,
  processPerWorkload: false,
  cachedTokens: 1000,
  tenants: 100,
  memoryRequests: 10_000
}

/** Committed: only a run of everything, as long as it should be, replaces what is there. */
const outWhole = 'bench'
/** Not committed. */
const outPart = 'bench/scratch'

export const usage = `usage: npm run bench -- [options]
  --quick            everything once and short, about two minutes
  --only a,b         sections: ${sections.join(', ')}
  --variant a,b      of the load section: ${variants.map(({ name }) => name).join(', ')}
  --workload a,b     of the load section: ${workloads.map(({ name }) => name).join(', ')}
  --rounds n         processes of each variant
  --seconds n        of each measurement
  --tokens n         distinct tokens
  --out directory    for RESULTS.md, results.json and the plots;
                     ${outWhole} without any option, else ${outPart}`

const list = { type: 'string', multiple: true } as const
const text = { type: 'string' } as const

/**
 * Reads the command line.
 *
 * @throws Error with one sentence that says what is wrong
 */
export function readCommandLine(args: string[]): Cli {
  const { values } = parseArgs({
    args,
    options: {
      ...{ quick: { type: 'boolean', default: false }, out: text },
      ...{ only: list, variant: list, workload: list, rounds: text, seconds: text, tokens: text }
    }
  })
  const pace = values.quick ? quick : full
  const numbers = {
    rounds: amount('rounds', values.rounds, pace.rounds),
    loadRounds: amount('rounds', values.rounds, pace.loadRounds),
    contestRounds: amount('rounds', values.rounds, pace.contestRounds),
    seconds: amount('seconds', values.seconds, pace.seconds),
    tokens: amount('tokens', values.tokens, pace.tokens)
  }
  if (numbers.tokens < pace.cachedTokens + 2000) throw new Error(`--tokens: ${pace.cachedTokens + 2000} at the least`)
  return {
    pace: { ...pace, ...numbers },
    quick: values.quick,
    sections: oneOrMore('only', values.only, sections),
    variants: oneOrMore(
      'variant',
      values.variant,
      variants.map(({ name }) => name)
    ),
    workloads: oneOrMore(
      'workload',
      values.workload,
      workloads.map(({ name }) => name)
    ),
    out: values.out ?? (args.length === 0 ? outWhole : outPart)
  }
}

function amount(name: string, value: string | undefined, byDefault: number): number {
  const number = value === undefined ? byDefault : Number(value)
  if (!(number > 0)) throw new Error(`--${name} takes a number above 0`)
  return number
}

function oneOrMore<T extends string>(name: string, values: string[] | undefined, known: readonly T[]): ReadonlySet<T> {
  const wanted = values?.flatMap((value) => value.split(',')) ?? known
  const found = known.filter((one) => wanted.includes(one))
  const unknown = wanted.find((one) => !known.some((other) => other === one))
  if (unknown !== undefined) throw new Error(`--${name} ${unknown} is not known; there are ${known.join(', ')}`)
  return new Set(found)
}
