/** The guards of a route, recorded when it is declared: for documents and hints, never for a decision. */
import type { FastifyContextConfig, FastifyRequest } from 'fastify'
import type { Guard } from '../authorization/guard.js'
import { type Rule, scopesOf } from '../authorization/rules.js'
import { routeGuards } from '../lib/marks.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The guards of a route, recorded when it is declared: for documents and hints, never for a decision. */
    [routeGuards]?: readonly Guard[]
  }
}

/** The guards of a route that were recorded when it was declared. */
export function guardsIn(config: FastifyContextConfig | undefined): readonly Guard[] {
  return (config && Object.hasOwn(config, routeGuards) && config[routeGuards]) || []
}

/** The scopes that the guards of a request's route require. */
export function scopesOfRoute(request: FastifyRequest): readonly string[] {
  return scopesOf(ruleOfRoute(request))
}

/** What the guards of a request's route require together. */
export function ruleOfRoute({ routeOptions }: FastifyRequest): Rule {
  return { kind: 'allOf', rules: guardsIn(routeOptions.config).map(({ rule }) => rule) }
}
