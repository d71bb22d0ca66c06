/** Tokens from a file, as the requests that carry them. */
import { readFileSync } from 'node:fs'

/** @type {Map<string, readonly string[]>} */
const files = new Map()

/**
 * @param {import('../types.js').Slice} slice
 * @returns {readonly string[]}
 */
export function tokensOf({ file, from, count }) {
  const lines = files.get(file) ?? readFileSync(file, 'latin1').trimEnd().split('\n')
  files.set(file, lines)
  const tokens = lines.slice(from, from + count)
  if (tokens.length !== count)
    throw new Error(`${file} has ${lines.length} tokens; asked for ${from} to ${from + count}`)
  return tokens
}

/**
 * Whole requests, made before the clock runs: building them takes the generator longer than sending them.
 *
 * @param {readonly string[]} tokens
 * @param {string} path
 */
export function requestsOf(tokens, path) {
  const head = `GET ${path} HTTP/1.1\r\nHost: api.example\r\nConnection: keep-alive\r\nAuthorization: Bearer `
  return tokens.map((token) => Buffer.from(`${head}${token}\r\n\r\n`, 'latin1'))
}

/**
 * Numbers from 0 to 1, the same for every variant (an LCG with the constants of Numerical Recipes).
 *
 * @param {number} seed
 */
export function randomFrom(seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/**
 * @param {number[]} sorted
 * @param {number} share
 */
export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
