/** Guards outside a route: `app.entra.authorize()` and `app.entra.declareOperation()`. */
import type { FastifyRequest } from 'fastify'
import { isOpen } from '../authorization/evaluate-claims.js'
import { type Guard, type GuardedRequest, isGuard } from '../authorization/guard.js'
import { describe, mentions, type Rule } from '../authorization/rules.js'
import type { Authorizer } from '../authorizer.js'
import type { Principal } from '../claims/principal.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import type { Logger } from '../lib/logger.js'
import { refusal } from '../refusals/refusal.js'
import type { WatchedRoutes } from '../routes/access-matrix.js'
import { recordedFor } from './refusal-answers.js'
import { RequestOccasion } from './request-occasion.js'
import { isRequest } from './request-principal.js'

/**
 * Evaluates a guard outside a route: in a GraphQL resolver, a tool, or for a message of a WebSocket. The caller's token must still be valid: its
 * times, its key and `isRevoked` are checked again. The decision is reported to the audit, as that of a route.
 *
 * @param caller a request; or its principal, or one that `verifyToken()` returned, but no copy of it. Without the request no policy can be
 * called, and no group looked up
 * @param guard such as `requireScope('Orders.Read')`
 * @returns the principal, typed by what the guard allows
 * @throws TokenRefusedError with the refusal that a route with this guard would answer; if a handler lets it pass, it is sent. 401
 * `credentials_missing` for a request without a verified caller, as on an open route
 * @throws EntraConfigurationError for any other object, for a function that is no guard, and for a principal without its request where claims
 * alone do not decide
 */
export type Authorize = <Allowed extends Principal>(
  caller: GuardedRequest | Principal,
  guard: Guard<Allowed>
) => Promise<Allowed>

/** Decides whether a caller may do what was declared by {@link DeclareOperation}. Throws as {@link Authorize}. */
export type Operation<Allowed extends Principal = Principal> = (caller: GuardedRequest | Principal) => Promise<Allowed>

/**
 * Declares what callers may do beside routes, such as a tool or a resolver, before the app is ready. The access matrix, the manifest and the
 * OpenAPI document then contain its guard, and the audit events of its decisions its name.
 *
 * @param name 1 to 128 letters, digits and `. _ - / :`, such as `orders.cancel`
 * @returns the function to call before it is done. A function, rather than its name, so that the compiler finds a misspelt one
 * @throws EntraConfigurationError when the name is not allowed or taken, nobody can satisfy the guard, or the app is ready
 */
export type DeclareOperation = <Allowed extends Principal>(name: string, guard: Guard<Allowed>) => Operation<Allowed>

/** The two functions. */
export interface OutsideRoutes {
  readonly authorize: Authorize
  readonly declareOperation: DeclareOperation
}

/** Creates them. */
export function createOutsideRoutes(
  authorizer: Authorizer,
  { operations }: Pick<WatchedRoutes, 'operations'>,
  log: Logger
): OutsideRoutes {
  const decide = async (caller: unknown, rule: Rule, operation?: string): Promise<Principal> => {
    if (isRequest(caller)) return forRequest(authorizer, caller, rule, operation)
    if (!authorizer.isVerified(caller)) throw new EntraConfigurationError(noCaller)
    if (mentions(rule, 'policy') || isOpen(rule, caller))
      throw new EntraConfigurationError(
        `authorize() got a principal without its request, and ${describe(rule)} is not decided by claims alone; give the request`
      )
    await authorizer.decide(rule, caller, { log }, { log, where: undefined, principal: caller, operation })
    return caller
  }
  return {
    authorize: async (caller, guard) => {
      if (!isGuard(guard))
        throw new EntraConfigurationError('authorize() got no guard; give a guard such as requireRole("Admin")')
      return decide(caller, guard.rule) as Promise<never>
    },
    declareOperation: (name, guard) => {
      const { rule } = operations.declare(name, guard)
      return async (caller) => decide(caller, rule, name) as Promise<never>
    }
  }
}

const noCaller =
  'authorize() got neither a request nor a principal that this app verified; give the request, request.principal, or what verifyToken() returned, and no copy of it'

async function forRequest(
  authorizer: Authorizer,
  request: FastifyRequest,
  rule: Rule,
  operation: string | undefined
): Promise<Principal> {
  const on = new RequestOccasion(request, operation)
  const { principal } = on
  if (principal && !authorizer.isVerified(principal)) throw new EntraConfigurationError(noCaller)
  try {
    if (!principal) return authorizer.refuse(refusal('credentials_missing'), on)
    await authorizer.decide(rule, principal, request, on)
    return principal
  } catch (error) {
    recordedFor.set(error as object, request)
    throw error
  }
}
