/**
 * Names of keys that left a set. One thin answer of a provider (a replica that lags, a cache) must not refuse good tokens for a whole cooldown,
 * so such a name may ask for a refresh of its own: once for each time it leaves, and all of them together at most once in five seconds.
 */
import { type Algorithm, algorithmNames } from './jwks.js'
import type { KeyIndex } from './key-index.js'

/** Minimum interval in seconds between two refreshes that names which left ask for. */
const intervalSeconds = 5
/** So many names are remembered, the latest. */
const maxNames = 1024

/** `undefined` stands for tokens without `kid`. */
type Name = string | undefined

/** The names that left the current set and have not asked yet. */
export class Departures {
  /** With the algorithms that they left for: of two keys under one `kid` one may stay. */
  readonly #left = new Map<Name, readonly Algorithm[]>()
  #askedAt = Number.NEGATIVE_INFINITY

  /** One set replaces another. */
  note(before: KeyIndex, after: KeyIndex): void {
    for (const [name, lost] of this.#left) if (lost.every((alg) => after.find(name, alg))) this.#left.delete(name)
    for (const { kid } of before.set.keys) if (kid !== undefined) this.#add(kid, lostBy(kid, before, after))
    this.#add(undefined, lostBy(undefined, before, after))
  }

  /**
   * Whether a name may ask now. If so, it has asked.
   *
   * @param now milliseconds of a monotonic clock
   */
  mayAsk(name: Name, alg: unknown, now: number): boolean {
    const hasLeft = this.#left.get(name)?.some((each) => each === alg)
    if (!hasLeft || now - this.#askedAt < intervalSeconds * 1000) return false
    this.#left.delete(name)
    this.#askedAt = now
    return true
  }

  #add(name: Name, lost: readonly Algorithm[]): void {
    if (lost.length === 0) return
    this.#left.delete(name)
    this.#left.set(name, lost)
    const [oldest] = this.#left.keys()
    if (this.#left.size > maxNames) this.#left.delete(oldest)
  }
}

/** The algorithms for which a name means no key any more; of tokens without `kid`, also another key. */
function lostBy(name: Name, before: KeyIndex, after: KeyIndex): Algorithm[] {
  return algorithmNames.filter((alg) => {
    const [old, found] = [before.find(name, alg), after.find(name, alg)]
    return old !== undefined && (name === undefined ? found !== old : found === undefined)
  })
}
