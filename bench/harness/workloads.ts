/** What the servers are sent. */

export type Pool = 'good' | 'forged' | 'unknown' | 'malformed'

export interface Workload {
  readonly name: WorkloadName
  readonly what: string
  readonly pool: Pool
  /** Which tokens of the pool, of so many. */
  readonly slice: (count: number) => { readonly from: number; readonly count: number }
  readonly order: 'turn' | 'random'
  /** Each token is sent once: the run ends when they are used up. */
  readonly once: boolean
  /** The only statuses that a right server answers. */
  readonly right: readonly number[]
  /** The variant whose figures are the limit, and the workload that shows them. */
  readonly limit?: { readonly variant: string; readonly workload: WorkloadName }
}

export type WorkloadName =
  | 'new'
  | 'one'
  | 'thousand'
  | 'hundred-thousand'
  | 'malformed'
  | 'forged'
  | 'unknown-kid'
  | 'half-hostile'

/** Good tokens that warm a server up; the workload of new tokens never sends them. */
export const warmTokens = 1000

const first = (count: number) => () => ({ from: 0, count })
const all = (count: number) => ({ from: 0, count })
/** As many as the slowest peer verifies in a few seconds; the contest `new` sends all of them. */
const mostNew = 20_000
const good = { pool: 'good', order: 'turn', once: false, right: [200] } as const
const hostile = { slice: all, order: 'turn', once: false } as const
const headerRead = { variant: 'limit-header', workload: 'thousand' } as const

/** In this order where one process stands them all: new tokens come first, while they are new. */
export const workloads: readonly Workload[] = [
  {
    ...good,
    name: 'new',
    what: 'every token new',
    slice: (count) => ({ from: warmTokens, count: Math.min(count - warmTokens, mostNew) }),
    once: true,
    limit: { variant: 'limit-jwt-verify', workload: 'new' }
  },
  { ...good, name: 'one', what: 'one token', slice: first(1), limit: { variant: 'limit-header', workload: 'one' } },
  { ...good, name: 'thousand', what: '1,000 tokens in turn', slice: first(warmTokens), limit: headerRead },
  {
    ...good,
    name: 'hundred-thousand',
    what: '100,000 tokens at random (as many as there are, in a quick run)',
    slice: all,
    order: 'random',
    limit: headerRead
  },
  {
    ...hostile,
    name: 'malformed',
    what: 'malformed',
    pool: 'malformed',
    right: [400, 401],
    limit: { variant: 'limit-refuse', workload: 'malformed' }
  },
  {
    ...hostile,
    name: 'forged',
    what: 'forged with a real `kid`',
    pool: 'forged',
    right: [401],
    limit: { variant: 'limit-verify', workload: 'forged' }
  },
  {
    ...hostile,
    name: 'unknown-kid',
    what: 'unknown `kid`s',
    pool: 'unknown',
    right: [401],
    limit: { variant: 'limit-refuse', workload: 'unknown-kid' }
  },
  {
    ...good,
    name: 'half-hostile',
    what: 'half good, half hostile, at a given rate',
    slice: first(warmTokens)
  }
]
