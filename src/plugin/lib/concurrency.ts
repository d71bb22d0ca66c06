/** How many calls are under way at once for one key: what is over the limit waits, and does not stand in the way of other keys. */

/** The calls of one key. */
class Lane {
  running = 0
  /** In their order. A call that gave up is taken out. */
  readonly waiting = new Set<() => void>()
}

/** A limit for each key, such as a caller or a directory. */
export class ConcurrencyLimit {
  readonly #max: number
  readonly #lanes = new Map<string, Lane>()

  /** @param max calls of one key that are under way at once; `Infinity` for no limit */
  constructor(max: number) {
    this.#max = max
  }

  /** Whether the next call of a key has to wait. */
  isFull(key: string): boolean {
    return this.#laneOf(key).running >= this.#max
  }

  /**
   * Waits for a place where there is none. Call what it resolves to when the call has ended.
   *
   * @throws the signal's reason when that is aborted first
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

  /** The place goes to the next that waits. */
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
