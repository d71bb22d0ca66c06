/** Time, passed in. */
export interface Clock {
  /** Milliseconds that only go forward, from any start. */
  now(): number
  /** Runs `callback` after `milliseconds`, without keeping the process alive. Returns its cancellation. */
  after(milliseconds: number, callback: () => void): () => void
}

/** The process's own clock. Monotonic, so that a corrected wall clock neither ages keys nor holds a refresh back. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds)
    timer.unref()
    return () => clearTimeout(timer)
  }
}
