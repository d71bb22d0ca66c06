/**
 * Stage 6, the decision: a rule, evaluated for a caller. Claims are evaluated first; only where they leave the decision open are policies called,
 * and groups that do not fit into the token looked up.
 */

import type { Principal, UserPrincipal } from '../claims/principal.js'
import { callAbout } from '../lib/bounded-calls.js'
import { loggedError } from '../lib/logged-error.js'
import { maxWaitSeconds, OutageError } from '../lib/outages.js'
import { type Refusal, type RefusalCode, refusal } from '../refusals/refusal.js'
import { refusalIn } from '../refusals/refusal-error.js'
import { asItIs, type ScopeName } from '../refusals/scope-name.js'
import { appOnlyHint } from './app-only.js'
import { type Combined, isMissing, joined, type Missing, passes, type Unshown, verdictOf } from './evaluate-claims.js'
import { groupNamesHint } from './group-names.js'
import { type Context, describe, type Policy, type Rule, scopesOf } from './rules.js'
import { stepUpRefusal } from './step-up.js'

/**
 * All groups of a user, by their IDs, wherever they are kept.
 *
 * @param rule that is evaluated: it may name groups that no declared guard names
 */
export type GroupsOf = (principal: UserPrincipal, request: Context, rule: Rule) => Promise<readonly string[]>

/** What a rule is evaluated with. */
interface Question {
  /** The whole rule, of which parts are evaluated one after the other. */
  readonly rule: Rule
  readonly principal: Principal
  readonly request: Context
  readonly groupsOf: GroupsOf | undefined
  readonly policySeconds: number
  readonly scopeName: ScopeName
}

/**
 * Evaluates a rule for a caller. Resolves to nothing when the request passes.
 *
 * @param policySeconds how long a policy may take
 * @param scopeName the name by which a client requests a scope. Default: its short name
 */
export async function ruleRefusal(
  rule: Rule,
  principal: Principal,
  request: Context,
  groupsOf?: GroupsOf,
  policySeconds = 5,
  scopeName: ScopeName = asItIs
): Promise<Refusal | undefined> {
  const verdict = await ask(rule, { rule, principal, request, groupsOf, policySeconds, scopeName })
  if (verdict === passes) return undefined
  return isMissing(verdict) ? refusalOf(rule, verdict, principal, scopeName) : verdict
}

/** The refusal where claims alone deny a rule, with all that is missing; `undefined` where they allow it, or leave it open. */
export function claimsRefusal(rule: Rule, principal: Principal, scopeName: ScopeName): Refusal | undefined {
  const verdict = verdictOf(rule, principal, scopeName)
  return isMissing(verdict) ? refusalOf(rule, verdict, principal, scopeName) : undefined
}

/** The code, and how the operator can make tokens show it. */
const unshownFacts: Readonly<Record<Unshown, { readonly code: RefusalCode; readonly words: string }>> = {
  membership: {
    code: 'membership_unknown',
    words:
      "the token does not show whether the user is a member. Switch on the optional claim acct for access tokens in this API's registration."
  },
  agent: {
    code: 'agent_unknown',
    words:
      "the token does not show whether an AI agent acts. Switch on the optional claims xms_act_fct and xms_sub_fct for access tokens in this API's registration; a token that has both has a value in them that this API does not know."
  }
}

function refusalOf(
  rule: Rule,
  { words, stepUp, unshown }: Missing,
  principal: Principal,
  scopeName: ScopeName
): Refusal {
  const required = describe(rule, scopeName)
  const unmet = words === required ? 'the token does not satisfy that' : `missing: ${words}`
  const requires = `This route requires ${required};`
  const stronger = stepUp && stepUpRefusal(stepUp, principal, `${requires} ${unmet}.`)
  if (stronger) return stronger
  const scopes = helpfulScopes(rule, principal).map(scopeName)
  const { code, words: why } = unshown
    ? unshownFacts[unshown]
    : {
        code: 'insufficient_permissions' as const,
        words: `${unmet}.${groupNamesHint(rule, principal)}${appOnlyHint(rule, principal)}`
      }
  return refusal(code, { detail: `${requires} ${why}`, ...(scopes.length > 0 && { scopes }) })
}

