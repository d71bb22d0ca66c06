/** Stage 6: a rule as a preHandler that lets a request pass, or refuses it, and can say what it asks for. */
import type { FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import { EntraConfigurationError, isRefusal, type Refusal, refusal } from './errors.js'
import { type Rule, ruleRefusal, scopesOf } from './rules.js'

/** A preHandler that lets a request pass, or refuses it, and describes itself in {@link Guard.rule}. */
export interface Guard extends preHandlerAsyncHookHandler {
  readonly rule: Rule
}

/** Where a route's config keeps its guards. */
export const routeGuards = Symbol('fastify-entra.guards')

/** How a guard's refusal is sent; the plugin says. */
export const refuseRequest = Symbol('fastify-entra.refuse')

/** Sends a refusal as the plugin was told to. */
export type Refuse = (request: FastifyRequest, reply: FastifyReply, why: Refusal) => FastifyReply

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The guards of a route, noted when it is declared: for documents and hints, never for a decision. */
    [routeGuards]?: readonly Guard[]
  }
  interface FastifyInstance {
    /** Present where the plugin is registered. */
    [refuseRequest]?: Refuse
  }
}

/** Tells a guard from other preHandlers. */
export function isGuard(value: unknown): value is Guard {
  return typeof value === 'function' && 'rule' in value
}

/** The scopes that the guards of a request's route ask for, as far as they were noted when it was declared. */
export function scopesOfRoute({ routeOptions }: FastifyRequest): readonly string[] {
  const guards = routeOptions.config[routeGuards] ?? []
  return scopesOf({ kind: 'allOf', rules: guards.map(({ rule }) => rule) })
}

/** Makes the guard of a rule. */
export function guard(rule: Rule): Guard {
  const check = async (request: FastifyRequest, reply: FastifyReply, ...others: unknown[]) => {
    const refuse = refuseOf(request)
    if (reply.sent || others.length > 1) throw tooLate(request)
    const principal = request.principalOrNull
    const answer = principal ? await ruleRefusal(rule, principal, request) : refusal('credentials_missing')
    return isRefusal(answer) ? refuse(request, reply, withScopesOfRoute(answer, request)) : undefined
  }
  return Object.freeze(Object.assign(check, { rule: Object.freeze(rule) }))
}

function refuseOf(request: FastifyRequest): Refuse {
  const refuse = request.server[refuseRequest]
  if (refuse) return refuse
  const fix = 'register the plugin there, or in a scope around it'
  throw new EntraConfigurationError(`${routeOf(request)} has a guard where fastify-entra is not registered; ${fix}`)
}

/** Hooks after the handler get a payload or an error beside `next`, or find the reply sent: it is too late to refuse. */
function tooLate(request: FastifyRequest): EntraConfigurationError {
  const fix = 'add it as a preHandler'
  return new EntraConfigurationError(`${routeOf(request)} has a guard in a hook that comes too late; ${fix}`)
}

/** A route as it was declared, for messages: never the path as sent. */
export function routeOf({ method, routeOptions }: FastifyRequest): string {
  return `${method} ${routeOptions.url ?? 'of no route'}`
}

/** Each of several guards knows its own scopes; a client that asks for them one at a time would never hold them all. */
function withScopesOfRoute(answer: Refusal, request: FastifyRequest): Refusal {
  return answer.scopes && request.routeOptions.config[routeGuards]
    ? { ...answer, scopes: scopesOfRoute(request) }
    : answer
}
