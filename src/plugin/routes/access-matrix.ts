/** The access matrix: every route with its rule, once all are declared. */
import type { FastifyInstance, onRouteHookHandler, RouteOptions } from 'fastify'
import type { Guard } from '../authorization/guard.js'
import { Operations } from '../authorization/operation.js'
import type { Rule } from '../authorization/rules.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { watcherMark } from '../lib/marks.js'
import { refuseSpellings, refuseUndecided } from './access-checks.js'
import { type AccessEntry, accessEntry, operationEntry } from './access-entry.js'
import { guardsInHooks, hooksFor, refuseReplaced, watchHooks } from './hooks.js'
import { type EarlyRoute, earlyRoutes } from './internals.js'
import { authOf, statedAuth } from './route-auth.js'
import { checkRoute, refuseMisplaced } from './route-config.js'
import { isOfCors, recordMatrix } from './scope.js'
import { WrappedGuards } from './wrapped-guards.js'

/**
 * Every route and method in the order of declaration, with who may call it, from the rules that decide, including guards in hooks of the
 * route's scope. A HEAD that Fastify adds to a GET has an entry of its own, right after it; `/` below a prefix has one for each of its
 * spellings, with and without the slash. Complete once the app is ready; before, it contains the routes declared so far.
 *
 * Operations that `app.entra.declareOperation()` declared come last, with the method `operation`, and their name as `url`.
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
  /** Guards that it was declared with, of which other plugins may hold others now. */
  readonly declared: readonly Guard[]
}

/**
 * Decorates the app with its matrix, and checks routes: each when it is declared, and all when the app is ready.
 *
 * @param strict whether a route without a guard and `config.auth` is an error
 */
export function watchRoutes(app: FastifyInstance, strict: boolean): WatchedRoutes {
  const early = earlyRoutes(app).map((route) => earlyEntry(route, app))
  const noted: Noted[] = []
  const rules: Rule[] = []
  const wrapped = new WrappedGuards()
  let settled: readonly AccessEntry[] | undefined
  const operations = new Operations(rules)
  const entries = () =>
    settled ?? Object.freeze([...early, ...noted.flatMap(entriesOf), ...operations.all.map(operationEntry)])

  refuseEarlyGuards(app)
  watchHooks(app)
  wrapped.watch(app)
  recordMatrix(app, entries)
  app.decorate('accessMatrix', entries)
  const watch: onRouteHookHandler = function (route) {
    const declared = wrapped.assure(route)
    const guards = checkRoute(route, declared)
    noted.push({ route, scope: this, methods: [route.method].flat(), url: route.url, guards, declared })
    rules.push(...rulesOf(guards))
  }
  app.addHook('onRoute', Object.assign(watch, { [watcherMark]: true }))
  app.addHook('onReady', async () => {
    for (const each of noted) settle(each, wrapped)
    const ofRoutes = noted.flatMap(({ guards }) => rulesOf(guards))
    rules.splice(0, rules.length, ...ofRoutes, ...operations.all.map(({ rule }) => rule))
    operations.seal()
    settled = entries()
    refuseSpellings(settled)
    if (!strict) return
    const undecided = noted.filter(({ route, guards }) => guards.length === 0 && statedAuth(route.config) === undefined)
    refuseUndecided(
      undecided.flatMap(entriesOf),
      early.filter(({ auth }) => auth === 'unknown')
    )
  })
  return { rules, entries, operations }
}

/** What is known of the routes. */
export interface WatchedRoutes {
  /** The rules of all guards, as they are declared. */
  readonly rules: Rule[]
  readonly entries: AccessMatrix
  readonly operations: Operations
}

/** Checks a route once all hooks and plugins have had their say. */
function settle({ route, scope, guards, declared }: Noted, wrapped: WrappedGuards): void {
  const where = `${route.method} ${route.url}`
  refuseReplaced(scope, where)
  wrapped.check(route, where)
  refuseMisplaced(hooksFor(scope), `a scope of ${where}`)
  guards.splice(0, guards.length, ...checkRoute(route, declared, guardsInHooks(scope)))
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
  const auth = authOf(route.config)
  return methods.flatMap((method) =>
    spellingsOf({ route, scope, url }, method).map((each) =>
      accessEntry({ method, url: each, ...constraints }, auth, rules)
    )
  )
}

/** `/` below a prefix is answered with and without the slash: Fastify calls onRoute for the first, and then changes the URL to the second. */
function spellingsOf({ route, scope, url }: Pick<Noted, 'route' | 'scope' | 'url'>, method: string): readonly string[] {
  if (route.url === url) return [url]
  const { constraints = {} } = route
  return [url, route.url].filter((each) => scope.hasRoute({ method, url: each, constraints }))
}

/** @fastify/cors must be registered first; its single route does not use this plugin, so its entry is known. */
function earlyEntry(route: EarlyRoute, app: FastifyInstance): AccessEntry {
  if (!isOfCors(route, app)) return accessEntry(route, 'unknown')
  return Object.freeze({ ...accessEntry(route, 'required'), callers: callersOfCors })
}

/** The hook of @fastify/cors runs before this plugin's. */
const callersOfCors = 'anyone for what @fastify/cors answers by itself, such as a preflight; otherwise any valid token'
