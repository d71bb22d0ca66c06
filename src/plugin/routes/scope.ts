/** The plugin in a scope of its own: which routes of the app it protects, and which it does not see. */
import type { FastifyInstance } from 'fastify'
import { named } from './access-checks.js'
import { type AccessEntry, isOperation } from './access-entry.js'
import { type EarlyRoute, earlyRoutes, isRoot, rootOf } from './internals.js'

/** The matrices of all instances of the plugin in one app, by its server: each scope may have one. */
const matrices = new WeakMap<object, (() => readonly AccessEntry[])[]>()

const matricesOf = (server: object) => matrices.get(server) ?? []

/** Adds the matrix of one instance of the plugin. */
export function recordMatrix({ server }: FastifyInstance, entries: () => readonly AccessEntry[]): void {
  matrices.set(server, [...matricesOf(server), entries])
}

/** Whether a route is the one with which @fastify/cors has Fastify accept preflights. */
export const isOfCors = ({ method, url }: EarlyRoute, app: FastifyInstance) =>
  url === '*' && method === 'OPTIONS' && app.hasPlugin('@fastify/cors')

/** What a reader of the log must know of a scope. */
export interface ScopeReport {
  /** The routes that this instance of the plugin protects, in one sentence. */
  readonly seen: string
  /** The routes that no instance protects; `undefined` if there are none. */
  readonly unseen: string | undefined
}

/**
 * Reports on a plugin that is not registered on the root instance. Call it once all routes are declared.
 *
 * @returns nothing on the root instance, which has all routes
 */
export function reportScope(app: FastifyInstance, entries: readonly AccessEntry[]): ScopeReport | undefined {
  if (isRoot(app)) return undefined
  const all = matricesOf(app.server).flatMap((matrix) => matrix())
  const known = new Set(all.map(keyOf))
  const others = earlyRoutes(rootOf(app)).filter((route) => !known.has(keyOf(route)) && !isOfCors(route, app))
  const where = app.prefix === '' ? 'a scope without a prefix' : `the scope ${app.prefix}`
  return {
    seen: `fastify-entra is registered in ${where}, and protects ${named(entries.filter((entry) => !isOperation(entry))) || 'no route'}`,
    unseen: others.length > 0 ? `fastify-entra does not protect ${named(others)}; ${fix}` : undefined
  }
}

const fix =
  'register it on the root instance, with fastify-plugin around the plugin that does so, or declare these routes in its scope'

/** The router joins the parameters of several routes in one place, such as `:id|:name`: their names are not compared. */
const keyOf = ({ method, url }: EarlyRoute) => `${method} ${url.replace(/\/:[^/]*/g, '/:')}`
