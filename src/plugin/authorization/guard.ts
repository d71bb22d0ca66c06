/** Stage 6: a rule as a preHandler that allows or refuses a request, and describes what it requires. */
import type { Principal } from '../claims/principal.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { guardMakerMark, guardMark, pluginMark, version, versionClash } from '../lib/marks.js'
import { shown } from '../lib/validate.js'
import { describe, type Rule } from './rules.js'

/**
 * A preHandler that allows or refuses a request, and describes itself in {@link Guard.rule}. When application code calls it, its promise
 * resolves if the request is allowed. If the request is refused, the guard sends the refusal and its promise **never settles**, so that no
 * code after the `await` runs, whatever the client does.
 *
 * `Allowed` is the type of the callers that it allows.
 */
export interface Guard<Allowed extends Principal = Principal> {
  (request: GuardedRequest, reply: object): Promise<void>
  readonly rule: Rule
  /** For types alone: no guard has this property. */
  readonly [allowed]?: Allowed
}

declare const allowed: unique symbol

/** The callers that a guard allows. */
export type AllowedBy<Given> = Given extends { readonly [allowed]?: infer Allowed extends Principal }
  ? Allowed
  : Principal

/** The part of Fastify's request that a guard uses. */
export interface GuardedRequest {
  readonly method: string
  readonly routeOptions: { readonly url?: string | undefined }
  /** The Fastify instance that has the plugin. */
  readonly server: object
}

/** The part of the plugin registered around a route that its guards use. */
export interface GuardHost {
  /** The version of the package. */
  readonly version: string
  /**
   * Evaluates a rule. Resolves when the request is allowed; otherwise refuses it and never settles.
   *
   * @param byHand true when application code called the guard, and no Fastify hook waits for the result
   */
  readonly enforce: (rule: Rule, request: GuardedRequest, reply: object, byHand: boolean) => Promise<void>
}

/**
 * Whether a preHandler is a guard.
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

/** Marks a function that makes guards. In place of a guard it throws at startup, wherever the route is. */
export function guardMaker<Make extends (...args: never[]) => unknown>(make: Make): Make {
  const bind = (scope: unknown, ...others: unknown[]) => {
    if (isInstance(scope)) throw notCalled(scope)
    return Function.prototype.bind.call(make, scope, ...others)
  }
  return Object.defineProperties(make, { [guardMakerMark]: { value: version }, bind: { value: bind } })
}

function notCalled(scope: Scope): EntraConfigurationError {
  const found = `${inScope(scope)} has a function that makes guards in place of a guard`
  return new EntraConfigurationError(`${found}; call it to make the guard`)
}

/** Whether a function makes guards; in place of a guard it means that the call was forgotten. */
export function isGuardMaker(value: unknown): boolean {
  return typeof value === 'function' && Object.hasOwn(value, guardMakerMark)
}

/** Whether a value is a guard of any version, a list that contains one, or a function that makes guards. */
export function mentionsGuard(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(mentionsGuard)
  return isGuardMaker(value) || (typeof value === 'function' && Object.hasOwn(value, guardMark))
}

/** Creates the guard of a rule. */
export function guard<Allowed extends Principal = Principal>(rule: Rule): Guard<Allowed> {
  const check = async (request: GuardedRequest, reply: object, ...others: unknown[]) => {
    const host = hostOf(request)
    if (others.length > 1) throw tooLate(request)
    return host.enforce(rule, request, reply, others.length === 0) // Fastify also passes `done` to a hook
  }
  // Fastify binds the hooks of a route to its scope once all plugins are loaded. A guard uses no `this`: bound, it is the same guard.
  const bind = (scope: unknown) => {
    refuseOutside(scope, rule)
    return made
  }
  const made: Guard<Allowed> = Object.assign(check, { rule: Object.freeze(rule), [guardMark]: version })
  return Object.freeze(Object.defineProperty(made, 'bind', { value: bind }))
}

/** Without the plugin around it, a guard could only throw at every request. */
function refuseOutside(scope: unknown, rule: Rule): void {
  if (!isInstance(scope) || pluginMark in scope) return
  const where = `${inScope(scope)} has a guard that requires ${describe(rule)}`
  const fix = 'register the plugin there, or in a scope around it'
  throw new EntraConfigurationError(`${where}, and fastify-entra is not registered there; ${fix}`)
}

/** A Fastify instance, as far as it is read here. */
interface Scope {
  readonly addHook: unknown
  readonly prefix: string
}

const isInstance = (value: unknown): value is Scope => typeof Object(value).addHook === 'function'

const inScope = ({ prefix }: Scope) => `a scope with ${prefix ? `the prefix ${shown(prefix)}` : 'no prefix'}`

function hostOf(request: GuardedRequest): GuardHost {
  const { [pluginMark]: host } = request.server as { readonly [pluginMark]?: GuardHost }
  if (host?.version === version) return host
  const where = routeOf(request)
  if (host) throw new EntraConfigurationError(versionClash(where, version, host.version))
  const fix = 'register the plugin there, or in a scope around it'
  throw new EntraConfigurationError(`${where} has a guard where fastify-entra is not registered; ${fix}`)
}

/** The declared route, for messages; never the path as sent. */
export function routeOf({ method, routeOptions }: Pick<GuardedRequest, 'method' | 'routeOptions'>): string {
  return `${method} ${routeOptions.url ?? 'without a route'}`
}

/** Hooks after the handler get a payload or an error beside `next`, or a reply that is sent: then it is too late to refuse. */
export function tooLate(request: GuardedRequest): EntraConfigurationError {
  const fix = 'add it as a preHandler'
  return new EntraConfigurationError(`${routeOf(request)} has a guard in a hook that runs too late; ${fix}`)
}
