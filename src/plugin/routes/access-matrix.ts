/** The access matrix: every route with its rule, once all are declared. */
import type { FastifyInstance, onRouteHookHandler, RouteOptions } from 'fastify'
import { type Guard, isGuard } from '../authorization/guard.js'
import type { Rule } from '../authorization/rules.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { watcherMark } from '../lib/marks.js'
import { refuseSpellings, refuseUndecided } from './access-checks.js'
import { type AccessEntry, accessEntry } from './access-entry.js'
import { type EarlyRoute, earlyRoutes, hooksOf } from './internals.js'
import { authOf, statedAuth } from './route-auth.js'
import { checkRoute, fit, type HooksByName, refuseMisplaced } from './route-config.js'

/**
 * Every route and method in the order of declaration, with who may call it, from the rules that decide, including guards in hooks of the
 * route's scope. A HEAD that Fastify adds to a GET has an entry of its own, right after it; `/` below a prefix has one entry for both of
 * its spellings. Complete once the app is ready; before, it contains the routes declared so far.
 *
 * Routes declared before the plugin was registered come first, as `unknown`. Not included: if the plugin is registered in a scope of its
 * own, routes that this scope declared before; and routes added to a scope that existed before the plugin.
 */
export type AccessMatrix = () => readonly AccessEntry[]

declare module 'fastify' {
  interface FastifyInstance {
    /** Who may call each route. See {@link AccessMatrix}. */
    readonly accessMatrix: AccessMatrix
  }
}

/** A route at the time of onRoute. Hooks of other plugins may change its options later, and Fastify its URL. */
interface Noted {
  readonly route: RouteOptions
  readonly scope: FastifyInstance
  readonly methods: readonly string[]
  readonly url: string
  /** The array in the route's config itself, so that challenges and documents include guards in hooks. */
  readonly guards: Guard[]
}

/**
 * Decorates the app with its matrix, and checks routes: each when it is declared, and all when the app is ready.
 *
 * @param strict whether a route without a guard and `config.auth` is an error
 * @returns the rules of all guards, as they are declared, and the matrix
 */
export function watchRoutes(app: FastifyInstance, strict: boolean): { rules: readonly Rule[]; entries: AccessMatrix } {
  const early = earlyRoutes(app).map((route) => earlyEntry(route, app))
  const noted: Noted[] = []
  const rules: Rule[] = []
  let settled: readonly AccessEntry[] | undefined
  const entries = () => settled ?? Object.freeze([...early, ...noted.flatMap(entriesOf)])

  refuseEarlyGuards(app)
  app.decorate('accessMatrix', entries)
  const watch: onRouteHookHandler = function (route) {
    const guards = checkRoute(route)
    noted.push({ route, scope: this, methods: [route.method].flat(), url: route.url, guards })
    rules.push(...rulesOf(guards))
  }
  app.addHook('onRoute', Object.assign(watch, { [watcherMark]: true }))
  app.addHook('onReady', async () => {
    for (const { route, scope, guards } of noted) {
      refuseMisplaced(hooksOf(scope), `a scope of ${route.method} ${route.url}`)
      guards.splice(0, guards.length, ...checkRoute(route, guardsInHooks(scope)))
    }
    rules.splice(0, rules.length, ...noted.flatMap(({ guards }) => rulesOf(guards)))
    settled = entries()
    refuseSpellings(settled)
    if (!strict) return
    const undecided = noted.filter(({ route, guards }) => guards.length === 0 && statedAuth(route.config) === undefined)
    refuseUndecided(
      undecided.flatMap(entriesOf),
      early.filter(({ auth }) => auth === 'unknown')
    )
  })
  return { rules, entries }
}

/** Guards in hooks for all routes of a scope, which `app.addHook('preHandler', requireRole('Admin'))` adds. */
export function guardsInHooks(scope: FastifyInstance, names: readonly (keyof HooksByName)[] = fit): readonly Guard[] {
  const hooks = hooksOf(scope)
  return names.flatMap((name) => hooks[name] ?? []).filter(isGuard)
}

/** Refuses a guard that runs before the plugin's own hook: it would refuse every request. */
function refuseEarlyGuards(app: FastifyInstance): void {
  if (guardsInHooks(app, ['onRequest']).length === 0) return
  const fix = 'add it as a preHandler, or register the plugin first'
  throw new EntraConfigurationError(
    `a guard in an onRequest hook runs before fastify-entra, which identifies the caller; ${fix}`
  )
}

const rulesOf = (guards: readonly Guard[]) => guards.map(({ rule }) => rule)

function entriesOf({ route, scope, methods, url, guards }: Noted): AccessEntry[] {
  const rules = rulesOf([...new Set([...guardsInHooks(scope), ...guards])])
  const constraints = route.constraints && { constraints: Object.freeze({ ...route.constraints }) }
  return methods.map((method) => accessEntry({ method, url, ...constraints }, authOf(route.config), rules))
}

/** @fastify/cors must be registered first; its single route does not use this plugin, so its entry is known. */
function earlyEntry(route: EarlyRoute, app: FastifyInstance): AccessEntry {
  const ofCors = route.url === '*' && route.method === 'OPTIONS' && app.hasPlugin('@fastify/cors')
  return accessEntry(route, ofCors ? 'required' : 'unknown')
}
