/** The MCP endpoint: Streamable HTTP (MCP 2026-07-28, and the revisions before it) on Fastify, behind Microsoft Entra ID. */
import { createMcpHandler, originValidationResponse } from '@modelcontextprotocol/server'
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions
} from 'fastify'
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
    exposeHeadRoute: false, // HEAD has no meaning here
    preHandler: [requireScope('access_as_user'), guardTools(app)],
    async handler(request, reply) {
      // Ends tools and streams when the client leaves, and when its token expires or is revoked.
      const signal = AbortSignal.any([request.signal, request.principalSignal])
      signal.addEventListener('abort', () => reply.raw.headersSent && reply.raw.destroy())
      const asked = new Request(publicUrl, { method: request.method, headers: headersOf(request), signal })
      const authInfo = { token: '', clientId: String(request.principal.clientId), scopes: [], extra: { request } }
      return reply.send(
        originValidationResponse(asked, [hostname]) ?? (await mcp.fetch(asked, { authInfo, parsedBody: request.body }))
      )
    }
  })
  return app
}

/** Without the token: tools must not pass it on (MCP authorization, "Token Passthrough"). */
function headersOf({ headers: { authorization, ...others } }: FastifyRequest): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(others)) headers.set(name, String(value))
  return headers
}

/** A body of one message. What is none, the MCP server refuses. */
interface Message {
  readonly method?: unknown
  readonly params?: { readonly name?: unknown } | null
}

/** Decides on tool calls before a response begins: a refusal is an HTTP status and a challenge (MCP authorization, "Scope Challenge Handling"). */
function guardTools(app: FastifyInstance) {
  const operations = new Map<unknown, Operation>()
  for (const [name, guard] of Object.entries(guards)) operations.set(name, app.entra.declareOperation(name, guard))
  return async (request: FastifyRequest, reply: FastifyReply) => {
    if (Array.isArray(request.body)) return reply.code(400).send(batchRefused)
    const message = request.body as Message | null | undefined
    if (message?.method === 'tools/call') await operations.get(message.params?.name)?.(request)
  }
}

/** Batches were of one revision (2025-03-26), and have no limit. */
const batchRefused = {
  jsonrpc: '2.0',
  id: null,
  error: { code: -32600, message: 'A request has one message; send each in a request of its own.' }
}
