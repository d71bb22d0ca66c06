/** Stage 6: a rule as a preHandler that lets a request pass, or refuses it, and can say what it requires. */
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { guardMakerMark, guardMark, pluginMark, version, versionClash } from '../lib/marks.js'
import type { Rule } from './rules.js'

/**
 * A preHandler that lets a request pass, or refuses it, and describes itself in {@link Guard.rule}. Called by hand, its promise resolves when
 * the request passes. When it refuses, it has the refusal sent and its promise **never settles**, so that nothing after an `await` of it
 * runs, whatever the client does meanwhile.
 */
export interface Guard {
  (request: GuardedRequest, reply: object): Promise<void>
  readonly rule: Rule
}

/** What a guard needs of a request: Fastify's has it. */
export interface GuardedRequest {
  readonly method: string
  readonly routeOptions: { readonly url?: string | undefined }
  /** The Fastify instance, on which the plugin is found. */
  readonly server: object
}

/** What guards need of the plugin that is registered around their route. */
export interface GuardHost {
  /** Of the package. */
  readonly version: string
  /**
   * Evaluates a rule. Resolves when the request passes; refuses it otherwise, and never settles.
   *
   * @param byHand true where the application's own code called the guard, so that nobody but it waits for the answer
   */
  readonly enforce: (rule: Rule, request: GuardedRequest, reply: object, byHand: boolean) => Promise<void>
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

/** Makes the guard of a rule. */
export function guard(rule: Rule): Guard {
  const check = async (request: GuardedRequest, reply: object, ...others: unknown[]) => {
    const host = hostOf(request)
    if (others.length > 1) throw tooLate(request)
    return host.enforce(rule, request, reply, others.length === 0) // Fastify gives a hook `done` as well
  }
  return Object.freeze(Object.assign(check, { rule: Object.freeze(rule), [guardMark]: version }))
}

function hostOf(request: GuardedRequest): GuardHost {
  const { [pluginMark]: host } = request.server as { readonly [pluginMark]?: GuardHost }
  if (host?.version === version) return host
  const where = routeOf(request)
  if (host) throw new EntraConfigurationError(versionClash(where, version, host.version))
  const fix = 'register the plugin there, or in a scope around it'
  throw new EntraConfigurationError(`${where} has a guard where fastify-entra is not registered; ${fix}`)
}

/** A route as it was declared, for messages: never the path as sent. */
export function routeOf({ method, routeOptions }: Pick<GuardedRequest, 'method' | 'routeOptions'>): string {
  return `${method} ${routeOptions.url ?? 'without a route'}`
}

/** Hooks after the handler get a payload or an error beside `next`, or find the reply sent: it is too late to refuse. */
export function tooLate(request: GuardedRequest): EntraConfigurationError {
  const fix = 'add it as a preHandler'
  return new EntraConfigurationError(`${routeOf(request)} has a guard in a hook that runs too late; ${fix}`)
}
