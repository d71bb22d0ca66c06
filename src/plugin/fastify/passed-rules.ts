/** The rules that a request satisfied, which decide again when its caller's token is renewed. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Rule } from '../authorization/rules.js'
import { guardsIn } from '../routes/route-guards.js'

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
