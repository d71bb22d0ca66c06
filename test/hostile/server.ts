/** The server under attack: the plugin in an app that answers what it refuses by itself as the real server does. */
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import { callerId, clientId, otherClientId, rolelessId, tenantId, type World } from './world.js'

/** The modules of one copy of `src`. */
export interface Sources {
  readonly plugin: typeof import('../../src/plugin/index.js')
  readonly problems: typeof import('../../src/server/problems.js')
  readonly logging: typeof import('../../src/server/logging.js')
}

export interface Target {
  readonly port: number
  logged(): string
  close(): Promise<void>
}

/** Listens on loopback, with the tenant's keys at hand and `key-retired` no longer among them. */
export async function startTarget(sources: Sources, world: World): Promise<Target> {
  const lines: string[] = []
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(String(line))
      done()
    }
  })
  const { problems, logging, plugin } = sources
  const app = Fastify({
    logger: { ...logging.loggerOptions('trace'), stream },
    genReqId: () => randomUUID(),
    forceCloseConnections: true,
    frameworkErrors: problems.answerFrameworkError,
    clientErrorHandler: problems.answerClientError
  })
  problems.setProblemHandlers(app)
  world.publish(true)
  await app.register(plugin.default, {
    tenantId,
    clientId,
    authority: world.tenant.origin,
    allowedClients: [callerId, otherClientId, rolelessId],
    rolelessClients: [rolelessId]
  })
  addRoutes(app, plugin)
  await app.listen({ host: '127.0.0.1', port: 0 })
  world.publish(false)
  const { port } = app.server.address() as AddressInfo
  // An unknown `kid` of each issuer asks for a refresh: from here on `key-retired` is withdrawn.
  for (const token of [world.token({}, { kid: 'key-new' }), world.v1Token({}, { kid: 'key-new' })])
    await fetch(`http://127.0.0.1:${port}/me`, { headers: { authorization: `Bearer ${token}` } })
  return { port, logged: () => lines.join(''), close: () => app.close() }
}

function addRoutes(app: FastifyInstance, { requireAppPermission, requireRole, requireScope }: Sources['plugin']): void {
  app.get('/me', async ({ principal }) => ({ kind: principal.kind, id: principal.id }))
  app.get('/optional', { config: { auth: 'optional' } }, async (request) => ({
    known: request.principalOrNull !== null
  }))
  app.get('/open', { config: { auth: 'none' } }, async () => ({ open: true }))
  app.get('/scope', { preHandler: requireScope('Orders.Read') }, async () => ({ ok: true }))
  app.get('/role', { preHandler: requireRole('Admin') }, async () => ({ ok: true }))
  app.get('/permission', { preHandler: requireAppPermission('Directory.Read.All') }, async () => ({ ok: true }))
  app.post('/body', { schema: { body: { type: 'object', required: ['name'] } } }, async () => ({ ok: true }))
}
