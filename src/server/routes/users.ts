import type { FastifyInstance } from 'fastify'
import { allOf, anyOf, problemMediaType } from '../../plugin/index.js'
import type { Graph } from '../graph/graph.js'
import { requireAppPermission, requireRole, requireScope } from '../permissions.js'

const text = { type: 'string' } as const
const textOrNull = { type: ['string', 'null'] } as const

const users = {
  type: 'object',
  description: 'The first page of the directory',
  properties: {
    users: {
      type: 'array',
      items: {
        type: 'object',
        properties: { id: text, displayName: textOrNull, userPrincipalName: text, mail: textOrNull },
        required: ['id', 'displayName', 'userPrincipalName', 'mail']
      }
    }
  },
  required: ['users']
}

/** The directory, read through Microsoft Graph with the API's own credentials. */
export async function usersRoutes(app: FastifyInstance, { graph }: { graph: Graph }): Promise<void> {
  const preHandler = anyOf(
    allOf(requireScope('Directory.Read'), requireRole('Admin')),
    requireAppPermission('Directory.Read.All')
  )
  const refused = {
    description: 'Microsoft Graph refused this server',
    content: { [problemMediaType]: { schema: app.entra.openapi.schemas.Problem } }
  }
  const schema = {
    tags: ['directory'],
    operationId: 'listUsers',
    summary: 'Users of the tenant',
    response: { 200: users, 502: refused }
  }
  app.get('/users', { preHandler, schema }, async () => ({ users: await graph.listUsers() }))
}
