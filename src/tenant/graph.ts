import type { FastifyInstance } from 'fastify'
import { createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose'
import { directories } from './authorities.js'
import { type Directory, graph } from './directory.js'
import { issuer } from './endpoints.js'
import { publicKeySet } from './keys.js'
import type { TenantState } from './state.js'

/** The directory as Microsoft Graph lists it (Microsoft Graph REST API v1.0: "List users"). */
export async function graphRoutes(app: FastifyInstance, { state }: { state: TenantState }): Promise<void> {
  app.get('/v1.0/users', async (request, reply) => {
    const claims = await graphClaims(request.headers.authorization, state)
    if (!claims) return reply.code(401).send(graphError('InvalidAuthenticationToken', 'Access token is invalid.'))
    if (![claims.roles].flat().includes('User.Read.All')) {
      return reply.code(403).send(graphError('Authorization_RequestDenied', 'Insufficient privileges.'))
    }
    return {
      '@odata.context': `${state.origin}/v1.0/$metadata#users(id,displayName,userPrincipalName,mail)`,
      value: usersOf(claims).map(({ oid, name, username }) => ({
        id: oid,
        displayName: name,
        userPrincipalName: username,
        mail: username
      }))
    }
  })
}

/** The users of the tenant that issued a token. */
function usersOf({ tid }: JWTPayload): Directory['users'] {
  return directories.flatMap(({ tenantId, users }) => (tenantId === tid ? users : []))
}

/** The claims of a token that one of the tenants issued for Graph, from an Authorization header; otherwise nothing. */
export function graphClaims(authorization: string | undefined, state: TenantState): Promise<JWTPayload | undefined> {
  const { origin, keys } = state
  const token = String(authorization).replace(/^Bearer /i, '')
  const issuers = directories.flatMap(({ tenantId }) => [issuer(origin, tenantId, 1), issuer(origin, tenantId, 2)])
  const options = { audience: graph.appIdUri, issuer: issuers }
  return jwtVerify(token, createLocalJWKSet(publicKeySet(keys.shared, origin)), options).then(
    ({ payload }) => payload,
    () => undefined
  )
}

/** An error in Graph's shape (Microsoft Graph: "Error responses and resource types"). */
export function graphError(code: string, message: string) {
  return { error: { code, message } }
}
