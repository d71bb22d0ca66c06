/**
 * Guards of a route that another plugin's `onRoute` hook replaces, as @fastify/otel does to trace them. The rule is the one that the route was
 * declared with, and it decides each request: if the replacement did not call the guard, the plugin does so after it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { type Guard, isGuard } from '../authorization/guard.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { hooksOf } from './internals.js'
import { hasPassed } from './passed-rules.js'
import { guardInConfig } from './route-auth.js'
import { fit, refuseMisplaced } from './route-config.js'

/** The guards of the routes below one instance of the plugin. */
export class WrappedGuards {
  readonly #declared = new WeakMap<RouteOptions, readonly Guard[]>()
  /** Routes that were declared with a guard in `config.auth`. */
  readonly #inConfig = new WeakSet<RouteOptions>()
  readonly #assured = new WeakMap<object, readonly Guard[]>()

  /** Reads routes before the `onRoute` hooks of plugins that were registered earlier. */
  watch(app: FastifyInstance): void {
    const read = (route: RouteOptions) => {
      // Copies: a hook that writes into the array would write into those of the HEAD that Fastify adds, and of other routes.
      for (const name of fit) {
        const hooks = route[name]
        if (Array.isArray(hooks)) Object.assign(route, { [name]: [...hooks] })
      }
      refuseMisplaced(route, `${route.method} ${route.url}`)
      this.#declared.set(route, visibleIn(route))
      if (guardInConfig(route.config)) this.#inConfig.add(route)
    }
    hooksOf(app).onRoute?.unshift(read)
  }

  /**
   * The guards that a route was declared with. Those that are replaced by now are called again, last of its preHandlers.
   *
   * To be called in an `onRoute` hook.
   */
  assure(route: RouteOptions): readonly Guard[] {
    const declared = this.#declaredIn(route)
    const visible = visibleIn(route)
    const hidden = declared.filter((guard) => !visible.includes(guard))
    if (hidden.length === 0) return declared
    const last = async (request: FastifyRequest, reply: FastifyReply) => {
      for (const guard of hidden) {
        // With a third argument, as Fastify calls a hook.
        if (!hasPassed(request, guard.rule)) await (guard as Hook)(request, reply, undefined)
      }
    }
    this.#assured.set(last, hidden)
    route.preHandler = [...[route.preHandler ?? []].flat(), last]
    return declared
  }

  #declaredIn(route: RouteOptions): readonly Guard[] {
    return [this.#declared.get(route)].flat().filter(isGuard)
  }

  /**
   * Compares the guards that a route was declared with with those that Fastify holds.
   *
   * @throws EntraConfigurationError when one was replaced, and is not called again; or when the one in `config.auth` is gone, as in a copy of
   * the config that left functions out
   */
  check(route: RouteOptions, where: string): void {
    if (this.#inConfig.has(route) && !guardInConfig(route.config)) {
      const lost = `${where} was declared with a guard in config.auth that an onRoute hook removed or replaced`
      throw new EntraConfigurationError(`${lost}; have that hook keep config.auth, or give the guard as a preHandler`)
    }
    const assured = [route.preHandler ?? []].flat().flatMap((hook) => this.#assured.get(hook) ?? [])
    const held = [...visibleIn(route), ...assured]
    if (this.#declaredIn(route).every((guard) => held.includes(guard))) return
    const found = `${where} was declared with a guard that an onRoute hook replaced after fastify-entra read it`
    throw new EntraConfigurationError(
      `${found}; register the plugin of that hook, such as @fastify/otel, before fastify-entra`
    )
  }
}

type Hook = (request: FastifyRequest, reply: FastifyReply, done: undefined) => Promise<void>

const visibleIn = (route: RouteOptions): readonly Guard[] => fit.flatMap((name) => route[name] ?? []).filter(isGuard)
