/** Time, passed in. */
export interface Clock {
  /** Monotonic milliseconds, from any start. */
  now(): number
  /** Runs `callback` after `milliseconds`, without keeping the process alive. Returns a function that cancels it. */
  after(milliseconds: number, callback: () => void): () => void
}

/** The process's own clock. Monotonic, so that a corrected wall clock neither ages keys nor delays a refresh. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds)
    timer.unref()
    return () => clearTimeout(timer)
  }
}
