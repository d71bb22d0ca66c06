/** Who may call a route, by its config. */
import type { FastifyContextConfig } from 'fastify'

/** Who may call a route: any valid token (the default), also unauthenticated requests, or anyone, and the token is not inspected. */
export type RouteAuth = 'required' | 'optional' | 'none'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call this route. Default: `required`. */
    auth?: RouteAuth
  }
}

/** The config's own value, if any: an inherited value never opens a route. */
export function statedAuth(config: FastifyContextConfig | undefined): RouteAuth | undefined {
  return config && Object.hasOwn(config, 'auth') ? config.auth : undefined
}

/** The config's value, or the default. */
export function authOf(config: FastifyContextConfig | undefined): RouteAuth {
  const stated = statedAuth(config)
  return stated === undefined ? 'required' : stated
}
