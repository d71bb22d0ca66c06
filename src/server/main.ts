/** Listens and closes: the process around the API. */
import type { FastifyInstance } from 'fastify'
import { buildApp } from './app.js'
import { readConfig } from './config/config.js'
import { closeGracefully } from './process/last-words.js'
import type { Shutdown } from './process/shutdown.js'
import { exitOnStartError } from './process/start-error.js'

/** Requests in flight may finish for this long. */
const closeDelayMs = 10_000

async function start(): Promise<void> {
  let app: FastifyInstance | undefined
  let shutdownDelayMs = 0
  const delayAfter = (signal: string | undefined) => (signal === 'SIGTERM' ? shutdownDelayMs : 0)
  const stopping = new AbortController()
  // Before anything else: in the first process of a container, a signal without a handler would be lost.
  closeGracefully(
    () => app,
    async (signal) => {
      if (signal && app?.server.listening) await drain(app, delayAfter(signal))
      else stopping.abort() // a start that still waits for its tenant would open the port after it closed
      await app?.close()
    },
    (signal) => delayAfter(signal) + closeDelayMs
  )
  const { host, port, shutdownDelaySeconds, ...config } = readConfig(process.env)
  shutdownDelayMs = shutdownDelaySeconds * 1000
  app = await buildApp(config)
  await app.listen({ host, port, signal: stopping.signal })
}

const drain = (app: FastifyInstance, delayMs: number) => app.getDecorator<Shutdown>('shutdown').run(delayMs)

await start().catch((error) => exitOnStartError(error, process.env))
