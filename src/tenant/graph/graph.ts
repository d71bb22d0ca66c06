import type { FastifyError, FastifyInstance } from 'fastify'
import type { TenantState } from '../authority/state.js'
import type { User } from '../directory/directory.js'
import { graphError, permitted, userFor, usersOf } from './graph-access.js'
import { groupRoutes } from './graph-groups.js'

/** The directory in the form of Microsoft Graph (Microsoft Graph REST API v1.0: "List users", "Get user"). */
export async function graphRoutes(app: FastifyInstance, { state }: { state: TenantState }): Promise<void> {
  app.setErrorHandler<FastifyError>(({ statusCode = 500, code, message }, _request, reply) =>
    reply.code(statusCode).send(graphError(code.startsWith('FST_') ? 'BadRequest' : code, message))
  )

  app.get('/v1.0/users', async ({ headers }) => {
    const claims = await permitted(headers.authorization, state, ['User.Read.All', 'Directory.Read.All'])
    return {
      '@odata.context': `${state.origin}/v1.0/$metadata#users(id,displayName,userPrincipalName,mail)`,
      value: usersOf(claims).map(userResource)
    }
  })

  app.get('/v1.0/me', async ({ headers }) => {
    const claims = await permitted(headers.authorization, state, ['User.Read', 'Directory.Read.All'])
    return {
      '@odata.context': `${state.origin}/v1.0/$metadata#users/$entity`,
      ...userResource(userFor(claims, undefined))
    }
  })

  groupRoutes(app, state)
}

function userResource({ oid, name, username }: User) {
  return { id: oid, displayName: name, userPrincipalName: username, mail: username }
}
