/** Checks a route when it is declared. */
import type { RouteOptions } from 'fastify'
import { alternatives } from '../authorization/alternatives.js'
import { type Guard, isGuard, isGuardMaker } from '../authorization/guard.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { routeGuards } from '../lib/marks.js'
import { authOf, guardInConfig, refuseUnknownAuth } from './route-auth.js'

/** Hooks of a route that can stop it before the handler: a guard can refuse there. */
export const fit = ['onRequest', 'preValidation', 'preHandler'] as const
const unfit = [
  'preParsing',
  'preSerialization',
  'onSend',
  'onResponse',
  'onError',
  'onTimeout',
  'onRequestAbort'
] as const

/** All hooks in which a guard may stand, or must not. */
export const hookNames = [...fit, ...unfit]

/**
 * Documents and checks a route. The plugin's hook enforces it, also for routes that were declared before.
 *
 * @param declared guards that the route was declared with; another plugin may have wrapped them
 * @param inHooks known guards in hooks of the route's scope
 * @returns these and the route's own: the array in its config
 * @throws EntraConfigurationError when `auth` is unknown, or a guard can never run or never be satisfied
 */
export function checkRoute(
  route: RouteOptions,
  declared: readonly Guard[] = [],
  inHooks: readonly Guard[] = []
): Guard[] {
  const auth = authOf(route.config)
  const where = `${route.method} ${route.url}`
  refuseUnknownAuth(route.config, where)
  refuseMisplaced(route, where)
  const inConfig = guardInConfig(route.config) ?? []
  const own = [inConfig, ...declared, ...fit.map((hook) => route[hook] ?? [])].flat().filter(isGuard)
  if (auth === 'none' && own.length > 0) {
    throw new EntraConfigurationError(
      `${where} has a guard and config.auth "none"; remove one, as a guard requires a token`
    )
  }
  const guards = [...new Set([...inHooks, ...own])]
  const rules = guards.map(({ rule }) => rule)
  if (alternatives({ kind: 'allOf', rules }).length === 0) {
    throw new EntraConfigurationError(
      `${where} requires a user and an app at once, so nobody can call it; remove one guard, or combine them with anyOf`
    )
  }
  route.config = { ...route.config, [routeGuards]: guards }
  return guards
}

/** Hooks of a route or of a scope, by their names. */
export type HooksByName = Readonly<Partial<Record<(typeof hookNames)[number] | 'onRoute', unknown>>>

/**
 * A guard that runs after the handler is too late; a guard function that was not called is not a guard.
 *
 * @throws EntraConfigurationError with what is misplaced, and where
 */
export function refuseMisplaced(hooks: HooksByName, where: string): void {
  const hooksWith = (names: readonly (keyof HooksByName)[], is: (each: unknown) => boolean) =>
    names.find((name) => [hooks[name] ?? []].flat().some(is))
  const misplaced = hooksWith(unfit, isGuard)
  if (misplaced) throw new EntraConfigurationError(`${where} has a guard in ${misplaced}; put it into preHandler`)
  const uncalled = hooksWith([...fit, ...unfit], isGuardMaker)
  if (uncalled) {
    throw new EntraConfigurationError(
      `${where} has a function that makes guards in ${uncalled}; call it to make the guard`
    )
  }
}
