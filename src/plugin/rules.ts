/** Stage 6, the decision: what may be asked of a principal, and the answer. */
import type { FastifyRequest } from 'fastify'
import { type Refusal, refusal } from './errors.js'
import type { ClientAuth, Principal } from './types.js'

/** Decides what no claim can: `true` lets the request pass; anything else, a rejected promise included, does not. */
export type Policy = (principal: Principal, request: FastifyRequest) => boolean | Promise<boolean>

/** What a guard asks for, as data: for the decision, the challenge and the documents. */
export type Rule =
  | { readonly kind: 'scope' | 'role' | 'appPermission'; readonly name: string }
  | { readonly kind: 'user' | 'app' | 'member' }
  | { readonly kind: 'client' | 'tenant'; readonly name: string }
  | { readonly kind: 'clientAuth'; readonly name: ClientAuth }
  | { readonly kind: 'policy'; readonly name: string; readonly allows: Policy }
  | { readonly kind: 'anyOf' | 'allOf'; readonly rules: readonly Rule[] }

/** Asks a rule about a caller. Resolves to nothing when it passes. */
export async function ruleRefusal(
  rule: Rule,
  principal: Principal,
  request: FastifyRequest
): Promise<Refusal | undefined> {
  switch (rule.kind) {
    case 'anyOf':
      return anyOfRefusal(rule, principal, request)
    case 'allOf':
      return allOfRefusal(rule, principal, request)
    case 'policy':
      return policyRefusal(rule, principal, request)
    default:
      return holds(rule, principal) ? undefined : lacking(rule, principal)
  }
}

/** Scopes that a rule mentions, for the challenge (RFC 6750 §3). */
export function scopesOf(rule: Rule): readonly string[] {
  if (rule.kind === 'anyOf' || rule.kind === 'allOf') return [...new Set(rule.rules.flatMap(scopesOf))]
  return rule.kind === 'scope' ? [rule.name] : []
}

/** A rule in words, for refusals and documents. */
export function describe(rule: Rule): string {
  switch (rule.kind) {
    case 'scope':
      return `the scope ${rule.name}`
    case 'role':
      return `the role ${rule.name}, held by a user`
    case 'appPermission':
      return `the application permission ${rule.name}`
    case 'user':
      return 'a user'
    case 'app':
      return 'an app-only token'
    case 'member':
      return 'a user who is no guest'
    case 'client':
      return `the client application ${rule.name}`
    case 'tenant':
      return `the tenant ${rule.name}`
    case 'clientAuth':
      return rule.name === 'none' ? 'a public client' : `a client that authenticated by ${rule.name}`
    case 'policy':
      return `the policy ${rule.name}`
    case 'anyOf':
      return rule.rules.map(nested).join(', or ')
    case 'allOf':
      return rule.rules.map(nested).join(', and ')
  }
}

function nested(rule: Rule): string {
  return rule.kind === 'anyOf' || rule.kind === 'allOf' ? `(${describe(rule)})` : describe(rule)
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
      return kind === 'user' && !principal.isGuest
    case 'client':
      return principal.clientId === rule.name
    case 'tenant':
      return principal.tenantId === rule.name
    case 'clientAuth':
      return principal.clientAuth === rule.name
    default:
      return kind === rule.kind
  }
}

function lacking(rule: Rule, principal: Principal): Refusal {
  const scopes = helpfulScopes(rule, principal)
  const detail = `This route requires ${describe(rule)}; the token does not satisfy that.`
  return refusal('insufficient_permissions', { detail, ...(scopes.length > 0 && { scopes }) })
}

async function policyRefusal(rule: Extract<Rule, { kind: 'policy' }>, principal: Principal, request: FastifyRequest) {
  try {
    return (await rule.allows(principal, request)) === true ? undefined : lacking(rule, principal)
  } catch (error) {
    request.log.error({ err: error, policy: rule.name }, 'a policy failed')
    return refusal('policy_unavailable', { retryAfterSeconds: 1 })
  }
}

type Combined = Extract<Rule, { kind: 'anyOf' | 'allOf' }>

/** In turn, until one passes. An answer that could not be had weighs more than a no: it might have been a yes. */
async function anyOfRefusal(
  rule: Combined,
  principal: Principal,
  request: FastifyRequest
): Promise<Refusal | undefined> {
  let unknown: Refusal | undefined
  for (const each of rule.rules) {
    const answer = await ruleRefusal(each, principal, request)
    if (!answer) return undefined
    if (answer.status === 503) unknown = answer
  }
  return unknown ?? lacking(rule, principal)
}

/** In turn, until one says no: a no is enough, whatever could not be asked. */
async function allOfRefusal(
  rule: Combined,
  principal: Principal,
  request: FastifyRequest
): Promise<Refusal | undefined> {
  let unknown: Refusal | undefined
  for (const each of rule.rules) {
    const answer = await ruleRefusal(each, principal, request)
    if (answer?.status === 403) return lacking(rule, principal)
    unknown ??= answer
  }
  return unknown
}

/**
 * The scopes that a rule asks for (RFC 6750 §3: `scope` is what the resource requires), where one of them is missing; none
 * where other scopes would not help.
 */
function helpfulScopes(rule: Rule, { scopes }: Principal): readonly string[] {
  const required = scopesOf(rule)
  return required.every((scope) => (scopes as readonly string[]).includes(scope)) ? [] : required
}
