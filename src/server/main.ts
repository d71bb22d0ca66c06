/** Listens and closes: the process around the API. */
import type { FastifyInstance } from 'fastify'
import { buildApp } from './app.js'
import { readConfig } from './config/config.js'
import { closeGracefully } from './process/last-words.js'
import { exitOnStartError } from './process/start-error.js'

/** Requests in flight may finish for this long. */
const closeDelayMs = 10_000

async function start(): Promise<void> {
  let app: FastifyInstance | undefined
  const stopping = new AbortController()
  // Before anything else: in the first process of a container, a signal without a handler would be lost.
  closeGracefully(
    () => app,
    async () => {
      stopping.abort() // a start that still waits for its tenant would open the port after it closed
      await app?.close()
    },
    closeDelayMs
  )
  const { host, port, ...config } = readConfig(process.env)
  app = await buildApp(config)
  await app.listen({ host, port, signal: stopping.signal })
}

await start().catch((error) => exitOnStartError(error, process.env))
