/**
 * Guards in the config of routes that the plugin does not protect. Nothing calls such a guard, so the route would be open: it throws at
 * startup instead.
 */
import { subscribe } from 'node:diagnostics_channel'
import type { FastifyContextConfig, FastifyInstance } from 'fastify'
import { mentionsGuard } from '../authorization/guard.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { watcherMark } from '../lib/marks.js'
import { hooksOf, rootOf, watchNotFoundHandlers } from './internals.js'
import { refuseUnknownAuth } from './route-auth.js'

/**
 * Watches every Fastify instance that is created after this module is loaded (Fastify: "Hooks", diagnostics channel
 * `fastify.initialization`). The plugin itself sees neither the routes of its parent's scopes, nor those declared before it.
 */
export function watchUnprotectedGuards(): void {
  subscribe('fastify.initialization', (message) => watch((message as { readonly fastify: FastifyInstance }).fastify))
}

/** Watches an app that was created before this module was loaded, from now on. */
export function watchRoot(scope: FastifyInstance): void {
  watch(rootOf(scope))
}

const watched = new WeakSet<object>()

function watch(app: FastifyInstance): void {
  if (watched.has(app)) return
  watched.add(app)
  const found: Stated[] = []
  app.addHook('onRoute', function (route) {
    found.push({ where: `${route.method} ${route.url}`, held: route, scope: this, isRoute: true })
  })
  watchNotFoundHandlers(app, (scope, options) => {
    found.push({ where: `the not-found handler of ${scope.prefix || '/'}`, held: options, scope, isRoute: false })
  })
  app.addHook('onReady', async () => {
    for (const each of found.splice(0)) refuseUnprotected(each)
  })
}

/** A config, and where it is. */
interface Stated {
  /** For a message. */
  readonly where: string
  /** What has the config; other plugins may change it until the app is ready. */
  readonly held: { readonly config?: FastifyContextConfig }
  readonly scope: FastifyInstance
  /** False for a not-found handler, which the plugin sees nowhere else. */
  readonly isRoute: boolean
}

/** @throws EntraConfigurationError with the route */
function refuseUnprotected({ where, held: { config }, scope, isRoute }: Stated): void {
  const isProtected = [hooksOf(scope).onRoute].flat().some((hook) => Object.hasOwn(Object(hook), watcherMark))
  if ((isRoute || !isProtected) && !mentionsGuard(config?.auth)) return // inherited or not
  refuseUnknownAuth(config, where) // a route that was declared before the plugin is checked here first
  if (isProtected) return
  const fix = 'register the plugin there, or in a scope around it, before that scope is created'
  throw new EntraConfigurationError(`${where} has a guard in config.auth where fastify-entra is not registered; ${fix}`)
}
