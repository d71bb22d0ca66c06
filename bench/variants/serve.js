/**
 * What every variant does in its own process: start, say so, and answer how much it has used.
 *
 * Plain JavaScript, as nothing may stand between Node.js and the code that is measured: a loader would add its own
 * memory, and compiled helpers to the code.
 */

/** @typedef {import('../types.js').ServerSettings} ServerSettings */

/** @param {unknown} message */
const tell = (message) => process.send?.(message)

/**
 * @param {(settings: ServerSettings) => Promise<import('node:http').Server>} listen
 * @param {() => Promise<void>} [settled] resolves when the server, which listens, has all that it fetches
 */
export async function serve(listen, settled) {
  /** @type {ServerSettings} */
  const settings = JSON.parse(process.env.BENCH_SETTINGS ?? '')
  process.on('disconnect', () => process.exit())
  process.on('message', (message) => tell(usage(message)))
  const began = performance.now()
  try {
    const address = (await listen(settings)).address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const startMs = performance.now() - began
    await settled?.()
    tell({ port: address.port, startMs, ...(settled && { settledMs: performance.now() - began }) })
  } catch (error) {
    tell(reason(error))
  }
}

/**
 * A message that says `gc` wants memory after a collection, which needs --expose-gc.
 *
 * @param {unknown} message
 * @returns {import('../types.js').Usage}
 */
function usage(message) {
  if (message === 'gc') globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed } = process.memoryUsage()
  return { cpuMicros: user + system, rss, heapUsed }
}

/**
 * An option that the plugin does not know belongs to a feature that is not there yet: no failure.
 *
 * @param {unknown} error
 * @returns {import('../types.js').Started}
 */
function reason(error) {
  const text = error instanceof Error ? error.message : String(error)
  const unknownOption = error instanceof Error && error.name === 'EntraConfigurationError' && /no option/.test(text)
  return unknownOption ? { absent: text } : { failed: error instanceof Error ? String(error.stack) : text }
}
