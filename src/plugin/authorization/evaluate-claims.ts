/** A rule, evaluated by claims: allowed, denied with all that is missing, or left open. Pure. */

import type { Principal } from '../claims/principal.js'
import { hasOwn, ownMember } from '../lib/own.js'
import { asItIs, type ScopeName } from '../refusals/scope-name.js'
import { describe, inWords, type Rule } from './rules.js'
import { authAgeSeconds, hasAuthContext, type StepUp } from './step-up.js'

/** What a token may show or not: whether a user is a member, and whether an AI agent acts. */
export type Unshown = 'membership' | 'agent'

/** What a caller lacks. */
export interface Missing {
  /** All of it, and alternatives as such. */
  readonly words: string
  /** Present where a step up alone would do. */
  readonly stepUp: StepUp | undefined
  /** What the token does not show, where another one that shows it would pass. */
  readonly unshown: Unshown | undefined
}

/** `open`: claims do not decide. */
export type Verdict = 'passes' | 'open' | Missing

export const passes = 'passes' as const

/** Distinguishes a denial from other verdicts. */
export const isMissing = (verdict: unknown): verdict is Missing =>
  typeof verdict === 'object' && verdict !== null && Object.hasOwn(verdict, 'words')

/** Whether claims leave a rule open for a caller: it has a policy, or a group that did not fit into the token. */
export const isOpen = (rule: Rule, principal: Principal): boolean => verdictOf(rule, principal, asItIs) === 'open'

/** Evaluates a rule by claims. Pure. */
export function verdictOf(rule: Rule, principal: Principal, scopeName: ScopeName): Verdict {
  if (rule.kind === 'policy') return 'open'
  if (hasOwn(rule, 'rules'))
    return combined(
      rule,
      rule.rules.map((each) => verdictOf(each, principal, scopeName))
    )
  if (rule.kind === 'group' && principal.kind === 'user' && principal.hasMoreGroups && !holds(rule, principal))
    return 'open'
  if (holds(rule, principal)) return passes
  return { words: describe(rule, scopeName), stepUp: stepUpOf(rule, principal), unshown: unshownOf(rule, principal) }
}

/** Several rules as one. */
export type Combined = Extract<Rule, { rules: readonly Rule[] }>

/** All that is missing, once; of alternatives each. */
function combined(rule: Combined, verdicts: readonly Verdict[]): Verdict {
  const isAll = rule.kind === 'allOf'
  const missing = verdicts.filter(isMissing)
  if (isAll ? missing.length > 0 : missing.length === verdicts.length) return joined(rule, missing)
  if (!isAll && verdicts.includes(passes)) return passes
  return verdicts.includes('open') ? 'open' : passes
}

/** What is missing of several rules, as one. */
export function joined(rule: Combined, missing: readonly Missing[]): Missing {
  const steps = missing.map(({ stepUp }) => stepUp)
  const enough = steps.filter((each) => each !== undefined)
  const unshown = missing.map((each) => each.unshown)
  const all = enough.length === steps.length ? enough.reduce(together, {}) : undefined
  return {
    words: inWords(
      missing.map(({ words }) => words),
      rule
    ),
    stepUp: rule.kind === 'allOf' ? all : either(enough),
    unshown: rule.kind === 'allOf' && unshown.includes(undefined) ? undefined : unshown.find(Boolean)
  }
}

/** Of several alternatives the first; if all are contexts, all of them, as a challenge can accept any of several (RFC 9470 §3, `acr_values`). */
function either(steps: readonly StepUp[]): StepUp | undefined {
  const authContexts = steps.flatMap((step) => step.authContexts ?? [])
  const hasAge = steps.some(({ maxAgeSeconds }) => maxAgeSeconds !== undefined)
  return steps.length > 1 && !hasAge ? { authContexts } : steps[0]
}

/** Both at once: of two ages the stricter one; of two contexts the last, as no challenge can require both. The next challenge requires the other. */
function together(one: StepUp, other: StepUp): StepUp {
  const ages = [one.maxAgeSeconds, other.maxAgeSeconds].filter((age) => age !== undefined)
  return { ...one, ...other, ...(ages.length > 0 && { maxAgeSeconds: Math.min(...ages) }) }
}

type Simple = Exclude<Rule, { kind: 'anyOf' | 'allOf' | 'policy' }>

function holds(rule: Simple, principal: Principal): boolean {
  const { kind, scopes, roles } = principal
  switch (rule.kind) {
    case 'scope':
      return kind === 'user' && (scopes as readonly string[]).includes(rule.name)
    case 'role':
      return kind === 'user' && roles.includes(rule.name)
    case 'appPermission':
      return kind === 'app' && roles.includes(rule.name)
    case 'member':
      return kind === 'user' && principal.membership === 'member' && principal.agent === undefined
    case 'agent':
      return ownMember(principal, 'isAgent') === true
    case 'human':
      return kind === 'user' && ownMember(principal, 'isAgent') === false
    case 'client':
      return principal.clientId === rule.name
    case 'tenant':
      return principal.tenantId === rule.name
    case 'group':
      return kind === 'user' && principal.groups.includes(rule.name)
    case 'authContext':
      return kind === 'user' && hasAuthContext(principal, rule.name)
    case 'authAge':
      return kind === 'user' && authAgeSeconds(principal) <= rule.maxAgeSeconds
    case 'clientAuth':
      return ownMember(principal, 'clientAuth') === rule.name
    default:
      return kind === rule.kind
  }
}

/** Of an agent nothing is left to show for guards that refuse agents, nor of an app for those that require a user. */
function unshownOf({ kind: required }: Simple, principal: Principal): Unshown | undefined {
  const { kind, agent, isAgent, provider } = principal
  if (required === 'agent') return isAgent === undefined && provider === 'entra' ? 'agent' : undefined
  if (kind === 'app' || agent) return undefined
  if (required === 'member') return principal.membership === 'unknown' ? 'membership' : undefined
  return required === 'human' && provider === 'entra' ? 'agent' : undefined
}

/** Only a person can sign in again. */
function stepUpOf(rule: Simple, { kind }: Principal): StepUp | undefined {
  if (kind !== 'user') return undefined
  if (rule.kind === 'authContext') return { authContexts: [rule.name] }
  return rule.kind === 'authAge' ? { maxAgeSeconds: rule.maxAgeSeconds } : undefined
}
