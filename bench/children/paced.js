/**
 * Requests at a given rate, due at random moments (a Poisson process) that are the same in every run, whatever the
 * server does: what many callers do who know nothing of each other. Latency counts from the moment at which a request
 * was due. autocannon cannot do this: its rate is a burst at each full second.
 */
import { Agent, get } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { percentile, randomFrom, tokensOf } from './requests.js'

const sockets = 128
/** How long answers may take after the last request, ms. */
const patience = 5000

/**
 * The same moments, and the same good tokens, for every run.
 *
 * @param {import('../types.js').Paced} job
 */
function arrivals({ good, others, rate, seconds }) {
  const random = randomFrom(2)
  const goodTokens = tokensOf(good)
  const otherTokens = others.map(tokensOf)
  const all = []
  for (let due = 0, n = 0; due < seconds * 1000; n += 1) {
    due += (-Math.log(1 - random()) * 1000) / rate
    const measured = n % 2 === 0
    const half = n >> 1
    const tokens = measured ? goodTokens : /** @type {readonly string[]} */ (otherTokens[half % otherTokens.length])
    all.push({ due, measured, token: /** @type {string} */ (tokens[half % tokens.length]) })
  }
  return all
}

/**
 * @param {import('../types.js').Paced} job
 * @returns {Promise<import('../types.js').LoadResult>}
 */
export async function paced(job) {
  const schedule = arrivals(job)
  const agent = new Agent({ keepAlive: true, maxSockets: sockets })
  /** @type {number[]} */
  const durations = []
  /** @type {Record<string, number>} */
  const statuses = {}
  let answered = 0
  let errors = 0
  const began = performance.now()
  const now = () => performance.now() - began
  for (const { due, measured, token } of schedule) {
    // A timer would be late by up to a millisecond; and answers must be read even when requests are behind.
    do await setImmediate()
    while (now() < due)
    get({ port: job.port, host: '127.0.0.1', agent, headers: { authorization: `Bearer ${token}` } }, (response) => {
      response.resume().on('end', () => {
        answered += 1
        if (!measured) return
        durations.push(now() - due)
        statuses[Number(response.statusCode)] = (statuses[Number(response.statusCode)] ?? 0) + 1
      })
    }).on('error', () => {
      errors += 1
    })
  }
  const last = now() + patience
  while (answered + errors < schedule.length && now() < last) await setImmediate()
  const seconds = now() / 1000
  errors = schedule.length - answered
  agent.destroy()
  // Who was never answered waited for at least as long as anybody.
  const lost = schedule.filter(({ measured }) => measured).length - durations.length
  durations.sort((a, b) => a - b)
  for (let n = 0; n < lost; n += 1) durations.push(now())
  return {
    requests: answered,
    seconds,
    statuses,
    errors,
    p50: percentile(durations, 0.5),
    p99: percentile(durations, 0.99)
  }
}
