/** A key set with its age. */
import { type Clock, type Moment, millisecondsSince } from '../lib/clock.js'
import type { KeyIndex } from './key-index.js'

/** The keys that a store holds, and since when. */
export class HeldKeys {
  readonly index: KeyIndex
  /** Milliseconds since 1970. */
  readonly fetchedAt: number
  /** Whether another process fetched them (the option `preloadedKeys`). */
  readonly isPreloaded: boolean
  readonly #clock: Clock
  readonly #since: Moment

  /** @param preloadedAt when another process fetched the set, in milliseconds since 1970. Default: fetched now, by this one */
  constructor(index: KeyIndex, clock: Clock, preloadedAt?: number) {
    const wall = clock.wall()
    this.index = index
    this.fetchedAt = preloadedAt ?? wall
    this.isPreloaded = preloadedAt !== undefined
    this.#clock = clock
    this.#since = { now: clock.now() - (wall - this.fetchedAt), wall: this.fetchedAt }
  }

  /** Seconds since the set was fetched, by the clock that went further: keys must not outlive their time in a frozen process. */
  get ageSeconds(): number {
    return millisecondsSince(this.#since, this.#clock) / 1000
  }
}
