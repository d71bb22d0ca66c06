/** Reads internals of Fastify and pino that are not part of their API. `internals.test.ts` fails if an upgrade changes them. */
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { Logger } from '../lib/logger.js'
import type { HooksByName } from './route-config.js'

/** Whether a log discards everything: pino below its level, and Fastify without a logger, use no-op functions. */
export const isSilent = ({ info }: Logger) => info.name === 'noop'

/**
 * Fastify has no API for hooks, and keeps them under a symbol. If the symbol is not found, guards in hooks still decide, but are neither
 * listed nor checked before the first request.
 */
export function hooksOf(scope: FastifyInstance): HeldHooks {
  const key = Object.getOwnPropertySymbols(scope).find(({ description }) => description === 'fastify.hooks')
  return (key && (scope as unknown as Record<symbol, HeldHooks>)[key]) ?? {}
}

/** What Fastify keeps for a scope: the lists themselves. */
export type HeldHooks = HooksByName & { readonly onRoute?: ((route: RouteOptions) => void)[] }

/** Whether this is the instance that `Fastify()` returned; each scope inherits from the one around it. */
export const isRoot = (app: FastifyInstance) => Object.getPrototypeOf(app) === Object.prototype

/** The instance that `Fastify()` returned, around a scope. */
export const rootOf = (app: FastifyInstance): FastifyInstance =>
  isRoot(app) ? app : rootOf(Object.getPrototypeOf(app))

/**
 * Reports each not-found handler that is set from now on, in this scope and those below, as these inherit its methods. Fastify calls no `onRoute`
 * hook for them, though a request that meets no route has the config that the handler was set with.
 */
export function watchNotFoundHandlers(
  app: FastifyInstance,
  report: (scope: FastifyInstance, options: { readonly config?: FastifyContextConfig }) => void
): void {
  const held: { setNotFoundHandler: (this: FastifyInstance, ...given: unknown[]) => unknown } = app as never
  const { setNotFoundHandler } = held
  held.setNotFoundHandler = function (...given) {
    report(this, Object(given[0]))
    return setNotFoundHandler.apply(this, given)
  }
}

/** The known parts of such a route. */
export interface EarlyRoute {
  readonly method: string
  /** As Fastify's router prints it: parameters of several routes in one place are joined, such as `:id|:name`. */
  readonly url: string
}

/**
 * All routes declared so far, for the root instance. None within a scope: all scopes share the router, which does not record the scope of a
 * route.
 */
export function earlyRoutes(app: FastifyInstance): readonly EarlyRoute[] {
  if (!isRoot(app)) return []
  const found = new Map<string, EarlyRoute>()
  const path: string[] = []
  for (const { depth, prefix, methods } of app.printRoutes().split('\n').map(nodeOf)) {
    path.splice(depth, path.length, prefix)
    const url = path.join('')
    for (const method of methods) found.set(`${method} ${url}`, { method, url })
  }
  return [...found.values()]
}

/**
 * One line of the tree: `│   ├── prefix (GET, HEAD) {"version":"1.0.0"}`; without a branch it is another route of the node above, indented
 * by one more.
 */
function nodeOf(line: string): { depth: number; prefix: string; methods: string[] } {
  const text = line.replace(/^(?:│ {3}| {4})*/, '')
  const further = (line.length - text.length) / 4
  const isBranch = /^[├└]── /.test(text)
  const node = isBranch ? text.slice(4) : text
  const [, prefix = node, methods] = /^(.*) \(([A-Z-]+(?:, [A-Z-]+)*)\)(?: \{.*\})?$/.exec(node) ?? []
  return {
    depth: isBranch ? further : further - 1,
    prefix: prefix.replace('(empty root node)', ''),
    methods: methods?.split(', ') ?? []
  }
}

/**
 * Lets one request end in another handler, whether its query and body fit the schemas of its route or not, without a change for other
 * requests: Fastify reads both from the context that it keeps on the request under a symbol. For tests of applications.
 */
export function redirect(
  request: FastifyRequest,
  handler: (request: FastifyRequest, reply: FastifyReply) => void
): void {
  const key = Object.getOwnPropertySymbols(request).find(({ description }) => description === 'fastify.context')
  const held = request as unknown as Record<symbol, object>
  const context = held[key as symbol] as object
  held[key as symbol] = Object.create(context, { handler: { value: handler }, attachValidation: { value: true } })
}
