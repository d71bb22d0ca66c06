/** A clock that stands still until it is told to go on: a day passes in a millisecond, to the millisecond. */
import type { Clock } from '../../src/plugin/lib/clock.js'

interface Timer {
  readonly at: number
  readonly callback: () => void
}

/** Lets every promise settle that needs nothing from outside. */
export const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

export class FakeClock implements Clock {
  #now: number
  readonly #timers = new Set<Timer>()

  /** @param start any number: what matters of a monotonic clock is differences */
  constructor(start = 1_000_000) {
    this.#now = start
  }

  now(): number {
    return this.#now
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
    await settle()
    for (let due = this.#due(end); due; due = this.#due(end)) {
      this.#timers.delete(due)
      this.#now = due.at
      due.callback()
      await settle()
    }
    this.#now = end
  }

  #due(end: number): Timer | undefined {
    return [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
  }
}
