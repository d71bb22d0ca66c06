/** For `npm run dev`: the MCP server of `examples/mcp`, for the embedded tenant. Not part of the build and the image. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import type { Tenant } from '../tenant/index.js'

/** The MCP server, as `npm run dev` starts it. */
export interface Mcp {
  /** What a client needs to know. */
  readonly url: string
  readonly app: FastifyInstance
  close(): Promise<void>
}

/**
 * Starts the server on loopback, and registers its URL with the tenant, as an App ID URI of the API.
 *
 * @param port 0 for any free port
 */
export async function startMcp(tenant: Tenant, port: number, options: FastifyServerOptions): Promise<Mcp> {
  // Loaded here, so that a start with invalid settings fails without waiting for it.
  const { buildServer } = await import('../../examples/mcp/src/server.js')
  const { origin: authority, tenantId, description } = tenant
  const { clientId } = description.api
  const { clientSecret } = { ...description.clients.find((client) => client.clientId === clientId) }
  // The server must know its URL before it listens.
  const url = `http://127.0.0.1:${port || (await freePort())}/mcp`
  const settings = {
    tenantId,
    clientId,
    clientSecret: String(clientSecret),
    publicUrl: url,
    authority,
    graphUrl: authority
  }
  const app = await buildServer(settings, options)
  await app.listen({ host: '127.0.0.1', port: Number(new URL(url).port) }).catch(async (error) => {
    await app.close()
    throw error
  })
  tenant.addAppIdUri(url)
  return { url, app, close: () => app.close() }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}
