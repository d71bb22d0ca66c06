/**
 * Hooks of scopes, as the application added them. Plugins that trace hooks, such as @fastify/otel, replace each by a function of their own, in
 * which a guard cannot be recognized.
 */
import type { FastifyInstance } from 'fastify'
import { type Guard, isGuard } from '../authorization/guard.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { hooksOf } from './internals.js'
import { fit, type HooksByName, hookNames } from './route-config.js'

/** What was added to each scope, also to one of several copies of this package. */
const added = new WeakMap<object, { readonly name: string; readonly hook: unknown }[]>()
const watching = new WeakSet<object>()

/** From now on, hooks of this scope and those below are recorded before a plugin that was registered earlier can wrap them. */
export function watchHooks(app: FastifyInstance): void {
  const { addHook } = app as unknown as { addHook: (this: object, name: string, hook: unknown) => unknown }
  const watched = function (this: object, name: string, hook: unknown) {
    const known = added.get(this) ?? []
    added.set(this, known)
    known.push({ name, hook })
    return addHook.call(this, name, hook)
  }
  watching.add(watched)
  Object.assign(app, { addHook: watched })
}

/**
 * The hooks of a scope: those that Fastify holds, and those that were added to it or a scope around it and are held under another function.
 */
export function hooksFor(scope: FastifyInstance): HooksByName {
  const scopes: object[] = []
  for (let each: object | null = scope; each; each = Object.getPrototypeOf(each)) scopes.unshift(each)
  const recorded = scopes.flatMap((each) => added.get(each) ?? [])
  const held = hooksOf(scope)
  return Object.fromEntries(
    hookNames.map((name) => {
      const own = recorded.flatMap((each) => (each.name === name ? [each.hook] : []))
      return [name, [...new Set([held[name] ?? [], own].flat())]]
    })
  )
}

/** Guards in hooks for all routes of a scope, which `app.addHook('preHandler', requireRole('Admin'))` adds. */
export function guardsInHooks(scope: FastifyInstance, names: readonly (keyof HooksByName)[] = fit): readonly Guard[] {
  const hooks = hooksFor(scope)
  return names.flatMap((name) => hooks[name]).filter(isGuard)
}

/**
 * Refuses what replaces `addHook` after the plugin: guards in hooks would be wrapped before they are recorded.
 *
 * @throws EntraConfigurationError with the route
 */
export function refuseReplaced(scope: FastifyInstance, where: string): void {
  if (watching.has(scope.addHook)) return
  const found = `addHook was replaced after fastify-entra was registered, so guards in hooks of ${where} may be hidden`
  throw new EntraConfigurationError(`${found}; register what replaces it, such as @fastify/otel, before fastify-entra`)
}
