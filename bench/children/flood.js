/** As many requests as the server answers, by autocannon. */
import autocannon from 'autocannon'
import { percentile, randomFrom, requestsOf, tokensOf } from './requests.js'

/** @typedef {import('../types.js').Flood} Flood */

/** Milliseconds between two looks of autocannon at whether it is time to stop. */
const sampleInt = 50

/**
 * The next request, each time it is called.
 *
 * @param {Flood} job
 * @returns {() => Buffer}
 */
function nextOf({ tokens, path, order, others = [] }) {
  const most = from(tokens, path, order)
  const hundred = Array.from({ length: 100 }, () => most)
  for (const { percent, slices } of others) {
    const pools = slices.map((slice) => from(slice, path, 'turn'))
    let turn = 0
    const next = () => /** @type {() => Buffer} */ (pools[turn++ % pools.length])()
    for (const place of placesOf(percent, hundred, most)) hundred[place] = next
  }
  let at = 0
  return () => /** @type {() => Buffer} */ (hundred[at++ % hundred.length])()
}

/**
 * @param {import('../types.js').Slice} tokens
 * @param {string} path
 * @param {'turn' | 'random'} order
 * @returns {() => Buffer}
 */
function from(tokens, path, order) {
  const requests = requestsOf(tokensOf(tokens), path)
  const random = randomFrom(1)
  let turn = 0
  const index = order === 'random' ? () => Math.floor(random() * requests.length) : () => turn++ % requests.length
  return () => /** @type {Buffer} */ (requests[index()])
}

/**
 * Free places of a hundred, far from each other.
 *
 * @param {number} count
 * @param {readonly unknown[]} hundred
 * @param {unknown} free what a free place holds
 */
function placesOf(count, hundred, free) {
  const places = hundred.flatMap((one, place) => (one === free ? [place] : []))
  return Array.from(
    { length: count },
    (_, n) => /** @type {number} */ (places[Math.floor(((n + 0.5) * places.length) / count)])
  )
}

/**
 * @param {Flood} job
 * @returns {Promise<import('../types.js').LoadResult>}
 */
export async function flood(job) {
  const next = nextOf(job)
  /** @type {number[]} */
  const durations = []
  /** @type {Record<string, number>} */
  const statuses = {}
  const sleep = stayAwake()
  const began = performance.now()
  let ended = began
  const errors = await runOf(job, next, (status, duration) => {
    ended = performance.now()
    durations.push(duration)
    statuses[status] = (statuses[status] ?? 0) + 1
  }).finally(sleep)
  durations.sort((a, b) => a - b)
  const seconds = (ended - began) / 1000
  const [p50, p99] = [percentile(durations, 0.5), percentile(durations, 0.99)]
  return { requests: durations.length, seconds, statuses, errors, p50, p99 }
}

/**
 * Keeps this process from sleeping. To wake a client up is work of the server's: on a virtual machine up to 50 µs for each answer, and
 * the slower a server is, the more often its clients sleep.
 *
 * @returns {() => void} lets it sleep again
 */
function stayAwake() {
  let isAwake = true
  const turn = () => {
    if (isAwake) setImmediate(turn)
  }
  turn()
  return () => {
    isAwake = false
  }
}

/**
 * Runs autocannon to its end, and returns the number of errors.
 *
 * @param {Flood} job
 * @param {() => Buffer} next
 * @param {(status: number, duration: number) => void} answered
 * @returns {Promise<number>}
 */
function runOf({ port, seconds, amount, connections }, next, answered) {
  const options = {
    url: `http://127.0.0.1:${port}`,
    connections: Math.min(connections, amount ?? connections),
    sampleInt,
    ...(amount === undefined ? { duration: seconds } : { amount }),
    // autocannon builds each request anew when it differs from the one before, which costs it as much as all the rest.
    setupClient: (/** @type {object} */ client) => void Object.assign(client, { getRequestBuffer: next })
  }
  return new Promise((resolve, reject) => {
    const run = autocannon(options, (error, result) => {
      clearTimeout(timer)
      if (error) reject(error)
      else resolve(result.errors)
    })
    const timer = setTimeout(() => run.stop(), seconds * 1000)
    run.on('response', (_client, status, _bytes, duration) => answered(status, duration))
  })
}
