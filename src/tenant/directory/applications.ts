import type { FastifyInstance } from 'fastify'
import type { TenantState } from '../authority/state.js'
import { graphClaims, graphError } from '../graph/graph-access.js'
import { api, tenantIds } from './directory.js'
import { registrationOf } from './registration.js'

interface GetApplication {
  readonly Params: { readonly key: string }
  readonly Querystring: { readonly $select?: string }
}

/** The API's registration, by its client ID (Microsoft Graph REST API v1.0: "Get application"). */
export async function applicationRoutes(app: FastifyInstance, { state }: { state: TenantState }): Promise<void> {
  app.get<GetApplication>('/v1.0/applications:key', async (request, reply) => {
    const claims = await graphClaims(request.headers.authorization, state)
    if (!claims) return reply.code(401).send(graphError('InvalidAuthenticationToken', 'Access token is invalid.'))
    if (![claims.roles].flat().includes('Application.Read.All')) {
      return reply.code(403).send(graphError('Authorization_RequestDenied', 'Insufficient privileges.'))
    }
    // Registered in one tenant; the others have a service principal (Microsoft: "Apps and service principals").
    if (claims.tid !== tenantIds.contoso || request.params.key !== `(appId='${api.clientId}')`) {
      return reply
        .code(404)
        .send(graphError('Request_ResourceNotFound', 'There is no such application in this tenant.'))
    }
    return selected(registrationOf(state), request.query.$select)
  })
}

/** OData `$select`: the selected members, otherwise all. */
function selected(resource: object, members: string | undefined): object {
  if (members === undefined) return resource
  return Object.fromEntries(Object.entries(resource).filter(([name]) => members.split(',').includes(name)))
}
