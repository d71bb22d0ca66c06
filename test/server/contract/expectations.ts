/** An operation of the document → requests, each with the answer that the document promises. Pure. */
import { isPublic, type NamedOperation } from './document.js'
import type { Ask, Caller, Way } from './ways.js'

/**
 * `open`, `allowed`: anything but 401 and 403. `stranger`: 401. `malformed`: 400. `lacking`: 403. `outage`: 503. Each with the
 * headers that go with it.
 */
export type Verdict = 'open' | 'allowed' | 'stranger' | 'malformed' | 'lacking' | 'outage'

export interface Expectation {
  readonly method: string
  /** What the token holds; or a header that is no credentials; or none at all. */
  readonly sends: Way | 'Bearer' | undefined
  readonly verdict: Verdict
}

/** What no guard asks for: a token that holds nothing at all is refused everywhere. */
const unrelated: Readonly<Record<Caller, Ask>> = { user: 'scp Unrelated', app: 'roles Unrelated' }

/** What the document promises of an operation. */
export function expectationsOf(
  named: NamedOperation,
  ways: readonly Way[],
  universe: readonly Ask[]
): readonly Expectation[] {
  const { method, operation } = named
  const expect = (sends: Expectation['sends'], verdict: Verdict): Expectation => ({ method, sends, verdict })
  const strangers = operation.security?.some((requirement) => Object.keys(requirement).length === 0)
  const stranger = expect(undefined, isPublic(operation) || strangers ? 'open' : 'stranger')
  // Fastify answers HEAD where it answers GET, and no document mentions it.
  const byHead = method === 'GET' ? [{ ...stranger, method: 'HEAD' }] : []
  if (isPublic(operation)) return [stranger, ...byHead, expect('Bearer', 'open')]
  return [
    stranger,
    ...byHead,
    expect('Bearer', 'malformed'),
    ...ways.map((way) => expect(held(way), 'allowed')),
    ...insufficient(ways, universe).map((token) => expect(token, 'lacking'))
  ]
}

/** The same while the keys of the tenant are out of reach. */
export function outageExpectations(
  { method, operation }: NamedOperation,
  ways: readonly Way[]
): readonly Expectation[] {
  if (isPublic(operation)) return [{ method, sends: undefined, verdict: 'open' }]
  return ways.map((way) => ({ method, sends: held(way), verdict: 'outage' }))
}

/** Just what the way asks for. */
function held({ caller, asks }: Way): Way {
  return { caller, asks: asks.length > 0 ? asks : [unrelated[caller]] }
}

/**
 * Tokens that open nothing by these ways: without anything, with something unrelated, and with *all* that there is but one ask of
 * each way. More in a token never opens less, so that a server that lets nobody else in than the ways do refuses these, and
 * one that does lets one of these in.
 */
function insufficient(ways: readonly Way[], universe: readonly Ask[]): Way[] {
  return (['user', 'app'] as const).flatMap((caller) => {
    const own = ways.filter((way) => way.caller === caller)
    const anyWill = own.some(({ asks }) => asks.length === 0)
    const all = universe.filter((ask) => caller === 'user' || ask.startsWith('roles '))
    const taken = own.reduce<Ask[][]>(
      (picks, { asks }) => picks.flatMap((pick) => asks.map((ask) => [...pick, ask])),
      [[]]
    )
    const most = taken.map((pick) => all.filter((ask) => !pick.includes(ask)))
    const tokens = [[], ...(anyWill ? [] : [[unrelated[caller]]]), ...most.map((asks) => [...asks, unrelated[caller]])]
    return tokens.map((asks) => ({ caller, asks }))
  })
}
