/** Stage 6: principal → yes, or which refusal. A guard is a preHandler that can say what it asks for. */
import type { FastifyReply, FastifyRequest, preHandlerAsyncHookHandler } from 'fastify'
import { EntraConfigurationError, isRefusal, type Refusal, refusal } from './errors.js'
import type { Principal } from './types.js'

/** Decides what no claim can: `true` lets the request pass; anything else, a rejected promise included, does not. */
export type Policy = (principal: Principal, request: FastifyRequest) => boolean | Promise<boolean>

/** What a guard asks for, as data: for the decision, the challenge and the documents. */
export type Rule =
  | { readonly kind: 'scope' | 'role' | 'appPermission'; readonly name: string }
  | { readonly kind: 'user' | 'app' }
  | { readonly kind: 'policy'; readonly name: string; readonly allows: Policy }
  | { readonly kind: 'anyOf' | 'allOf'; readonly rules: readonly Rule[] }

/** A preHandler that lets a request pass, or refuses it, and describes itself in {@link Guard.rule}. */
export interface Guard extends preHandlerAsyncHookHandler {
  readonly rule: Rule
}

/** How a guard's refusal is sent; the plugin says. */
export const refuseRequest = Symbol('fastify-entra.refuse')

/** Sends a refusal as the plugin was told to. */
export type Refuse = (request: FastifyRequest, reply: FastifyReply, why: Refusal) => FastifyReply

declare module 'fastify' {
  interface FastifyInstance {
    /** Present where the plugin is registered. */
    [refuseRequest]?: Refuse
  }
}

/**
 * A delegated (user) token whose `scp` holds this scope.
 *
 * @param name the scope's own name, such as `Orders.Read`, without the App ID URI
 * @throws EntraConfigurationError when the name is no scope-token (RFC 6749 §3.3)
 */
export function requireScope(name: string): Guard {
  return guard({ kind: 'scope', name: named(name, 'requireScope') })
}

/**
 * A **user** whose `roles` holds this app role. An app's permission of the same name does not pass.
 *
 * @throws EntraConfigurationError when the name is empty or has spaces
 */
export function requireRole(name: string): Guard {
  return guard({ kind: 'role', name: named(name, 'requireRole') })
}

/**
 * An **app-only** token whose `roles` holds this application permission. A user's role of the same name does not pass.
 *
 * @throws EntraConfigurationError when the name is empty or has spaces
 */
export function requireAppPermission(name: string): Guard {
  return guard({ kind: 'appPermission', name: named(name, 'requireAppPermission') })
}

/** A delegated token: a person stands behind the request. */
export function requireUser(): Guard {
  return guard({ kind: 'user' })
}

/** An app-only token: a service calls for itself. */
export function requireApp(): Guard {
  return guard({ kind: 'app' })
}

/**
 * A function that decides. Only `true`, or a promise of it, passes; when it throws, the answer is 503.
 *
 * @param name what it is called in documents and refusals
 * @throws EntraConfigurationError when the name is empty or has spaces
 */
export function requirePolicy(name: string, allows: Policy): Guard {
  return guard({ kind: 'policy', name: named(name, 'requirePolicy'), allows })
}

/**
 * Passes when any of the guards does. When none does, and one could not be asked, the answer is 503, not 403.
 *
 * @throws EntraConfigurationError when there are none
 */
export function anyOf(...guards: readonly Guard[]): Guard {
  return guard({ kind: 'anyOf', rules: rulesOf(guards, 'anyOf') })
}

/**
 * Passes when all of the guards do; an array of preHandlers says the same.
 *
 * @throws EntraConfigurationError when there are none
 */
export function allOf(...guards: readonly Guard[]): Guard {
  return guard({ kind: 'allOf', rules: rulesOf(guards, 'allOf') })
}

/** Tells a guard from other preHandlers. */
export function isGuard(value: unknown): value is Guard {
  return typeof value === 'function' && 'rule' in value
}

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
      return holds(rule, principal) ? undefined : lacking(rule)
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

type Simple = Extract<Rule, { kind: 'scope' | 'role' | 'appPermission' | 'user' | 'app' }>

function holds(rule: Simple, { kind, scopes, roles }: Principal): boolean {
  switch (rule.kind) {
    case 'scope':
      return kind === 'user' && (scopes as readonly string[]).includes(rule.name)
    case 'role':
      return kind === 'user' && roles.includes(rule.name)
    case 'appPermission':
      return kind === 'app' && roles.includes(rule.name)
    default:
      return kind === rule.kind
  }
}

function lacking(rule: Rule): Refusal {
  const scopes = scopesOf(rule)
  const detail = `This route asks for ${describe(rule)}, and the token does not have it.`
  return refusal('insufficient_permissions', { detail, ...(scopes.length > 0 && { scopes }) })
}

async function policyRefusal(rule: Extract<Rule, { kind: 'policy' }>, principal: Principal, request: FastifyRequest) {
  try {
    return (await rule.allows(principal, request)) === true ? undefined : lacking(rule)
  } catch (error) {
    request.log.error({ err: error, policy: rule.name }, 'a policy could not be asked')
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
  return unknown ?? lacking(rule)
}

/** In turn, until one does not pass. */
async function allOfRefusal(
  rule: Combined,
  principal: Principal,
  request: FastifyRequest
): Promise<Refusal | undefined> {
  for (const each of rule.rules) {
    const answer = await ruleRefusal(each, principal, request)
    if (answer) return answer.status === 503 ? answer : lacking(rule)
  }
  return undefined
}

function guard(rule: Rule): Guard {
  const check: preHandlerAsyncHookHandler = async (request, reply) => {
    const refuse = request.server[refuseRequest]
    if (!refuse) throw new EntraConfigurationError('a guard runs where fastify-entra is not registered')
    const principal = request.principalOrNull
    const answer = principal ? await ruleRefusal(rule, principal, request) : refusal('credentials_missing')
    return isRefusal(answer) ? refuse(request, reply, answer) : undefined
  }
  return Object.assign(check, { rule })
}

/** RFC 6749 §3.3 scope-token; role values follow the same alphabet (Microsoft: "Add app roles", no spaces). */
function named(name: string, by: string): string {
  if (typeof name === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(name)) return name
  throw new EntraConfigurationError(`${by} takes one name without spaces, and got ${JSON.stringify(name)}`)
}

function rulesOf(guards: readonly Guard[], by: string): Rule[] {
  if (guards.length > 0 && guards.every(isGuard)) return guards.map(({ rule }) => rule)
  throw new EntraConfigurationError(`${by} takes one guard or more`)
}
