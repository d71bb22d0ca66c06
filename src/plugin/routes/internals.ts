/** What is read of Fastify and pino that neither promises. `internals.test.ts` fails loudly where an upgrade changes it. */
import type { FastifyInstance } from 'fastify'
import type { Logger } from '../lib/logger.js'
import type { HooksByName } from './route-config.js'

/** Whether a log writes nothing down: pino below its level, and Fastify without a logger, call what does nothing so. */
export const isSilent = ({ info }: Logger) => info.name === 'noop'

/**
 * Fastify has no way to ask for hooks, and keeps them under a symbol; should it not be found, guards in them decide as ever, and are
 * neither listed nor checked before a request comes.
 */
export function hooksOf(scope: FastifyInstance): HooksByName {
  const key = Object.getOwnPropertySymbols(scope).find(({ description }) => description === 'fastify.hooks')
  return (key && (scope as unknown as Record<symbol, HooksByName>)[key]) ?? {}
}

/** What is known of such a route. */
export interface EarlyRoute {
  readonly method: string
  /** As Fastify's router prints it: parameters of several routes in one place are joined, as `:id|:name`. */
  readonly url: string
}

/**
 * All routes of the app until now, when it is the whole one. Within a scope it is none: the router belongs to all scopes, and does not
 * say which routes are whose.
 */
export function earlyRoutes(app: FastifyInstance): readonly EarlyRoute[] {
  if (Object.getPrototypeOf(app) !== Object.prototype) return []
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
 * One line of the tree: `│   ├── prefix (GET, HEAD) {"version":"1.0.0"}`; without a branch it is one more route of the node above, and
 * further in by one.
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
