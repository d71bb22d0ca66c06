/** The tools: what each does, and who may call it. */
import { type CallToolResult, McpServer } from '@modelcontextprotocol/server'
import type { FastifyRequest } from 'fastify'
import { requireRole, requireScope } from 'fastify-entra'
import { z } from 'zod'
import type { Graph } from './graph.js'

/** Who may call a tool, beside what the endpoint requires. */
export const guards = {
  my_profile: requireScope('access_as_user'),
  my_groups: requireScope('Directory.Read'),
  server_status: requireRole('Admin')
}

/** A tool without a guard does not compile. */
type Guarded = keyof typeof guards

/** The MCP server for one HTTP request, whose caller the tools act for. */
export function createServer(request: FastifyRequest, graph: Graph): McpServer {
  const server = new McpServer({ name: 'directory', version: '0.1.0' })
  server.registerTool('my_profile' satisfies Guarded, { description: 'Your entry in the directory' }, async () =>
    answer(await graph.get(request, '/v1.0/me', 'User.Read'))
  )
  server.registerTool(
    'my_groups' satisfies Guarded,
    { description: 'Your groups', inputSchema: z.object({ top: z.int().min(1).max(100).default(20) }) },
    async ({ top }) => answer(await graph.get(request, `/v1.0/me/memberOf?$top=${top}`, 'GroupMember.Read.All'))
  )
  server.registerTool('server_status' satisfies Guarded, { description: 'How this server is doing' }, async () =>
    answer({ uptimeSeconds: Math.round(process.uptime()), rssBytes: process.memoryUsage.rss() })
  )
  return server
}

const answer = (result: unknown): CallToolResult => ({ content: [{ type: 'text', text: JSON.stringify(result) }] })
