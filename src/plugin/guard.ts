/** Stage 6: a rule as a preHandler that lets a request pass, or refuses it, and can say what it asks for. */
import type { FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import { claimsRefusal, type GroupsOf, ruleRefusal } from './decision.js'
import { EntraConfigurationError, type Refusal, refusal } from './errors.js'
import { type Rule, scopesOf } from './rules.js'
import type { Principal } from './types.js'

/** A preHandler that lets a request pass, or refuses it, and describes itself in {@link Guard.rule}. */
export interface Guard extends preHandlerAsyncHookHandler {
  readonly rule: Rule
}

/** Where a route's config keeps its guards. */
export const routeGuards = Symbol('fastify-entra.guards')

/** Whom to tell that a guard was satisfied; the plugin says. */
export const guardPassed = Symbol('fastify-entra.guardPassed')

/** Where groups that did not fit into a token are looked up; the plugin says. */
export const groupsOfUser = Symbol('fastify-entra.groups')

/** For how many seconds a policy is waited for; the plugin says. */
export const secondsOfPolicy = Symbol('fastify-entra.policySeconds')

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
    [groupsOfUser]?: GroupsOf
    [secondsOfPolicy]?: number
    [guardPassed]?: (request: FastifyRequest, rule: Rule, principal: Principal) => void
  }
}

/** Tells a guard from other preHandlers. */
export function isGuard(value: unknown): value is Guard {
  return typeof value === 'function' && 'rule' in value
}

const guardMakers = new WeakSet<object>()

/** Notes a function that makes guards. */
export function guardMaker<Make extends object>(make: Make): Make {
  guardMakers.add(make)
  return make
}

/** Tells functions that make guards; one that stands where a guard must is a call forgotten. */
export function isGuardMaker(value: unknown): boolean {
  return typeof value === 'function' && guardMakers.has(value)
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
    if (!principal) return refuse(request, reply, refusal('credentials_missing'))
    const { [groupsOfUser]: groupsOf, [secondsOfPolicy]: policySeconds } = request.server
    const why = await ruleRefusal(rule, principal, request, groupsOf, policySeconds)
    if (why) return refuse(request, reply, wholeRefusal(request, principal, rule, why) ?? why)
    request.server[guardPassed]?.(request, rule, principal)
    return undefined
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

/**
 * Each of several guards knows its own rule; a client that learned of them one at a time would never hold them all. Not where somebody was
 * asked, and said no: nothing that the client could bring helps.
 */
function wholeRefusal(
  { routeOptions }: FastifyRequest,
  principal: Principal,
  own: Rule,
  why: Refusal
): Refusal | undefined {
  const rules = (routeOptions.config[routeGuards] ?? []).map(({ rule }) => rule)
  if (rules.length < 2 || !rules.includes(own)) return undefined
  const isOpen = why.status === 503 || claimsRefusal(own, principal)
  return isOpen ? claimsRefusal({ kind: 'allOf', rules }, principal) : undefined
}
