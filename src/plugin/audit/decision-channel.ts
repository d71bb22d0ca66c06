/** Publishes each decision by its route, without the caller, for metrics, while there is a subscriber. Nothing is counted here. */
import { channel } from 'node:diagnostics_channel'
import { describe, type Rule } from '../authorization/rules.js'
import type { RefusalCode } from '../refusals/refusal.js'

/** Name of the channel (Node: `diagnostics_channel`) on which every {@link DecisionEvent} is published. */
export const decisionChannelName = 'fastify-entra.decision'

/**
 * A guard allowed or denied a caller, or a token was refused before any guard. All members are of the program: there are as many of each as
 * it has routes, guards and codes, whatever callers send. The event of a guard that a route declares is frozen, and the same object for
 * each request that it allows.
 */
export interface DecisionEvent {
  readonly outcome: 'allowed' | 'denied' | 'refused'
  /** Method and pattern of the route; absent where there is no request. */
  readonly route?: string
  /** The name that `declareOperation()` got, if the decision is about an operation. */
  readonly operation?: string
  /** What the guard requires, if it allowed the caller; of a guard that no route or operation declares, its kind alone. */
  readonly rule?: string
  /** Why the caller was denied or refused. */
  readonly code?: RefusalCode
}

/** Where a decision was made, as far as it is published. */
export interface Place {
  /** `undefined` where there is no request. */
  readonly where: { readonly route: string } | undefined
  /** The declared operation, if the decision is about one. */
  readonly operation?: string | undefined
  /** The route, if it declares the guard of a rule. Default: there is no route. */
  declaring?(rule: Rule): DeclaringRoute | undefined
}

/** A route, and one of its methods. */
export interface DeclaringRoute {
  /** The same for each request to the route, and of no other. */
  readonly config: object
  readonly method: string
}

const decisions = channel(decisionChannelName)

/** Rules are part of guards, which are made once. */
const descriptions = new WeakMap<Rule, string>()

function descriptionOf(rule: Rule): string {
  const known = descriptions.get(rule)
  if (known !== undefined) return known
  const description = describe(rule)
  descriptions.set(rule, description)
  return description
}

const placeOf = ({ where, operation }: Place) => ({
  ...(where && { route: where.route }),
  ...(operation !== undefined && { operation })
})

type OfMethods = Map<string, DecisionEvent>

/** More than Node.js accepts; but an application may let callers override the method of a request. */
const maxMethods = 64

/** What guards that routes declare publish for each caller whom they allow: made once, as most requests to most APIs are allowed. */
const declared = new WeakMap<object, Map<Rule, OfMethods>>()

function declaredEvent({ config, method }: DeclaringRoute, on: Place, rule: Rule): DecisionEvent {
  const known = declared.get(config)?.get(rule)?.get(method)
  if (known) return known
  const event = Object.freeze(allowedEvent(on, descriptionOf(rule)))
  const ofRoute = declared.get(config) ?? new Map<Rule, OfMethods>()
  const ofRule: OfMethods = ofRoute.get(rule) ?? new Map()
  if (ofRule.size < maxMethods) declared.set(config, ofRoute.set(rule, ofRule.set(method, event)))
  return event
}

const allowedEvent = (on: Place, rule: string): DecisionEvent => ({ outcome: 'allowed', ...placeOf(on), rule })

/** Publishes that a guard allowed a caller. */
export function publishAllowed(on: Place, rule: Rule): void {
  if (!decisions.hasSubscribers) return
  // A route may check an operation with a guard that it declares itself.
  const route = on.operation === undefined ? on.declaring?.(rule) : undefined
  const event = route ? declaredEvent(route, on, rule) : allowedEvent(on, shownOf(on, rule))
  decisions.publish(event)
}

/** A guard that is made while the program runs may name a tenant or a user. */
const shownOf = ({ operation }: Place, rule: Rule) => (operation === undefined ? rule.kind : descriptionOf(rule))

/** Publishes that a caller was denied by a guard, or refused before. */
export function publishRefused(on: Place, outcome: 'denied' | 'refused', code: RefusalCode): void {
  if (!decisions.hasSubscribers) return
  decisions.publish({ outcome, ...placeOf(on), code } satisfies DecisionEvent)
}
