import type { FastifyInstance } from 'fastify'
import { problemMediaType, requireScope } from '../../plugin/index.js'
import type { Graph } from '../graph/graph.js'

const text = { type: 'string' } as const
const textOrNull = { type: ['string', 'null'] } as const

const profile = {
  type: 'object',
  description: 'The user, as the directory lists it',
  properties: { id: text, displayName: textOrNull, userPrincipalName: text, mail: textOrNull },
  required: ['id', 'displayName', 'userPrincipalName', 'mail']
}
const groups = {
  type: 'object',
  description: 'The first page of the user’s groups',
  properties: {
    groups: {
      type: 'array',
      items: { type: 'object', properties: { id: text, displayName: textOrNull }, required: ['id', 'displayName'] }
    }
  },
  required: ['groups']
}

/** The caller's own entries in the directory, read through Microsoft Graph on behalf of the caller. */
export async function ownRoutes(app: FastifyInstance, { graph }: { graph: Graph }): Promise<void> {
  const preHandler = requireScope('access_as_user')
  const refused = {
    description: 'Microsoft Graph, or the tenant, refused this server',
    content: { [problemMediaType]: { schema: app.entra.openapi.schemas.Problem } }
  }
  const unknown = { ...refused, description: 'Microsoft Graph does not know the user' }
  const tags = ['directory']
  const me = {
    tags,
    operationId: 'getMyProfile',
    summary: 'The profile of the user',
    response: { 200: profile, 404: unknown, 502: refused }
  }
  app.get('/me/profile', { preHandler, schema: me }, (request) =>
    graph.profileOf((...asked) => request.onBehalfOf(...asked))
  )

  const mine = {
    tags,
    operationId: 'listMyGroups',
    summary: 'The groups of the user',
    response: { 200: groups, 404: unknown, 502: refused }
  }
  app.get('/me/groups', { preHandler, schema: mine }, async (request) => ({
    groups: await graph.groupsOf((...asked) => request.onBehalfOf(...asked))
  }))
}
