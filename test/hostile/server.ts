/** The server under attack: the plugin in an app that answers what it refuses by itself as the real server does. */
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { EntraOptions, MemoryOptions } from '../../src/plugin/index.js'
import { overHttp2 } from './http2.js'
import { audience } from './provider.js'
import { get } from './row.js'
import { callerId, clientId, otherClientId, rolelessId, tenantId, type World } from './world.js'

/** The modules of one copy of `src`. */
export interface Sources {
  readonly plugin: typeof import('../../src/plugin/index.js')
  readonly problems: typeof import('../../src/server/problems.js')
  readonly logging: typeof import('../../src/server/process/logging.js')
}

export type Api = 'entra' | 'oidc'

export interface Target {
  readonly ports: Readonly<Record<Api, number>>
  logged(): string
  close(): Promise<void>
}

/** Which APIs to start, and whether they remember tokens. */
export interface Wanted extends MemoryOptions {
  readonly apis?: readonly Api[]
  /** True for HTTP/2 without TLS (h2c, with prior knowledge). */
  readonly http2?: boolean
}

/** The APIs listen on loopback, with the tenant's keys at hand and `key-retired` no longer among them. */
export async function startTarget(
  sources: Sources,
  world: World,
  { apis = ['entra', 'oidc'], http2 = false, ...memory }: Wanted = {}
): Promise<Target> {
  const lines: string[] = []
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(String(line))
      done()
    }
  })
  world.publish(true)
  // What the corpus is about is not how fast a busy machine fetches keys.
  const options = optionsOf(
    { authority: world.tenant.origin, issuer: world.provider.issuer },
    { keysTimeoutSeconds: 60, ...memory }
  )
  const started = await Promise.all(apis.map((api) => listen(sources, stream, options[api], api, { http2 })))
  const ports = Object.fromEntries(apis.map((api, at) => [api, started[at]?.port])) as Record<Api, number>
  world.publish(false)
  // An unknown `kid` of each issuer asks for a refresh: from here on `key-retired` is withdrawn.
  for (const token of [world.token({}, { kid: 'key-new' }), world.v1Token({}, { kid: 'key-new' })])
    if (apis.includes('entra'))
      await (http2
        ? overHttp2(ports.entra, get('/me', `Authorization: Bearer ${token}`))
        : fetch(`http://127.0.0.1:${ports.entra}/me`, { headers: { authorization: `Bearer ${token}` } }))
  return {
    ports,
    logged: () => lines.join(''),
    close: async () => void (await Promise.all(started.map(({ app }) => app.close())))
  }
}

/** Options under which the answers of the corpus are right, for a tenant and for the other provider. */
export function optionsOf({ authority, issuer }: { authority: string; issuer: string }, more: object) {
  const clients = { allowedClients: [callerId, otherClientId, rolelessId], rolelessClients: [rolelessId] }
  return {
    entra: { tenantId, clientId, authority, ...clients, ...more },
    oidc: { issuer, audience, ...clients, ...more }
  } satisfies Record<Api, EntraOptions>
}

/** How an API listens. */
export interface Listening {
  /** True for HTTP/2 without TLS. */
  readonly http2?: boolean
  /** Declares more routes. */
  readonly routes?: (app: FastifyInstance) => void
}

/** Starts an API with the routes of the corpus, on a free port of loopback. */
export async function listen(
  { problems, logging, plugin }: Sources,
  stream: Writable,
  options: EntraOptions,
  api: Api,
  { http2 = false, routes }: Listening = {}
) {
  const app = Fastify({
    logger: { ...logging.loggerOptions('trace'), stream },
    genReqId: () => randomUUID(),
    forceCloseConnections: true,
    pluginTimeout: 120_000, // the registration loads packages: no measure of a busy machine
    frameworkErrors: problems.answerFrameworkError,
    clientErrorHandler: problems.answerClientError,
    ...(http2 && { http2 })
  } as FastifyServerOptions) // its requests and replies have what the plugin and the handlers use, over HTTP/2 as well
  problems.setProblemHandlers(app)
  await app.register(plugin.default, options)
  addRoutes(app, plugin)
  if (api === 'entra') addDirectoryRoutes(app, plugin)
  routes?.(app)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, port: (app.server.address() as AddressInfo).port }
}

/** Where no issuer is a directory of Entra these guards are errors at start. */
function addDirectoryRoutes(app: FastifyInstance, { requireMember, requireAgent, requireHuman }: Sources['plugin']) {
  app.get('/member', { preHandler: requireMember() }, async () => ({ ok: true }))
  app.get('/agent', { preHandler: requireAgent() }, async () => ({ ok: true }))
  app.get('/human', { preHandler: requireHuman() }, async () => ({ ok: true }))
}

function addRoutes(app: FastifyInstance, plugin: Sources['plugin']): void {
  const { requireApp, requireAppPermission, requireRole, requireScope, requireUser } = plugin
  app.get('/me', async ({ principal }) => ({ kind: principal.kind, id: principal.id }))
  app.get('/optional', { config: { auth: 'optional' } }, async (request) => ({
    known: request.principalOrNull !== null
  }))
  app.get('/open', { config: { auth: 'none' } }, async () => ({ open: true }))
  app.get('/scope', { preHandler: requireScope('Orders.Read') }, async () => ({ ok: true }))
  app.get('/role', { preHandler: requireRole('Admin') }, async () => ({ ok: true }))
  app.get('/permission', { preHandler: requireAppPermission('Directory.Read.All') }, async () => ({ ok: true }))
  app.get('/user', { preHandler: requireUser() }, async () => ({ ok: true }))
  app.get('/app', { preHandler: requireApp() }, async () => ({ ok: true }))
  app.post('/body', { schema: { body: { type: 'object', required: ['name'] } } }, async () => ({ ok: true }))
}
