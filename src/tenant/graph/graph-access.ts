import { createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose'
import { directories } from '../authority/authorities.js'
import { issuer } from '../authority/endpoints.js'
import type { TenantState } from '../authority/state.js'
import { type Directory, graph, type User } from '../directory/directory.js'
import { publicKeySet } from '../tokens/keys.js'

/** A refusal of Graph (Microsoft Graph: "Error responses and resource types"). */
export class GraphError extends Error {
  readonly statusCode: number
  readonly code: string

  constructor(statusCode: number, code: string, message: string) {
    super(message)
    this.statusCode = statusCode
    this.code = code
  }
}

/** The claims of a token in an Authorization header that one of the tenants issued for Graph; otherwise nothing. */
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

/** @throws GraphError 401 without a token for Graph, 403 when it holds none of these permissions */
export async function permitted(
  authorization: string | undefined,
  state: TenantState,
  permissions: readonly string[]
): Promise<JWTPayload> {
  const claims = await graphClaims(authorization, state)
  if (!claims) throw new GraphError(401, 'InvalidAuthenticationToken', 'Access token is invalid.')
  const held = claims.idtyp === 'app' ? [claims.roles].flat() : String(claims.scp).split(' ')
  if (permissions.some((permission) => held.includes(permission))) return claims
  throw new GraphError(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.')
}

/** The users of the tenant that issued a token. */
export function usersOf({ tid }: JWTPayload): Directory['users'] {
  return directories.flatMap(({ tenantId, users }) => (tenantId === tid ? users : []))
}

/**
 * The user that a request is about.
 *
 * @param key an object ID or a user name; without one, the user of the token
 * @throws GraphError 400 when an application has no user, 404 when the directory has no user with this key
 */
export function userFor(claims: JWTPayload, key: string | undefined): User {
  if (key === undefined && claims.idtyp === 'app') {
    throw new GraphError(400, 'BadRequest', '/me request is only valid with delegated authentication flow.')
  }
  const wanted = String(key ?? claims.oid).toLowerCase()
  const user = usersOf(claims).find(({ oid, username }) => oid === wanted || username === wanted)
  if (user) return user
  throw new GraphError(404, 'Request_ResourceNotFound', 'There is no such user in this tenant.')
}

/** An error in Graph's shape (Microsoft Graph: "Error responses and resource types"). */
export function graphError(code: string, message: string) {
  return { error: { code, message } }
}
