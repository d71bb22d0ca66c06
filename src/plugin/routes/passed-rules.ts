/** The rules that a request satisfied: they decide again when its caller's token is renewed, and a guard that was replaced is not called again. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Rule } from '../authorization/rules.js'
import { guardsIn } from './route-guards.js'

const passed = Symbol('fastify-entra.passed')

type WithSlot = FastifyRequest & { [passed]: readonly Rule[] }

/** Decorates requests with a place for them. */
export function decoratePassedRules(app: FastifyInstance): void {
  app.decorateRequest(passed, undefined)
}

/** A guard allowed the request. */
export function notePassed(request: FastifyRequest, rule: Rule): void {
  const before = rulesPassed(request)
  if (!before.includes(rule)) (request as WithSlot)[passed] = [...before, rule]
}

/** Whether a guard with this rule allowed the request. */
export function hasPassed(request: FastifyRequest, rule: Rule): boolean {
  return rulesPassed(request).includes(rule)
}

/**
 * The rules of the guards that allowed the request, and of those in its route's config. The config alone is not enough: it lacks guards of routes
 * that were declared before the plugin, those that the application calls by hand, and all where another plugin replaced the config by a copy
 * without symbols.
 */
export function rulesFor(request: FastifyRequest): readonly Rule[] {
  const declared = guardsIn(request.routeOptions.config).map(({ rule }) => rule)
  return [...new Set([...declared, ...rulesPassed(request)])]
}

function rulesPassed(request: FastifyRequest): readonly Rule[] {
  return (request as Partial<WithSlot>)[passed] ?? []
}
