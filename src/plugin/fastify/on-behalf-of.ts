/** `request.onBehalfOf()`: a token with which a route calls another API for its caller, and the refusals if there is none. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { routeOf } from '../authorization/guard.js'
import type { RefusedToken } from '../downstream/token-client.js'
import type { TokenClients } from '../downstream/token-clients.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { isRefusal, refusal } from '../refusals/refusal.js'
import { DownstreamError } from '../refusals/refusal-error.js'
import { authorizationHeader, bearerToken } from '../verification/bearer.js'
import { renewedTokenOf } from './renew-principal.js'
import { principalOf } from './request-principal.js'

/**
 * Returns a token for another API, for the user who sent the request (on-behalf-of flow). Fetched once for each token of a caller and each
 * set of scopes, and cached until its last minute.
 *
 * @param scopes of the other API, such as `https://graph.microsoft.com/User.Read`; all of one API
 * @param refused a token that the other API refused with 401, to fetch a new one
 * @throws DownstreamError when there is none. If the route does not catch it, the plugin responds with a refusal: 403 to an app, when
 * consent is missing, or for users of a tenant without `downstream`; 401 with the tenant's challenge when the user must sign in again; 503
 * while the tenant is unreachable; 502 when it refuses this API
 * @throws EntraConfigurationError when no tenant has the option `downstream`
 */
export type OnBehalfOf = (scopes: string | readonly string[], refused?: RefusedToken) => Promise<string>

declare module 'fastify' {
  interface FastifyRequest {
    /** Returns a token for another API, for the user who sent the request. See {@link OnBehalfOf}. */
    readonly onBehalfOf: OnBehalfOf
  }
}

/** Decorates requests. */
export function decorateOnBehalfOf(app: FastifyInstance, downstreams: TokenClients): void {
  app.decorateRequest('onBehalfOf', function (this: FastifyRequest, ...[scopes, refused]: Parameters<OnBehalfOf>) {
    return onBehalfOf(this, [scopes].flat(), refused, downstreams)
  })
}

async function onBehalfOf(
  request: FastifyRequest,
  scopes: readonly string[],
  refused: RefusedToken | undefined,
  downstreams: TokenClients
): Promise<string> {
  if (scopes.length === 0 || !scopes.every((scope) => typeof scope === 'string' && /^[\x21-\x7e]+$/.test(scope)))
    throw new EntraConfigurationError(`${routeOf(request)} calls onBehalfOf() without scopes; name one or more`)
  const principal = principalOf(request)
  if (!principal) throw new DownstreamError(refusal('credentials_missing'))
  if (!downstreams.any) {
    const fix = 'give the option downstream, with a credential'
    throw new EntraConfigurationError(
      `${routeOf(request)} calls onBehalfOf(), but this API has no credential for it; ${fix}`
    )
  }
  const downstream = downstreams.of(principal)
  if (!downstream) throw new DownstreamError(refusal('downstream_not_offered'))
  return downstream.tokenOnBehalfOf(principal, tokenOf(request), scopes, refused)
}

/** The token that the principal was read from. Only a renewed one is stored, so the header is read again. */
function tokenOf(request: FastifyRequest): string {
  const renewed = renewedTokenOf(request)
  if (renewed !== undefined) return renewed
  const header = authorizationHeader(request.raw.rawHeaders)
  const token = isRefusal(header) ? header : bearerToken(header)
  if (isRefusal(token)) throw new DownstreamError(token)
  return token
}
