/** `request.renewPrincipal()`: a connection that outlives its token goes on with a new token of the same caller. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { routeOf } from '../authorization/guard.js'
import type { Authorizer } from '../authorizer.js'
import type { Principal } from '../claims/principal.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownString } from '../lib/own-string.js'
import { refusal } from '../refusals/refusal.js'
import { rulesFor } from '../routes/passed-rules.js'
import type { IdentifyToken } from '../verification/identify.js'
import { firedReason, renewSignal } from './principal-signal.js'
import { recordedFor } from './refusal-answers.js'
import { RequestOccasion } from './request-occasion.js'
import { principalOf, setPrincipal } from './request-principal.js'

/**
 * Replaces the caller's token by a new one, for a connection that outlives it. The new token passes all checks of a request, and the guards of
 * the route, with all others that allowed the request. Then `request.principal` is read from it, `request.principalSignal` fires when it is no
 * longer valid, and `request.onBehalfOf()` sends it; listeners of the signal stay. Until then, and after a refusal, the connection goes on with
 * the old token.
 *
 * @param token the token alone, without `Bearer`, from a message of the client
 * @returns the new principal
 * @throws TokenRefusedError when the token is refused: 401 `wrong_subject` if it is of another caller (`kind`, `tenantId` or `id` differ), 403 if
 * one of these guards denies it. With the reason of `request.principalSignal` if that fired before: close the connection
 * @throws DOMException `AbortError` when the app is closing, if the signal was read
 * @throws EntraConfigurationError on an unauthenticated request
 */
export type RenewPrincipal = (token: string) => Promise<Principal>

declare module 'fastify' {
  interface FastifyRequest {
    /** Replaces the caller's token by a new one. See {@link RenewPrincipal}. */
    readonly renewPrincipal: RenewPrincipal
  }
}

/** Not on the request, which a log may show with all its properties. */
const renewedTokens = new WeakMap<FastifyRequest, string>()

/** The token that replaced that of the request's header, if any. */
export function renewedTokenOf(request: FastifyRequest): string | undefined {
  return renewedTokens.get(request)
}

/** What a renewal depends on. */
export interface RenewalDependencies {
  readonly authorizer: Authorizer
  readonly identifyToken: IdentifyToken
}

/** Decorates requests. */
export function decorateRenewPrincipal(app: FastifyInstance, given: RenewalDependencies): void {
  app.decorateRequest('renewPrincipal', function (this: FastifyRequest, token: string) {
    return renew(this, token, given)
  })
}

async function renew(request: FastifyRequest, token: string, given: RenewalDependencies): Promise<Principal> {
  const before = principalOf(request)
  if (!before)
    throw new EntraConfigurationError(
      `${routeOf(request)} calls request.renewPrincipal(), and its caller is not verified; call it only where request.principalOrNull is no null`
    )
  const principal = await judge(request, before, token, given).catch((error) => {
    recordedFor.set(error, request)
    throw error
  })
  const reason = firedReason(request)
  if (reason) throw reason
  adopt(request, principal, token)
  renewSignal(request, principal)
  return principal
}

/** The new principal, if the route would allow its caller. */
async function judge(
  request: FastifyRequest,
  before: Principal,
  token: string,
  { identifyToken, authorizer }: RenewalDependencies
): Promise<Principal> {
  const principal = await identifyToken(token, new RequestOccasion(request))
  // What guards, policies and lookups read; the request itself must not have a principal that is not allowed yet.
  const renewed = adopt(Object.create(request), principal, token)
  const on = new RequestOccasion(renewed)
  if (!isSameCaller(before, principal)) authorizer.refuse(refusal('wrong_subject'), on)
  for (const rule of rulesFor(request)) await authorizer.decide(rule, principal, renewed, on)
  return principal
}

function adopt(request: FastifyRequest, principal: Principal, token: string): FastifyRequest {
  setPrincipal(request, principal)
  renewedTokens.set(request, ownString(token)) // the client's message, of which it is a slice, may be large
  return request
}

/** Entra's v1 and v2 tokens of one directory have different issuers. For other providers, `tenantId` is the issuer. */
function isSameCaller(one: Principal, other: Principal): boolean {
  return one.kind === other.kind && one.tenantId === other.tenantId && one.id === other.id
}
