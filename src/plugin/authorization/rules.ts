/** What may be asked of a principal, as data: for the decision, the challenge and the documents. */

import type { ClientAuth, Principal } from '../claims/principal.js'
import type { Logger } from '../lib/logger.js'
import { hasOwn } from '../lib/own.js'

/** What policies and look-ups get beside the principal: the request, or what the application has instead of one. */
export interface Context {
  readonly log: Logger
}

/** Decides what no claim can: `true` lets the request pass; anything else, a rejected promise included, does not. */
export type Policy<Request = Context> = (principal: Principal, request: Request) => boolean | Promise<boolean>

/** A permission, which the tenant grants by this name. */
export interface PermissionRule {
  readonly kind: 'scope' | 'role' | 'appPermission'
  readonly name: string
  /** What it allows, for documents; present where it was declared with one. */
  readonly description?: string
}

/** What a guard asks for. */
export type Rule =
  | PermissionRule
  | { readonly kind: 'user' | 'app' | 'member' }
  | { readonly kind: 'client' | 'tenant' | 'authContext'; readonly name: string }
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'clientAuth'; readonly name: ClientAuth }
  | { readonly kind: 'authAge'; readonly maxAgeSeconds: number }
  | { readonly kind: 'policy'; readonly name: string; readonly allows: Policy<never> }
  | { readonly kind: 'anyOf' | 'allOf'; readonly rules: readonly Rule[] }

/** Permissions that a rule mentions, in their order. */
export function permissionsIn(rule: Rule): readonly PermissionRule[] {
  if (hasOwn(rule, 'rules')) return rule.rules.flatMap(permissionsIn)
  return rule.kind === 'scope' || rule.kind === 'role' || rule.kind === 'appPermission' ? [rule] : []
}

/** Whether a rule of this kind is in it, or is it. */
export function mentions(rule: Rule, kind: Rule['kind']): boolean {
  return rule.kind === kind || (hasOwn(rule, 'rules') && rule.rules.some((each) => mentions(each, kind)))
}

/** Scopes that a rule mentions, each once, for the challenge (RFC 6750 §3). */
export function scopesOf(rule: Rule): readonly string[] {
  const scopes = permissionsIn(rule).filter(({ kind }) => kind === 'scope')
  return [...new Set(scopes.map(({ name }) => name))]
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
      return 'a user who is a member of the directory (no guest, no AI agent)'
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
      return inWords(rule.rules.map(describe), rule)
  }
}

/**
 * What several rules say, as one: in parentheses where they stand within others.
 *
 * @param words of each of the rules that is to be named
 */
export function inWords(words: readonly string[], { kind, rules }: Extract<Rule, { rules: readonly Rule[] }>): string {
  const isNested = (text: string) => rules.some((rule) => hasOwn(rule, 'rules')) && /, (or|and) /.test(text)
  return words
    .map((text) => (isNested(text) && words.length > 1 ? `(${text})` : text))
    .join(kind === 'anyOf' ? ', or ' : ', and ')
}
