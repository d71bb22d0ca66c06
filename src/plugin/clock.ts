import type { Clock } from './types.js'

/** The process's own clock. Monotonic, so that a corrected wall clock neither ages keys nor holds a refresh back. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds)
    timer.unref()
    return () => clearTimeout(timer)
  }
}
