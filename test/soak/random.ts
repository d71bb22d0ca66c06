/** Numbers that look random and can be had again: the same seed gives the same ones. */

export interface Random {
  /** From 0 up to, and without, 1. */
  next(): number
  /** A number in between. */
  between(least: number, most: number): number
  /** One of them. */
  one<T>(all: readonly T[]): T
}

/** mulberry32: good enough to spread requests, and six lines. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    between: (least, most) => least + next() * (most - least),
    one: <T>(all: readonly T[]): T => {
      if (all.length === 0) throw new Error('there is none to choose from')
      return all[Math.floor(next() * all.length)] as T
    }
  }
}
