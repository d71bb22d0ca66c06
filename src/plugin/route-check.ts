/** What a route declares, checked when it is declared. */
import type { RouteOptions } from 'fastify'
import { EntraConfigurationError } from './errors.js'
import { isGuard, routeGuards } from './guards.js'
import { alternatives } from './openapi.js'
import type { Rule } from './rules.js'

/** Who may call a route: any valid token (the default), also strangers, or anyone without a look at the token. */
export type RouteAuth = 'required' | 'optional' | 'none'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call this route. Default: `required`. */
    auth?: RouteAuth
  }
}

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
    throw new EntraConfigurationError(
      `${where} has config.auth ${JSON.stringify(auth)}; it is required, optional or none`
    )
  }
  const guards = [route.preHandler ?? []].flat().filter(isGuard)
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
