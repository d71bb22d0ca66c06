/** Routes that were declared before the plugin: Fastify tells no one what they say, and prints where they are. */
import type { FastifyInstance } from 'fastify'

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