/**
 * The scopes that a rule requires (RFC 6750 §3: `scope` is what the resource requires), if one of them is missing; none if further
 * scopes would not help.
 */
function helpfulScopes(rule: Rule, { scopes }: Principal): readonly string[] {
  const required = scopesOf(rule)
  return required.every((scope) => (scopes as readonly string[]).includes(scope)) ? [] : required
}

/** Claims first, and then what they leave open: one after the other, and no further than needed. */
async function ask(rule: Rule, question: Question): Promise<typeof passes | Missing | Refusal> {
  const verdict = verdictOf(rule, question.principal, question.scopeName)
  if (verdict !== 'open') return verdict
  switch (rule.kind) {
    case 'policy':
      return evaluatePolicy(rule, question)
    case 'anyOf':
      return evaluateAny(rule, question)
    case 'allOf':
      return evaluateAll(rule, question)
    default:
      return evaluateGroups(rule as Extract<Rule, { kind: 'group' }>, question)
  }
}

const no = (rule: Rule, { scopeName }: Question): Missing => ({
  words: describe(rule, scopeName),
  stepUp: undefined,
  unshown: undefined
})

/** Its result is valid for this request only, so it is neither shared nor cached. */
async function evaluatePolicy(rule: Extract<Rule, { kind: 'policy' }>, question: Question) {
  const { principal, request, policySeconds } = question
  try {
    const name = `the policy ${rule.name}`
    const bounds = { what: rule, name, kind: 'policy', timeoutSeconds: policySeconds }
    const answer = callAbout(principal, bounds, () => (rule.allows as Policy)(principal, request))
    return (await answer) === true ? passes : no(rule, question)
  } catch (error) {
    request.log.error({ err: loggedError(error), policy: rule.name }, 'a policy failed')
    return refusal('policy_unavailable', { retryAfterSeconds: 1 })
  }
}

/** Overage means unknown, never "in no group" (Microsoft: "Access token claims reference", groups overage claim). */
async function evaluateGroups(rule: Extract<Rule, { kind: 'group' }>, question: Question) {
  const { principal, request, groupsOf, rule: whole } = question
  try {
    if (!groupsOf) throw new Error('the option "groups", with which to look them up, is not set')
    const groups = await groupsOf(principal as UserPrincipal, request, whole)
    return groups.includes(rule.name) ? passes : no(rule, question)
  } catch (error) {
    request.log.error({ err: loggedError(error), group: rule.name }, 'the groups of a user could not be looked up')
    return refusal('groups_unavailable', { retryAfterSeconds: retryAfterOf(error) })
  }
}

/** The service that was queried for groups may have sent it; bounded, as it is only an estimate. */
function retryAfterOf(error: unknown): number {
  const said = error instanceof OutageError ? error.retryAfterSeconds : refusalIn(error)?.retryAfterSeconds
  return Math.min(maxWaitSeconds, Math.max(1, said ?? 1))
}

/** Until one passes. An unavailable answer outweighs a denial: it might have allowed the request. */
async function evaluateAny(rule: Combined, question: Question): Promise<typeof passes | Missing | Refusal> {
  const missing: Missing[] = []
  let unknown: Refusal | undefined
  for (const each of rule.rules) {
    const verdict = await ask(each, question)
    if (verdict === passes) return passes
    if (isMissing(verdict)) missing.push(verdict)
    else unknown = verdict
  }
  return unknown ?? joined(rule, missing)
}

/** Until one denies: a denial is sufficient, whatever could not be evaluated. */
async function evaluateAll(rule: Combined, question: Question): Promise<typeof passes | Missing | Refusal> {
  let unknown: Refusal | undefined
  for (const each of rule.rules) {
    const verdict = await ask(each, question)
    if (isMissing(verdict)) return verdict
    if (verdict !== passes) unknown ??= verdict
  }
  return unknown ?? passes
}
