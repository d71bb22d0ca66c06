/**
 * Guards in the config of routes that the plugin does not protect. Nothing calls such a guard, so the route would be open: it throws at
 * startup instead.
 */
import { subscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { mentionsGuard } from '../authorization/guard.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { watcherMark } from '../lib/marks.js'
import { hooksOf, rootOf } from './internals.js'
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
  const found: { readonly route: RouteOptions; readonly scope: FastifyInstance }[] = []
  app.addHook('onRoute', function (route) {
    found.push({ route, scope: this })
  })
  app.addHook('onReady', async () => {
    for (const { route, scope } of found.splice(0)) refuseUnprotected(route, scope)
  })
}

/** @throws EntraConfigurationError with the route */
function refuseUnprotected(route: RouteOptions, scope: FastifyInstance): void {
  if (!mentionsGuard(route.config?.auth)) return // inherited or not
  const where = `${route.method} ${route.url}`
  refuseUnknownAuth(route.config, where) // a route that was declared before the plugin is checked here first
  if ([hooksOf(scope).onRoute].flat().some((hook) => Object.hasOwn(Object(hook), watcherMark))) return
  const fix = 'register the plugin there, or in a scope around it, before that scope is created'
  throw new EntraConfigurationError(`${where} has a guard in config.auth where fastify-entra is not registered; ${fix}`)
}
