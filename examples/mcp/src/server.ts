/** The MCP endpoint: Streamable HTTP (MCP 2026-07-28, and the revisions before it) on Fastify, behind Microsoft Entra ID. */
import { type NodeIncomingMessageLike, toWebRequest } from '@modelcontextprotocol/node'
import { createMcpHandler, originValidationResponse } from '@modelcontextprotocol/server'
import Fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify'
import entra, { type Operation, requireScope } from 'fastify-entra'
import { createGraph } from './graph.js'
import type { Settings } from './settings.js'
import { createServer, guards } from './tools.js'

/** Builds the server; it does not listen yet. */
export async function buildServer(
  { clientSecret, publicUrl, graphUrl, ...tenant }: Settings,
  options: FastifyServerOptions
): Promise<FastifyInstance> {
  const app = Fastify(options)
  await app.register(entra, {
    ...tenant,
    resource: { publicUrl, name: 'Directory' },
    downstream: { clientSecret },
    strictRoutes: true,
    audit: 'all'
  })
  const graph = createGraph(graphUrl)
  const mcp = createMcpHandler(({ authInfo }) => createServer(authInfo?.extra?.request as FastifyRequest, graph))
  const { hostname, pathname } = new URL(publicUrl)

  app.route({
    method: ['GET', 'POST', 'DELETE'],
    url: pathname,
    preHandler: [requireScope('access_as_user'), guardTools(app)],
    async handler(request, reply) {
      // Ends tools and streams when the client leaves, and when its token expires or is revoked.
      const signal = AbortSignal.any([request.signal, request.principalSignal])
      // Without the body, which is passed on as it was parsed: JSON that nests deeply can be read, and not written again.
      const asked = await toWebRequest(request.raw as NodeIncomingMessageLike, null, { signal })
      // No token: tools must not pass it on (MCP authorization, "Token Passthrough").
      const authInfo = { token: '', clientId: String(request.principal.clientId), scopes: [], extra: { request } }
      signal.addEventListener('abort', () => reply.raw.headersSent && reply.raw.destroy())
      return reply.send(
        originValidationResponse(asked, [hostname]) ?? (await mcp.fetch(asked, { authInfo, parsedBody: request.body }))
      )
    }
  })
  return app
}

/** Decides on tool calls before a response begins: a refusal is an HTTP status and a challenge (MCP authorization, "Scope Challenge Handling"). */
function guardTools(app: FastifyInstance) {
  const operations = new Map<unknown, Operation>()
  for (const [name, guard] of Object.entries(guards)) operations.set(name, app.entra.declareOperation(name, guard))
  return async (request: FastifyRequest) => {
    // A body is one message, or in older revisions of the protocol a list. What is none of them the server refuses.
    for (const message of [request.body].flat() as ({ method?: unknown; params?: { name?: unknown } } | null)[]) {
      if (message?.method === 'tools/call') await operations.get(message.params?.name)?.(request)
    }
  }
}
