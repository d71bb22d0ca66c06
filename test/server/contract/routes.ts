/** What the server itself has routes for, whatever its document says. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { guardsIn } from '../../../src/plugin/routes/route-guards.js'
import { type OpenapiDocument, operationsOf } from './document.js'
import { type Way, waysOf } from './ways.js'

export interface ServerRoute {
  /** As the document names it: "GET /orders/{id}". */
  readonly name: string
  readonly hidden: boolean
  readonly ways: readonly Way[]
}

/** Runs what makes a server, and sees each route as it is declared: Fastify tells of a new instance before anyone has it. */
export async function routesOf<T>(start: () => Promise<T>): Promise<{ started: T; routes: ServerRoute[] }> {
  const seen: RouteOptions[] = []
  const watch = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', (route) => void seen.push(route))
  }
  subscribe('fastify.initialization', watch)
  try {
    const started = await start()
    return { started, routes: seen.flatMap(toServerRoutes).filter(isNoTwin) }
  } finally {
    unsubscribe('fastify.initialization', watch)
  }
}

/** Guards are read when all is declared: the plugin's hook, which notes them, comes after this one. */
function toServerRoutes({ method, url, schema, config }: RouteOptions): ServerRoute[] {
  const rules = guardsIn(config).map(({ rule }) => rule)
  const path = url.replace(/:(\w+)/g, '{$1}')
  const hidden = (schema as { hide?: boolean } | undefined)?.hide === true
  return [method].flat().map((verb) => ({ name: `${verb} ${path}`, hidden, ways: waysOf({ kind: 'allOf', rules }) }))
}

/** Fastify's HEAD beside a GET is tried with it, and not documented. */
function isNoTwin({ name }: ServerRoute, _index: number, routes: readonly ServerRoute[]): boolean {
  return !name.startsWith('HEAD ') || !routes.some((route) => route.name === name.replace('HEAD', 'GET'))
}

/** Routes that the document keeps quiet about, and operations that nobody answers. */
export function routeFindings(document: OpenapiDocument, routes: readonly ServerRoute[]): string[] {
  const documented = new Set(operationsOf(document).map(({ name }) => name))
  const shown = new Set(routes.filter(({ hidden }) => !hidden).map(({ name }) => name))
  return [
    ...[...shown].filter((name) => !documented.has(name)).map((name) => `${name} is not in the document`),
    ...[...documented].filter((name) => !shown.has(name)).map((name) => `${name} is in the document, and no route`)
  ]
}
