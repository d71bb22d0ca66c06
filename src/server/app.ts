/** Builds the API. Never listens: `main.ts` does. */
import { randomUUID } from 'node:crypto'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import Fastify, { type FastifyInstance } from 'fastify'
import entra from '../plugin/index.js'
import type { ServerConfig } from './config.js'
import { registerDocument } from './document.js'
import { createGraph } from './graph.js'
import { loggerOptions } from './logging.js'
import { answerClientError, answerFrameworkError, setProblemHandlers } from './problems.js'
import { callerRoutes } from './routes/caller.js'
import { docsRoutes } from './routes/docs.js'
import { publicRoutes } from './routes/public.js'
import { usersRoutes } from './routes/users.js'

/**
 * The API, ready for `listen()` or `inject()`.
 *
 * @throws EntraConfigurationError when the plugin's options are not sound
 */
export async function buildApp(config: Omit<ServerConfig, 'host' | 'port'>): Promise<FastifyInstance> {
  const app = Fastify({
    logger: loggerOptions(config.logLevel),
    genReqId: () => randomUUID(), // never the client's: it is what an auditor finds an answer by
    trustProxy: config.trustProxy,
    frameworkErrors: answerFrameworkError,
    clientErrorHandler: answerClientError,
    forceCloseConnections: 'idle'
  })
  setProblemHandlers(app)
  endConnectionsOnClose(app)
  await app.register(helmet)
  // Before the plugin: preflights carry no token, and a browser reads a refusal only with CORS headers on it.
  if (config.corsOrigins.length > 0) {
    await app.register(cors, {
      origin: [...config.corsOrigins],
      exposedHeaders: ['WWW-Authenticate', 'Retry-After']
    })
  }
  await app.register(entra, config.entra)
  await registerDocument(app)
  const graph = createGraph(config.graph, () => app.entra.metadata?.tokenEndpoint)
  await app.register(publicRoutes)
  await app.register(callerRoutes)
  await app.register(usersRoutes, { graph })
  if (config.docs !== 'off') await app.register(docsRoutes, { auth: config.docs === 'public' ? 'none' : 'required' })
  return app
}

/** A request in flight is finished, and its connection with it: kept alive, it would hold up the close. */
function endConnectionsOnClose(app: FastifyInstance): void {
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
  })
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close')
  })
}
