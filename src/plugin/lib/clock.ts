/** Time, passed in. */
export interface Clock {
  /** Monotonic milliseconds, from any start. */
  now(): number
  /** Milliseconds since 1970 by the wall clock, which may be corrected, and goes on while the process is frozen. */
  wall(): number
  /** Runs `callback` after `milliseconds`, without keeping the process alive. Returns a function that cancels it. */
  after(milliseconds: number, callback: () => void): () => void
}

/** A point in time, by both clocks. */
export interface Moment {
  readonly now: number
  readonly wall: number
}

/** Before any other. */
export const never: Moment = Object.freeze({ now: Number.NEGATIVE_INFINITY, wall: Number.NEGATIVE_INFINITY })

/**
 * Milliseconds since a moment, by the clock that went further: the monotonic one may stand still while a machine sleeps or a serverless function is frozen,
 * and the wall clock may be set back.
 */
export function millisecondsSince({ now, wall }: Moment, clock: Clock): number {
  return Math.max(clock.now() - now, clock.wall() - wall)
}

/** The process's own clocks. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds)
    timer.unref()
    return () => clearTimeout(timer)
  }
}
