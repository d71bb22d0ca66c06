/** Limits concurrent calls per key: calls over the limit wait, and do not block other keys. */

/** The calls of one key. */
class Lane {
  running = 0
  /** Waiting calls in order. A call that gives up is removed. */
  readonly waiting = new Set<() => void>()
}

/** A limit per key, such as a caller or a directory. */
export class ConcurrencyLimit {
  readonly #max: number
  readonly #lanes = new Map<string, Lane>()

  /** @param max concurrent calls per key; `Infinity` for no limit */
  constructor(max: number) {
    this.#max = max
  }

  /** Whether the next call of a key must wait. */
  isFull(key: string): boolean {
    return this.#laneOf(key).running >= this.#max
  }

  /**
   * Waits for a place, if there is none. Resolves to a function that must be called when the call has ended.
   *
   * @throws the signal's reason when it is aborted first
   */
  async enter(key: string, signal: AbortSignal): Promise<() => void> {
    const lane = this.#laneOf(key)
    if (lane.running >= this.#max) await place(lane, signal)
    else lane.running += 1
    this.#lanes.set(key, lane)
    return () => this.#leave(key, lane)
  }

  #laneOf(key: string): Lane {
    return this.#lanes.get(key) ?? new Lane()
  }

  /** Passes the place to the next waiting call. */
  #leave(key: string, lane: Lane): void {
    const [next] = lane.waiting
    if (next) {
      lane.waiting.delete(next)
      next()
    } else {
      lane.running -= 1
      if (lane.running === 0) this.#lanes.delete(key)
    }
  }
}

function place({ waiting }: Lane, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    waiting.add(resolve)
    signal.addEventListener('abort', () => {
      waiting.delete(resolve)
      reject(signal.reason)
    })
  })
}
