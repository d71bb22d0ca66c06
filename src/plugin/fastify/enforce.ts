/** Stage 6, in a request: a guard's rule is evaluated, and the request passes or is refused. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Audit } from '../audit/audit.js'
import { claimsRefusal, type GroupsOf, ruleRefusal } from '../authorization/authorize.js'
import { type GuardHost, tooLate } from '../authorization/guard.js'
import type { Rule } from '../authorization/rules.js'
import type { Principal } from '../claims/principal.js'
import { toLoggableError } from '../lib/logged-error.js'
import { pluginMark, version } from '../lib/marks.js'
import type { RequestProbe } from '../lib/test-network.js'
import { type Refusal, refusal } from '../refusals/refusal.js'
import type { ScopeName } from '../refusals/scope-name.js'
import { guardInConfig } from '../routes/route-auth.js'
import { guardsIn } from '../routes/route-guards.js'
import { isFailing, isRefused, isTooLate, watchAnswers } from './answered.js'
import { RequestOccasion } from './request-occasion.js'
import { principalOf } from './request-principal.js'
import type { Refuse } from './send-refusal.js'

declare module 'fastify' {
  interface FastifyInstance {
    /** Present where the plugin is registered. */
    [pluginMark]?: GuardHost
  }
}

/** What rules are evaluated with. */
export interface GuardHostOptions {
  readonly refuse: Refuse
  readonly allowed: Audit['allowed']
  /** Where groups that did not fit into a token are looked up. */
  readonly groupsOf: GroupsOf | undefined
  /** Deadline of a policy, in seconds. */
  readonly policySeconds: number
  readonly scopeNameFor: (principal: Principal) => ScopeName
  /** Gets each rule that a request satisfied. */
  readonly passed: (request: FastifyRequest, rule: Rule) => void
  /** In tests of applications: follows a request through its guards. */
  readonly probe?: RequestProbe | undefined
}

/**
 * Evaluates guards in `config.auth`, before the preHandlers of the routes: one hook, which routes inherit whenever they are declared, as no
 * hook is added to a route.
 */
export function enforceConfigGuards(app: FastifyInstance): void {
  app.addHook('preHandler', (request, reply, done) => {
    const guard: AsHook | undefined = guardInConfig(request.routeOptions.config)
    if (guard === undefined) done()
    else
      guard(request, reply, done).then(
        () => done(),
        (error) => done(toLoggableError(error))
      )
  })
}

/** As Fastify calls it: with `done`, which tells that no application code called the guard. */
type AsHook = (request: FastifyRequest, reply: FastifyReply, done: unknown) => Promise<void>

/** What guards below this instance of the plugin call. */
export function createGuardHost(options: GuardHostOptions): GuardHost {
  const { refuse, allowed, groupsOf, policySeconds, scopeNameFor, passed, probe } = options
  const refusalOf = async (rule: Rule, request: FastifyRequest, principal: Principal) => {
    const scopeName = scopeNameFor(principal)
    const evaluated = probe?.ruleFor(request, rule) ?? rule
    const why = await ruleRefusal(evaluated, principal, request, groupsOf, policySeconds, scopeName)
    return why && (combinedRefusal(request, principal, rule, why, scopeName) ?? why)
  }
  return Object.freeze<GuardHost>({
    version,
    async enforce(rule, guarded, guardedReply, byHand) {
      const [request, reply] = [guarded as FastifyRequest, guardedReply as FastifyReply]
      if (byHand) watchAnswers(request, reply)
      // In a hook that a refusal waits for, a promise that never settles would leave the request without an answer.
      const fromErrorHandler = request[isFailing]
      if (isTooLate(request, reply)) throw tooLate(request)
      const principal = principalOf(request)
      const why = principal ? await refusalOf(rule, request, principal) : refusal('credentials_missing')
      if (why) refuse(request, reply, why, { fromErrorHandler })
      // Another guard may have refused meanwhile.
      if (why || (request[isRefused] && !fromErrorHandler)) await never()
      else if (principal) {
        passed(request, rule)
        allowed(new RequestOccasion(request), rule)
        if (probe?.satisfied(request, reply, rule)) await never()
      }
    }
  })
}

/**
 * Fastify continues with a request when the promise of a hook settles, and a returned `reply` settles when the client disconnects, though
 * nothing was sent. A new promise each time: a shared one would keep everything that waits for it in memory.
 */
const never = () => new Promise<never>(() => {})

/**
 * Each of several guards knows only its own rule, and a client that learned of them one at a time would get a new token for each. Not used
 * when a policy or lookup denied the request: no other token would help.
 */
function combinedRefusal(
  request: FastifyRequest,
  principal: Principal,
  own: Rule,
  why: Refusal,
  scopeName: ScopeName
): Refusal | undefined {
  const rules = guardsIn(request.routeOptions.config).map(({ rule }) => rule)
  if (rules.length < 2 || !rules.includes(own)) return undefined
  const isOpen = why.status === 503 || claimsRefusal(own, principal, scopeName)
  return isOpen ? claimsRefusal({ kind: 'allOf', rules }, principal, scopeName) : undefined
}
