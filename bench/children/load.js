/** The load generator's process: does one job after the other. */
import { flood } from './flood.js'
import { paced } from './paced.js'

process.on('disconnect', () => process.exit())
process.on('message', async (message) => {
  const job = /** @type {import('../types.js').Job} */ (message)
  try {
    process.send?.(await (job.kind === 'flood' ? flood(job) : paced(job)))
  } catch (error) {
    process.send?.({ failed: String(error instanceof Error ? error.stack : error) })
  }
})
process.send?.('ready')
