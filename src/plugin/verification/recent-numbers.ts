/** Remembers numbers for a while, in a fixed amount of memory. */

/** Places for numbers that share a bucket: one line of the processor's cache. */
const places = 16

/** A table of 32-bit numbers. A new one takes a free place in its bucket, or any, so that numbers in turn do not displace each other for ever. */
export class RecentNumbers {
  /** 0 is a free place; as a number it is taken for one that was added. */
  readonly #table: Int32Array

  /** @param count how many numbers there must be room for; buckets fill unevenly, so that there is twice the room */
  constructor(count: number) {
    this.#table = new Int32Array(2 ** Math.ceil(Math.log2(count * 2 + places)))
  }

  /** Whether a number was added lately; otherwise it is added. */
  hasOrAdd(number: number): boolean {
    const table = this.#table
    const first = Math.imul(number, places) & (table.length - 1)
    let place = first + Math.floor(Math.random() * places)
    for (let at = first; at < first + places; at += 1) {
      if (table[at] === number) return true
      if (table[at] === 0) place = at
    }
    table[place] = number
    return false
  }
}
