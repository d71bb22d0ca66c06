/** Time in tests: a clock to pass in, and for code that takes none, the clocks of the process. */
import type { Test } from 'tap'
import type { Clock } from '../../src/plugin/lib/clock.js'

interface Timer {
  readonly at: number
  readonly callback: () => void
}

/** Lets every promise settle that needs nothing from outside. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A clock that stands still until `advance`: a day passes in a millisecond, to the millisecond. */
export class FakeClock implements Clock {
  /** Any number: what matters of a monotonic clock is differences. */
  #now = 1_000_000
  /** How far the wall clock, which began at any time, is ahead. */
  #wallAhead = 1_800_000_000_000
  readonly #timers = new Set<Timer>()
  readonly #idle: () => Promise<void>

  /** @param idle resolves once everything has happened that happens at one moment, such as fetches over real HTTP */
  constructor(idle: () => Promise<void> = settle) {
    this.#idle = idle
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#now + this.#wallAhead
  }

  /** The process is frozen for so long: only the wall clock goes on, and timers stand still. Negative: somebody sets the wall clock back. */
  freeze(milliseconds: number): void {
    this.#wallAhead += milliseconds
  }

  after(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.#now + milliseconds, callback }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size
  }

  /** Goes on by so much, runs what is due in its order and at its time, and lets the promises in between settle. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds
    await this.#idle()
    for (let next = this.#next(); next && next.at <= end; next = this.#next()) {
      this.fireNext()
      await this.#idle()
    }
    this.#now = end
  }

  /** Runs what is due next at its time, and waits for nothing. */
  fireNext(): void {
    const next = this.#next()
    if (!next) throw new Error('no timer waits')
    this.#timers.delete(next)
    this.#now = next.at
    next.callback()
  }

  #next(): Timer | undefined {
    return [...this.#timers].sort((a, b) => a.at - b.at)[0]
  }
}

/**
 * The clocks that the process itself has, `Date.now()` and `performance.now()`, in milliseconds, moved until the test ends. Timers do
 * not move with them.
 */
export function processClock(t: Test) {
  const wall = Date.now
  const monotonic = performance.now.bind(performance)
  const ahead = { wall: 0, monotonic: 0 }
  Date.now = () => wall() + ahead.wall
  performance.now = () => monotonic() + ahead.monotonic
  t.teardown(() => Object.assign(Date, { now: wall }) && Object.assign(performance, { now: monotonic }))
  return {
    /** Time passes. */
    advance(milliseconds: number): void {
      ahead.wall += milliseconds
      ahead.monotonic += milliseconds
    },
    /** Somebody corrects the wall clock, forward or back. */
    moveWall(milliseconds: number): void {
      ahead.wall += milliseconds
    },
    /** The wall clock stands still at this time, in milliseconds of the epoch. */
    stopWall(at: number): void {
      Date.now = () => at
    }
  }
}
