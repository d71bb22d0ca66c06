/**
 * Follows requests of {@link expectGuarded} through the plugin, which calls this only with the options of a test tenant. Such a request is
 * of a class that {@link follow} made: nothing that a client, or a hook of the application, sends makes a request one of these.
 */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Rule } from '../authorization/rules.js'
import { hasOwn } from '../lib/own.js'
import type { RequestProbe, TestNetwork } from '../lib/test-network.js'
import { redirect } from '../routes/internals.js'
import { guardsIn } from '../routes/route-guards.js'
import type { TestTenant } from './tenant.js'

/** What becomes of one request. */
export interface Probe {
  /** What policies return, without being called. */
  readonly policies: boolean
  /** The pattern of the route that it reached behind the plugin's hook. */
  route?: string
  /** How far it got: past all guards, or to the handler without one of them. */
  reached?: 'guards' | 'handler'
  /** The rules that it has not satisfied. */
  unmet: Set<Rule>
}

/** What Node.js's request of such a class inherits. */
const followed = Symbol('fastify-entra.followed')
const probes = new WeakMap<object, Probe>()
const tenants = new WeakMap<TestNetwork, TestTenant>()
const apps = new WeakMap<object, readonly TestNetwork[]>()

/**
 * Sends a request, which is followed.
 *
 * @param send sends a request that inherits from a class (light-my-request: the option `Request`)
 */
export async function follow<T>(
  send: (Request: typeof Readable) => PromiseLike<T>,
  policies: boolean
): Promise<{ probe: Probe; response: T }> {
  const probe: Probe = { policies, unmet: new Set() }
  class Followed extends Readable {}
  Object.defineProperty(Followed.prototype, followed, { value: probe })
  return { probe, response: await send(Followed) }
}

/** The tenant of a network. */
export function recordTenant(network: TestNetwork, tenant: TestTenant): void {
  tenants.set(network, tenant)
}

/** The test tenants that an app trusts, by its `app.entra`. */
export function tenantsOf(entra: object): readonly TestTenant[] {
  return (apps.get(entra) ?? []).map((network) => tenants.get(network) as TestTenant)
}

/** Answers a request: no code behind the guards runs. */
function stop(reply: object, probe: Probe, reached: 'guards' | 'handler'): true {
  probe.reached = reached
  ;(reply as FastifyReply).code(204).send()
  return true
}

/** What the plugin calls. */
export const probe: RequestProbe = {
  attach: (entra, networks) => void apps.set(entra, networks),
  entered(raw, reply) {
    const request = raw as FastifyRequest
    const { [followed]: probe } = request.raw as { readonly [followed]?: Probe }
    if (!probe) return false
    probes.set(request, probe)
    probe.route = request.routeOptions.url ?? 'no route'
    probe.unmet = new Set(guardsIn(request.routeOptions.config).map(({ rule }) => rule))
    if (probe.unmet.size === 0) return stop(reply, probe, 'guards')
    redirect(request, () => void stop(reply, probe, 'handler'))
    return false
  },
  ruleFor<R extends object>(request: object, rule: R) {
    const probe = probes.get(request)
    return probe ? (withoutPolicies(rule as R & Rule, probe.policies) as R & Rule) : rule
  },
  satisfied(request, reply, rule) {
    const probe = probes.get(request)
    if (!probe) return false
    probe.unmet.delete(rule as Rule)
    return probe.unmet.size === 0 && stop(reply, probe, 'guards')
  }
}

/** The rule with an answer in place of each policy. */
function withoutPolicies(rule: Rule, answer: boolean): Rule {
  if (rule.kind === 'policy') return { ...rule, allows: () => answer }
  return hasOwn(rule, 'rules') ? { ...rule, rules: rule.rules.map((each) => withoutPolicies(each, answer)) } : rule
}
