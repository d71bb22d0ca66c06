/** Stage 6: a rule as a preHandler that lets a request pass, or refuses it, and can say what it requires. */
import type { FastifyContextConfig, FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import { EntraConfigurationError } from './configuration-error.js'
import type { Refusal } from './errors.js'
import { guardMakerMark, guardMark, pluginMark, routeGuards, version, versionClash } from './marks.js'
import { routeOf } from './request-principal.js'
import { type Rule, scopesOf } from './rules.js'

/**
 * A preHandler that lets a request pass, or refuses it, and describes itself in {@link Guard.rule}. Called by hand, its promise resolves when
 * the request passes. When it refuses, it has the refusal sent and its promise **never settles**, so that nothing after an `await` of it
 * runs, whatever the client does meanwhile.
 */
export interface Guard extends preHandlerAsyncHookHandler {
  readonly rule: Rule
}

/**
 * Sends a refusal as the plugin was told to; nothing where the request is answered already.
 *
 * @param fromErrorHandler true where an error handler decides. Default: false
 */
export type Refuse = (request: FastifyRequest, reply: FastifyReply, why: Refusal, fromErrorHandler?: boolean) => void

/** What guards need of the plugin that is registered around their route. */
export interface GuardHost {
  /** Of the package. */
  readonly version: string
  /** Evaluates a rule. Resolves when the request passes; refuses it otherwise, and never settles. */
  readonly enforce: (rule: Rule, request: FastifyRequest, reply: FastifyReply) => Promise<void>
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The guards of a route, noted when it is declared: for documents and hints, never for a decision. */
    [routeGuards]?: readonly Guard[]
  }
  interface FastifyInstance {
    /** Present where the plugin is registered. */
    [pluginMark]?: GuardHost
  }
}

/**
 * Tells a guard from other preHandlers.
 *
 * @throws EntraConfigurationError for one that another version of this package made
 */
export function isGuard(value: unknown): value is Guard {
  if (typeof value !== 'function' || !Object.hasOwn(value, guardMark)) return false
  const { [guardMark]: madeBy, rule } = value as Guard & { readonly [guardMark]: unknown }
  if (madeBy === version) return true
  throw new EntraConfigurationError(
    versionClash(`a route that requires ${String(rule?.kind)}`, String(madeBy), version)
  )
}

/** Marks a function that makes guards. */
export function guardMaker<Make extends object>(make: Make): Make {
  return Object.defineProperty(make, guardMakerMark, { value: version })
}

/** Tells functions that make guards; one that stands where a guard must is a call forgotten. */
export function isGuardMaker(value: unknown): boolean {
  return typeof value === 'function' && Object.hasOwn(value, guardMakerMark)
}

/** The guards of a route, as far as they were noted when it was declared. */
export function guardsIn(config: FastifyContextConfig | undefined): readonly Guard[] {
  return (config && Object.hasOwn(config, routeGuards) && config[routeGuards]) || []
}

/** The scopes that the guards of a request's route require. */
export function scopesOfRoute({ routeOptions }: FastifyRequest): readonly string[] {
  return scopesOf({ kind: 'allOf', rules: guardsIn(routeOptions.config).map(({ rule }) => rule) })
}

/** Makes the guard of a rule. */
export function guard(rule: Rule): Guard {
  const check = async (request: FastifyRequest, reply: FastifyReply, ...others: unknown[]) => {
    const host = hostOf(request)
    if (others.length > 1) throw tooLate(request)
    return host.enforce(rule, request, reply)
  }
  return Object.freeze(Object.assign(check, { rule: Object.freeze(rule), [guardMark]: version }))
}

function hostOf(request: FastifyRequest): GuardHost {
  const host = request.server[pluginMark]
  if (host?.version === version) return host
  const where = routeOf(request)
  if (host) throw new EntraConfigurationError(versionClash(where, version, host.version))
  const fix = 'register the plugin there, or in a scope around it'
  throw new EntraConfigurationError(`${where} has a guard where fastify-entra is not registered; ${fix}`)
}

/** Hooks after the handler get a payload or an error beside `next`, or find the reply sent: it is too late to refuse. */
export function tooLate(request: FastifyRequest): EntraConfigurationError {
  const fix = 'add it as a preHandler'
  return new EntraConfigurationError(`${routeOf(request)} has a guard in a hook that comes too late; ${fix}`)
}
