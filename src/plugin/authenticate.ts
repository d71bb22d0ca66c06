/** Stages 1 to 5 in their order: headers → principal on the request, or why not. */
import type { FastifyRequest } from 'fastify'
import { authorizationHeader, bearerToken } from './bearer.js'
import { isRefusal, type Refusal, refusal } from './errors.js'
import { scopesOfRoute } from './guards.js'
import type { Principal } from './types.js'
import { type Verifier, verificationOf, verifyToken } from './verify.js'

/**
 * Who sent a request to a route that asks for it.
 *
 * @returns why it is refused, nothing when the principal is on the request or a stranger is welcome; a promise of it where a
 * signature is to be verified, or a key to be fetched
 */
export function authenticate(
  request: FastifyRequest,
  verifier: Verifier
): Refusal | undefined | Promise<Refusal | undefined> {
  const { auth } = request.routeOptions.config
  if (auth === 'none') return undefined
  const header = authorizationHeader(request.raw.rawHeaders)
  const remembered = isRefusal(header) ? undefined : verifier.cache?.find(header)
  if (remembered) {
    request.principalOrNull = remembered
    return undefined
  }
  const token = isRefusal(header) ? header : bearerToken(header)
  if (isRefusal(token)) return auth === 'optional' && token.code === 'credentials_missing' ? undefined : token
  const why = verifyToken(request, token, verifier)
  return why instanceof Promise ? why.then((no) => no ?? admit(request, verifier)) : why
}

/** A verified token with permissions is remembered; what it may do is for the guards. */
function admit(request: FastifyRequest, verifier: Verifier): Refusal | undefined {
  const { principal } = request
  const why = permissionsRefusal(request, principal, verifier)
  const verification = request[verificationOf]
  if (!why && verification) verifier.cache?.add(verification, principal)
  return why
}

/**
 * Any app of the tenant can get a token for any API of it, with nothing granted (Microsoft: "Protected web API: verify
 * scopes and app roles"): such a token opens no route.
 */
function permissionsRefusal(
  request: FastifyRequest,
  { scopes, roles, clientId, issuer }: Principal,
  { issuers }: Verifier
): Refusal | undefined {
  if (scopes.length > 0 || roles.length > 0) return undefined
  if (issuers.named(issuer)?.settings.profile.rolelessClients.has(clientId)) return undefined
  request.principalOrNull = null
  const helpful = scopesOfRoute(request)
  return refusal('no_permissions', helpful.length > 0 ? { scopes: helpful } : {})
}
