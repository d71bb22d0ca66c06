/** Rules that a principal must satisfy, as data: for the decision, the challenge and the documents. */

import type { ClientAuth, Principal } from '../claims/principal.js'
import type { Logger } from '../lib/logger.js'
import { hasOwn } from '../lib/own.js'
import { asItIs, type ScopeName } from '../refusals/scope-name.js'

/** What policies and lookups get beside the principal: the request, or what the application has instead of one. */
export interface Context {
  readonly log: Logger
}

/** Decides what claims alone cannot. Return `true` to allow the request; anything else denies it. */
export type Policy<Request = Context> = (principal: Principal, request: Request) => boolean | Promise<boolean>

/** A permission that the tenant grants by this name. */
export interface PermissionRule {
  readonly kind: 'scope' | 'role' | 'appPermission'
  readonly name: string
  /** What it allows, for documents; present when it was declared with a description. */
  readonly description?: string
}

/** What a guard requires. */
export type Rule =
  | PermissionRule
  | { readonly kind: 'user' | 'app' | 'member' | 'agent' | 'human' }
  | { readonly kind: 'client' | 'tenant' | 'authContext'; readonly name: string }
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'clientAuth'; readonly name: ClientAuth }
  | { readonly kind: 'authAge'; readonly maxAgeSeconds: number }
  | { readonly kind: 'policy'; readonly name: string; readonly allows: Policy<never> }
  | { readonly kind: 'anyOf' | 'allOf'; readonly rules: readonly Rule[] }

/** The permissions in a rule, in their order. */
export function permissionsIn(rule: Rule): readonly PermissionRule[] {
  if (hasOwn(rule, 'rules')) return rule.rules.flatMap(permissionsIn)
  return rule.kind === 'scope' || rule.kind === 'role' || rule.kind === 'appPermission' ? [rule] : []
}

/** Whether a rule is of this kind, or contains one. */
export function mentions(rule: Rule, kind: Rule['kind']): boolean {
  return rule.kind === kind || (hasOwn(rule, 'rules') && rule.rules.some((each) => mentions(each, kind)))
}

/** The scopes in a rule, each once, for the challenge (RFC 6750 §3). */
export function scopesOf(rule: Rule): readonly string[] {
  const scopes = permissionsIn(rule).filter(({ kind }) => kind === 'scope')
  return [...new Set(scopes.map(({ name }) => name))]
}

/**
 * A rule in words, for refusals and documents.
 *
 * @param scopeName the name by which a client requests a scope. Default: its short name
 */
export function describe(rule: Rule, scopeName: ScopeName = asItIs): string {
  switch (rule.kind) {
    case 'scope':
      return `the scope ${scopeName(rule.name)}`
    case 'role':
      return `the role ${rule.name}, held by a user`
    case 'appPermission':
      return `the application permission ${rule.name}`
    case 'user':
      return 'a user'
    case 'app':
      return 'an app-only token'
    case 'member':
      return 'a user who is a member of the directory (no guest, no AI agent)'
    case 'agent':
      return 'an AI agent'
    case 'human':
      return 'a user who is a person (no AI agent)'
    case 'client':
      return `the client application ${rule.name}`
    case 'tenant':
      return `the tenant ${rule.name}`
    case 'group':
      return `a user in the group ${rule.name}`
    case 'authContext':
      return `a sign-in with the authentication context ${rule.name}`
    case 'authAge':
      return `a sign-in within the last ${rule.maxAgeSeconds} seconds`
    case 'clientAuth':
      return rule.name === 'none' ? 'a public client' : `a client that authenticated by ${rule.name}`
    case 'policy':
      return `the policy ${rule.name}`
    default:
      return inWords(
        rule.rules.map((each) => describe(each, scopeName)),
        rule
      )
  }
}

/**
 * The description of several rules as one, in parentheses within other rules.
 *
 * @param words the description of each rule
 */
export function inWords(words: readonly string[], { kind, rules }: Extract<Rule, { rules: readonly Rule[] }>): string {
  const isNested = (text: string) => rules.some((rule) => hasOwn(rule, 'rules')) && /, (or|and) /.test(text)
  return words
    .map((text) => (isNested(text) && words.length > 1 ? `(${text})` : text))
    .join(kind === 'anyOf' ? ', or ' : ', and ')
}
