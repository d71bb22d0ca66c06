/** Stage 6: principal → yes, or which refusal. A guard is a preHandler that can say what it asks for. */
import type { FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import { EntraConfigurationError, isRefusal, type Refusal, refusal } from './errors.js'
import { shown } from './option-checks.js'
import { type Policy, type Rule, ruleRefusal, scopesOf } from './rules.js'

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

/**
 * A delegated (user) token whose `scp` holds this scope.
 *
 * @param name the scope's own name, such as `Orders.Read`, without the App ID URI
 * @throws EntraConfigurationError when the name is no scope-token (RFC 6749 §3.3), or has the App ID URI, which `scp` has not
 */
export function requireScope(...names: [name: string]): Guard {
  if (String(names[0]).includes('://')) {
    throw new EntraConfigurationError(`requireScope takes the name without the App ID URI, and got ${shown(names[0])}`)
  }
  return guard({ kind: 'scope', name: named(names, 'requireScope') })
}

/**
 * A **user** whose `roles` holds this app role. An app's permission of the same name does not pass.
 *
 * @throws EntraConfigurationError when the name is empty or has spaces
 */
export function requireRole(...names: [name: string]): Guard {
  return guard({ kind: 'role', name: named(names, 'requireRole') })
}

/**
 * An **app-only** token whose `roles` holds this application permission. A user's role of the same name does not pass.
 *
 * @throws EntraConfigurationError when the name is empty or has spaces
 */
export function requireAppPermission(...names: [name: string]): Guard {
  return guard({ kind: 'appPermission', name: named(names, 'requireAppPermission') })
}

/** A delegated token: a person stands behind the request. */
export function requireUser(): Guard {
  return guard({ kind: 'user' })
}

/** An app-only token: a service calls for itself. */
export function requireApp(): Guard {
  return guard({ kind: 'app' })
}

/**
 * A function that decides. Only `true`, or a promise of it, passes; when it throws, the answer is 503.
 *
 * @param name what it is called in documents and refusals
 * @throws EntraConfigurationError when the name is empty or has spaces, or the function is none
 */
export function requirePolicy(name: string, allows: Policy): Guard {
  if (typeof allows !== 'function') throw new EntraConfigurationError('requirePolicy takes a name and a function')
  return guard({ kind: 'policy', name: named([name], 'requirePolicy'), allows })
}

/**
 * Passes when any of the guards does. When none does, and one could not be asked, the answer is 503, not 403.
 *
 * @throws EntraConfigurationError when there are none
 */
export function anyOf(...guards: readonly Guard[]): Guard {
  return guard({ kind: 'anyOf', rules: rulesOf(guards, 'anyOf') })
}

/**
 * Passes when all of the guards do; an array of preHandlers says the same.
 *
 * @throws EntraConfigurationError when there are none
 */
export function allOf(...guards: readonly Guard[]): Guard {
  return guard({ kind: 'allOf', rules: rulesOf(guards, 'allOf') })
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

/** Functions that make guards; one that stands where a guard must is a call forgotten. */
export const guardMakers: ReadonlySet<unknown> = new Set([
  ...[requireScope, requireRole, requireAppPermission, requireUser, requireApp, requirePolicy, anyOf, allOf]
])

function guard(rule: Rule): Guard {
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

/** RFC 6749 §3.3 scope-token; role values follow the same alphabet (Microsoft: "Add app roles", no spaces). */
function named(names: readonly unknown[], by: string): string {
  const [name, ...rest] = names
  if (rest.length === 0 && typeof name === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(name)) return name
  throw new EntraConfigurationError(`${by} takes one name without spaces, and got ${shown(rest.length ? names : name)}`)
}

function rulesOf(guards: readonly Guard[], by: string): Rule[] {
  if (guards.length > 0 && guards.every(isGuard)) return guards.map(({ rule }) => rule)
  throw new EntraConfigurationError(`${by} takes one guard or more`)
}
