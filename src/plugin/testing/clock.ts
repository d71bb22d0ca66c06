/**
 * The clocks of the process, `Date.now()` and `performance.now()`, moved by tests. The plugin and the packages that it uses read these, and so
 * does most code of an application: nothing in the library has another time in tests. Timers do not move.
 */

/** Moves the clocks of the whole process, for all test tenants in it, until {@link TestClock.reset}. */
export interface TestClock {
  /** Lets so many seconds pass; negative ones go back. */
  advance(seconds: number): void
  /** The clocks are right again. */
  reset(): void
}

interface Clocks {
  readonly wall: () => number
  readonly monotonic: () => number
}

/** Those that were there before the first move. */
let before: Clocks | undefined
let ahead = 0

function install(): void {
  if (before) return
  const { wall, monotonic } = { wall: Date.now, monotonic: performance.now }
  before = { wall, monotonic }
  Date.now = () => wall.call(Date) + ahead
  performance.now = () => monotonic.call(performance) + ahead
}

/** The one of the process. */
export const testClock: TestClock = Object.freeze({
  advance(seconds: number) {
    install()
    ahead += seconds * 1000
  },
  reset() {
    if (before) Object.assign(Date, { now: before.wall }) && Object.assign(performance, { now: before.monotonic })
    before = undefined
    ahead = 0
  }
})
