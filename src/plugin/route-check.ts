/** What a route declares, checked when it is declared. */
import type { RouteOptions } from 'fastify'
import { EntraConfigurationError } from './errors.js'
import { isGuard, routeGuards } from './guard.js'
import { guardMakers } from './guards.js'
import { alternatives } from './openapi.js'
import { shown } from './option-checks.js'
import type { Rule } from './rules.js'

/** Who may call a route: any valid token (the default), also strangers, or anyone without a look at the token. */
export type RouteAuth = 'required' | 'optional' | 'none'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call this route. Default: `required`. */
    auth?: RouteAuth
  }
}

/** Hooks of a route that only ask whether it may go on: a guard can say no there. */
const fit = ['onRequest', 'preValidation', 'preHandler'] as const
const unfit = [
  'preParsing',
  'preSerialization',
  'onSend',
  'onResponse',
  'onError',
  'onTimeout',
  'onRequestAbort'
] as const

/**
 * Documents and checks; enforcement is the hook's, which also sees routes that were declared before.
 *
 * @returns the rules of the route's guards
 * @throws EntraConfigurationError when `auth` is unknown, or a guard could never run or never pass
 */
export function checkRoute(route: RouteOptions): Rule[] {
  const { auth = 'required' } = route.config ?? {}
  const where = `${route.method} ${route.url}`
  if (!['required', 'optional', 'none'].includes(auth)) {
    throw new EntraConfigurationError(`${where} has config.auth ${shown(auth)}; it is required, optional or none`)
  }
  refuseMisplaced(route, where)
  const guards = fit.flatMap((hook) => route[hook] ?? []).filter(isGuard)
  if (auth === 'none' && guards.length > 0) {
    throw new EntraConfigurationError(`${where} has a guard and config.auth "none"; a guard needs a token to look at`)
  }
  const rules = guards.map(({ rule }) => rule)
  if (alternatives({ kind: 'allOf', rules }).length === 0) {
    throw new EntraConfigurationError(`${where} asks for a user and an app at once, so nobody could ever call it`)
  }
  route.config = { ...route.config, [routeGuards]: guards }
  return rules
}

/** A guard that runs after the handler refuses what is done already; one that was not called is no guard. */
function refuseMisplaced(route: RouteOptions, where: string): void {
  const hooksWith = (hooks: readonly (typeof fit | typeof unfit)[number][], is: (each: unknown) => boolean) =>
    hooks.find((hook) => [route[hook] ?? []].flat().some(is))
  const misplaced = hooksWith(unfit, isGuard)
  if (misplaced) throw new EntraConfigurationError(`${where} has a guard in ${misplaced}; put it into preHandler`)
  const uncalled = hooksWith([...fit, ...unfit], (each) => guardMakers.has(each))
  if (uncalled) {
    throw new EntraConfigurationError(
      `${where} has a function that makes guards in ${uncalled}; call it, for the guard`
    )
  }
}
