/** Listens and closes: the process around the API. */
import closeWithGrace from 'close-with-grace'
import { buildApp } from './app.js'
import { readConfig } from './config.js'
import { exitOnStartError } from './start-error.js'

/** Requests in flight may finish for this long. */
const closeDelayMs = 10_000

async function start(): Promise<void> {
  const { host, port, ...config } = readConfig(process.env)
  const app = await buildApp(config)
  await app.listen({ host, port })
  closeWithGrace({ delay: closeDelayMs, logger: app.log }, async ({ signal, err }) => {
    app.log.warn({ signal, err }, 'closing')
    await app.close()
  })
}

await start().catch(exitOnStartError)
