/** What happens when, from a seed: rounds in which all kinds of events occur and overlap, each with a calm end. */
import { type Fault, transportFaults } from '../faults/faults.js'
import type { Random } from './random.js'

/** An event, and when in its round it begins, in seconds. */
export type Planned = { readonly at: number } & (
  | { readonly kind: 'rotation' | 'revocation' }
  | { readonly kind: 'outage'; readonly seconds: number; readonly fault: Fault; readonly documents: Documents }
  | { readonly kind: 'redis'; readonly seconds: number; readonly way: 'kill' | 'halt' }
)

/** Which of the tenant's documents are affected. */
export type Documents = 'discovery' | 'keys' | 'both'

export interface Round {
  /** When it begins at the earliest, and how long it is, in seconds. */
  readonly at: number
  readonly seconds: number
  readonly events: readonly Planned[]
}

/** Long enough for an outage to be noticed and to heal. */
const roundSeconds = 30

/** A 404 of the older version's document says that a tenant has none, and is no outage. */
const faults = transportFaults.filter(({ name }) => name !== '404')
/** What nobody can rule out comes first: an outage in which nothing listens, so that the token endpoint is gone as well. */
const [gone, ...others] = faults

/** @param seconds of all rounds together */
export function planOf(random: Random, seconds: number): readonly Round[] {
  const count = Math.max(1, Math.round(seconds / roundSeconds))
  const length = seconds / count
  return Array.from({ length: count }, (_, n) => ({
    at: n * length,
    seconds: length,
    events: eventsOf(random, length, n)
  }))
}

function eventsOf(random: Random, length: number, n: number): readonly Planned[] {
  const within = (least: number, most: number) => random.between(least, most) * length
  const fault = n % 3 === 0 && gone ? gone : random.one(others)
  const events: readonly Planned[] = [
    { kind: 'rotation', at: within(0.02, 0.5) },
    {
      kind: 'outage',
      ...{ at: within(0.05, 0.3), seconds: within(0.1, 0.3), fault },
      documents: random.one(['discovery', 'keys', 'both'] as const)
    },
    { kind: 'redis', at: within(0.05, 0.4), seconds: within(0.08, 0.2), way: n % 2 === 0 ? 'kill' : 'halt' },
    ...[0, 1, 2].map(() => ({ kind: 'revocation' as const, at: within(0.02, 0.75) }))
  ]
  return [...events].sort((a, b) => a.at - b.at)
}
