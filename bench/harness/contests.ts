/** Comparisons whose differences are small: what is sent, and to whom. Each is a section of its own. */
import type { LoadResult } from '../types.js'
import type { FloodOptions } from './measure.js'
import { warmTokens } from './workloads.js'
import type { World } from './world.js'

export const contestNames = ['new', 'deploy', 'mixed', 'known', 'forged'] as const
export type ContestName = (typeof contestNames)[number]

export interface Contest {
  readonly name: ContestName
  readonly what: string
  readonly variants: readonly string[]
  /** What a server gets before it is measured; nothing for one that has just been deployed. */
  readonly warmUp?: (world: World) => FloodOptions
  readonly measured: (world: World) => FloodOptions
  /** Answers that a right server does not give. */
  readonly wrong: (result: LoadResult) => number
}

/** The section `load` has 50; the figures, and so these, are of 64. */
const connections = 64
/** Share of the new tokens that warm a server up: its code for new tokens must be compiled as well. */
const warmShare = 0.3

/** The server that every cost is counted over. */
export const noAuth = 'limit-no-auth'
export const ours = ['ours', 'ours-oidc'] as const
export const telemetry = ['ours-prometheus', 'ours-opentelemetry'] as const
export const [jose, aws] = ['fastify-jose', 'fastify-aws-jwt-verify'] as const
const verifiers = [noAuth, 'limit-verify', aws, jose, ...ours] as const
const documented = 'fastify-jwt-get-jwks'

const known = ({ pools }: World): FloodOptions => ({ tokens: { ...pools.good, count: warmTokens }, connections })

/** Tokens that no server has seen: the first ones for the warm-up, the rest to be measured. Each is sent once. */
function fresh({ pools }: World, part: 'warm' | 'measured' | 'all') {
  const { good } = pools
  const all = good.count - warmTokens
  const warm = Math.floor(all * warmShare)
  const [from, count] = { warm: [0, warm], measured: [warm, all - warm], all: [0, all] }[part] as [number, number]
  return { ...good, from: warmTokens + from, count }
}

function once(world: World, part: 'warm' | 'measured' | 'all'): FloodOptions {
  const tokens = fresh(world, part)
  return { tokens, connections, amount: tokens.count }
}

/** Ninety known tokens, nine new ones and a hostile one of each hundred. */
function mixed(world: World): FloodOptions {
  const { forged, unknown, malformed } = world.pools
  const others = [
    { percent: 9, slices: [fresh(world, 'measured')] },
    { percent: 1, slices: [forged, unknown, malformed] }
  ]
  return { ...known(world), others }
}

const notOf =
  (...right: readonly number[]) =>
  ({ statuses, errors }: LoadResult) =>
    Object.entries(statuses).reduce(
      (sum, [status, count]) => sum + (right.includes(Number(status)) ? 0 : count),
      errors
    )

/** One of a hundred may be refused; a good one refused as well would show as more. */
function wrongOfMixed(result: LoadResult): number {
  const refused = Object.entries(result.statuses).reduce((sum, [code, n]) => sum + (Number(code) >= 400 ? n : 0), 0)
  return notOf(200, 400, 401)(result) + Math.max(0, refused - Math.ceil(result.requests / 100) - connections)
}

export const contests: readonly Contest[] = [
  {
    ...{ name: 'new', what: 'every token new, to a server that has seen thousands', wrong: notOf(200) },
    variants: [...verifiers, documented],
    warmUp: (world) => once(world, 'warm'),
    measured: (world) => once(world, 'measured')
  },
  {
    ...{ name: 'deploy', what: 'every token new, in the first seconds of a process', wrong: notOf(200) },
    variants: [...verifiers, documented],
    measured: (world) => ({ ...once(world, 'all'), seconds: world.pace.deploySeconds })
  },
  {
    ...{ name: 'mixed', what: '90 % known, 9 % new, 1 % hostile', wrong: wrongOfMixed },
    variants: [noAuth, aws, jose, ...ours, documented],
    warmUp: known,
    measured: mixed
  },
  {
    ...{ name: 'known', what: '1,000 tokens in turn, seen before', wrong: notOf(200) },
    variants: [noAuth, 'limit-header', ...ours, ...telemetry],
    warmUp: known,
    measured: known
  },
  {
    ...{ name: 'forged', what: 'forged with a real `kid`', wrong: notOf(401) },
    variants: verifiers,
    warmUp: (world) => ({ tokens: world.pools.forged, connections }),
    measured: (world) => ({ tokens: world.pools.forged, connections })
  }
]
