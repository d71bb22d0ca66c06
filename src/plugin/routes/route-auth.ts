/** Who may call a route, by its config. */
import type { FastifyContextConfig } from 'fastify'
import { type Guard, isGuard, isGuardMaker, mentionsGuard } from '../authorization/guard.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { shown } from '../lib/validate.js'

/** Who may call a route: any valid token (the default), also unauthenticated requests, or anyone, and the token is not inspected. */
export type RouteAuth = 'required' | 'optional' | 'none'

/**
 * No value has this type: the compiler shows its name, and so what is allowed, where it would say `never` to a misspelt value.
 */
export interface AllowedAuth<Allowed> {
  readonly [never]: Allowed
}

declare const never: unique symbol

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Who may call this route: `required`, `optional`, `none`, or one guard, such as `requireScope('Orders.Read')`. Default: `required`. A
     * guard is evaluated after the body is parsed and validated, before all preHandlers of the route. Without the plugin it is not
     * evaluated.
     */
    auth?: RouteAuth | Guard | AllowedAuth<'required, optional, none, or one guard'>
  }
}

/** The config's own value, if any: an inherited value never opens a route. */
export function statedAuth(config: FastifyContextConfig | undefined): FastifyContextConfig['auth'] {
  return config && Object.hasOwn(config, 'auth') ? config.auth : undefined
}

/** The config's value, or the default, which a guard has as well. */
export function authOf(config: FastifyContextConfig | undefined): RouteAuth {
  const stated = statedAuth(config)
  return stated === undefined || isGuard(stated) ? 'required' : (stated as RouteAuth)
}

/** The guard in a route's config, if any. */
export function guardInConfig(config: FastifyContextConfig | undefined): Guard | undefined {
  const stated = statedAuth(config)
  return isGuard(stated) ? stated : undefined
}

/**
 * Refuses what is neither a value of {@link RouteAuth} nor a guard.
 *
 * @throws EntraConfigurationError with the route
 */
export function refuseUnknownAuth(config: FastifyContextConfig | undefined, where: string): void {
  const stated: unknown = statedAuth(config)
  if (stated === undefined && mentionsGuard(config?.auth)) {
    const fix = 'give each route a config with an auth of its own'
    throw new EntraConfigurationError(
      `${where} inherits a guard in config.auth, and inherited values do not count; ${fix}`
    )
  }
  if (stated === undefined || isGuard(stated) || ['required', 'optional', 'none'].includes(stated as string)) return
  if (isGuardMaker(stated))
    throw new EntraConfigurationError(
      `${where} has a function that makes guards in config.auth; call it to make the guard`
    )
  if (mentionsGuard(stated))
    throw new EntraConfigurationError(
      `${where} has a list in config.auth; give one guard, and combine several with allOf or anyOf`
    )
  throw new EntraConfigurationError(
    `${where} has config.auth ${shown(stated)}; give required, optional, none or one guard`
  )
}
