/**
 * What is due at a time of the wall clock, in one structure for any number of items: to add, to remove or to expire one costs the same among
 * ten and among 100,000. It has no timer: its owner calls {@link TimerWheel.takeDue} regularly.
 */

/** An item, and when it is due. */
export interface Due {
  /** A whole second since 1970, after the one in which the item is added. */
  readonly dueAt: number
}

/** A hashed wheel: a slot holds the items of one second in each of its turns, which take about an hour. */
const slotCount = 4096

/** Items by the second at which they are due. */
export class TimerWheel<T extends Due> {
  readonly #slots: (Set<T> | undefined)[] = []
  /** The second of the last look. */
  #lookedAt: number

  /** @param now seconds since 1970 */
  constructor(now: number) {
    this.#lookedAt = Math.floor(now)
  }

  add(item: T): void {
    const at = item.dueAt % slotCount
    const slot = this.#slots[at] ?? new Set()
    this.#slots[at] = slot
    slot.add(item)
  }

  remove(item: T): void {
    this.#slots[item.dueAt % slotCount]?.delete(item)
  }

  /**
   * Takes what is due. The clock may have jumped since the last call, as the process was suspended or somebody corrected it: forward, all that
   * is due by now is taken; back, nothing is taken early, and nothing is missed later.
   *
   * @param now seconds since 1970
   */
  takeDue(now: number): readonly T[] {
    const second = Math.floor(now)
    const before = Math.max(Math.min(this.#lookedAt, second - 1), second - slotCount)
    const due: T[] = []
    for (let at = before + 1; at <= second; at += 1)
      for (const item of this.#slots[at % slotCount] ?? []) if (item.dueAt <= second) due.push(item)
    this.#lookedAt = second
    for (const item of due) this.remove(item)
    return due
  }
}
