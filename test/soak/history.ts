/** What a condition was and is. A request is judged by all that it was between its start and its answer. */

export class History<T> {
  readonly #states: T[]
  /** States that no request remembers any more are dropped, but still count. */
  #dropped = 0

  constructor(first: T) {
    this.#states = [first]
  }

  get now(): T {
    return this.#states.at(-1) as T
  }

  set(state: T): void {
    if (state === this.now) return
    this.#states.push(state)
    if (this.#states.length <= maxStates) return
    this.#states.shift()
    this.#dropped += 1
  }

  /** From now on: a function that says what it has been since. */
  watch(): () => ReadonlySet<T> {
    const from = this.#dropped + this.#states.length - 1
    return () => new Set(this.#states.slice(Math.max(0, from - this.#dropped)))
  }
}

/** More changes than any request lasts. */
const maxStates = 1000

/** Of the tenant, of its token endpoint and of Redis. `changing`: nobody knows what the API has noticed yet. */
export type Weather = 'up' | 'changing' | 'down'

/**
 * Of a key that tokens are signed with. `hidden`: published during an outage, so that the API cannot have it. `announced`: published, and perhaps
 * fetched. `leaving`: no longer published, and perhaps noticed.
 */
export type KeyState = 'hidden' | 'announced' | 'held' | 'leaving' | 'gone'

/** Of a token. `revoking`: Redis has not confirmed it yet. */
export type Standing = 'good' | 'revoking' | 'revoked'

/** All that decides what a request is answered. */
export interface Conditions {
  readonly tenant: ReadonlySet<Weather>
  readonly redis: ReadonlySet<Weather>
  readonly key: ReadonlySet<KeyState>
  readonly standing: ReadonlySet<Standing>
}

export const isOnly = <T>(seen: ReadonlySet<T>, state: T) => seen.size === 1 && seen.has(state)
