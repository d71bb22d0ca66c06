/** Decisions outside a route: a guard is evaluated for a caller who was verified before, by the same code as in a route. */
import type { Occasion } from './audit/audit.js'
import { ruleRefusal } from './authorization/authorize.js'
import { createGroupsOf, type GroupsDependencies } from './authorization/groups.js'
import type { Context, Rule } from './authorization/rules.js'
import type { Principal } from './claims/principal.js'
import { graphFor } from './downstream/graph-access.js'
import type { Engine } from './engine.js'
import { completedFor } from './issuers/claims-challenge.js'
import { systemClock } from './lib/clock.js'
import type { Refusal } from './refusals/refusal.js'
import { TokenRefusedError } from './refusals/refusal-error.js'
import { lapseOf } from './verification/still-valid.js'

/** The lookup of groups for the guards of an app or a verifier, if the option `groups` is set. */
export function groupsLookup(
  { settings: { groups, keysTimeoutSeconds: timeoutSeconds }, downstreams, exchangeJson }: Engine,
  rules: readonly Rule[],
  onBehalfOf: Parameters<typeof graphFor>[2]
) {
  const graph: GroupsDependencies['graphFor'] = graphFor(downstreams, exchangeJson, onBehalfOf)
  return groups && createGroupsOf(groups, { timeoutSeconds, clock: systemClock, rules, graphFor: graph })
}

/** Decides on callers outside routes. */
export interface Authorizer {
  /** Whether the verifier of this app made a principal: a copy, or one of other code, is none of them. */
  isVerified(principal: unknown): principal is Principal
  /**
   * Evaluates a rule for a principal whose token must still be valid, and reports the decision.
   *
   * @throws TokenRefusedError with the refusal that a request with this token would get
   */
  decide(rule: Rule, principal: Principal, context: Context, on: Occasion): Promise<void>
  /**
   * Reports a refusal.
   *
   * @throws TokenRefusedError always
   */
  refuse(why: Refusal, on: Occasion): never
}

/** Creates it. */
export function createAuthorizer(engine: Engine, groupsOf: ReturnType<typeof groupsLookup>): Authorizer {
  const { settings, audit, scopeNameFor, verifier } = engine
  const refuse: Authorizer['refuse'] = (why, on) => {
    audit.refused(on, why)
    throw new TokenRefusedError(completedFor(why, on.principal, verifier.issuers))
  }
  return {
    isVerified: (principal): principal is Principal => verifier.verified.groundsOf(principal) !== undefined,
    async decide(rule, principal, context, on) {
      const lapsed = await lapseOf(principal, verifier, on.log)
      const named = scopeNameFor(principal)
      const why = lapsed ?? (await ruleRefusal(rule, principal, context, groupsOf, settings.keysTimeoutSeconds, named))
      if (why) refuse(why, on)
      audit.allowed(on, rule)
    },
    refuse
  }
}
