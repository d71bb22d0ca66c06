/**
 * Who satisfies a rule, and who does not: by reading what the rule says. The evaluation that requests go through is not used, as it is what is
 * tested.
 */
import type { Rule } from '../authorization/rules.js'
import type { ClientAuth } from '../claims/principal.js'
import { hasOwn } from '../lib/own.js'

/** What a caller has that rules are about. Absent: it does not matter. */
export interface Facts {
  readonly kind?: 'user' | 'app'
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  readonly groups: readonly string[]
  readonly authContexts: readonly string[]
  readonly isMember?: boolean
  readonly clientId?: string
  readonly tenantId?: string
  readonly clientAuth?: ClientAuth
  /** Whether the token says when the user signed in, which is now. */
  readonly showsSignIn?: boolean
}

const nothing: Facts = { scopes: [], roles: [], groups: [], authContexts: [] }

/** Each way to satisfy a rule, with its policies granted. */
export function waysToPass(rule: Rule): readonly Facts[] {
  if (rule.kind === 'anyOf') return rule.rules.flatMap(waysToPass)
  if (rule.kind === 'allOf')
    return rule.rules
      .map(waysToPass)
      .reduce((some, more) => some.flatMap((one) => more.flatMap((other) => together(one, other) ?? [])), [nothing])
  return [{ ...nothing, ...needs(rule) }]
}

function needs(rule: Rule): Partial<Facts> {
  switch (rule.kind) {
    case 'scope':
      return { kind: 'user', scopes: [rule.name] }
    case 'role':
      return { kind: 'user', roles: [rule.name] }
    case 'appPermission':
      return { kind: 'app', roles: [rule.name] }
    case 'user':
    case 'app':
      return { kind: rule.kind }
    case 'member':
      return { kind: 'user', isMember: true }
    case 'group':
      return { kind: 'user', groups: [rule.name] }
    case 'authContext':
      return { kind: 'user', authContexts: [rule.name] }
    case 'authAge':
      return { kind: 'user', showsSignIn: true }
    case 'client':
      return { clientId: rule.name }
    case 'tenant':
      return { tenantId: rule.name }
    case 'clientAuth':
      return { clientAuth: rule.name }
    default:
      return {} // a policy
  }
}

const single = ['kind', 'isMember', 'clientId', 'tenantId', 'clientAuth', 'showsSignIn'] as const

/** Both at once, unless they contradict each other. */
function together(one: Facts, other: Facts): Facts | undefined {
  if (single.some((name) => one[name] !== undefined && other[name] !== undefined && one[name] !== other[name]))
    return undefined
  return {
    ...one,
    ...other,
    scopes: [...one.scopes, ...other.scopes],
    roles: [...one.roles, ...other.roles],
    groups: [...one.groups, ...other.groups],
    authContexts: [...one.authContexts, ...other.authContexts]
  }
}

/** Whether someone has all of it, and is known by everything that a rule can be about. */
export function isPassedBy(rule: Rule, someone: Facts): boolean {
  return waysWithoutPolicies(rule).some((way) => {
    const lists = ['scopes', 'roles', 'groups', 'authContexts'] as const
    return (
      single.every((name) => way[name] === undefined || way[name] === someone[name]) &&
      lists.every((name) => way[name].every((each) => someone[name].includes(each)))
    )
  })
}

/** The same with all policies denied. */
function waysWithoutPolicies(rule: Rule): readonly Facts[] {
  const granted = withoutPolicies(rule)
  return granted ? waysToPass(granted) : []
}

/** What is left of a rule whose policies deny; nothing if they alone decide. */
function withoutPolicies(rule: Rule): Rule | undefined {
  if (rule.kind === 'policy') return undefined
  if (!hasOwn(rule, 'rules')) return rule
  const rules = rule.rules.map(withoutPolicies)
  const left = rules.filter((each) => each !== undefined)
  return left.length === 0 || (rule.kind === 'allOf' && left.length < rules.length)
    ? undefined
    : { ...rule, rules: left }
}

/** The names of the policies in a rule. */
export function policiesIn(rule: Rule): readonly string[] {
  if (hasOwn(rule, 'rules')) return rule.rules.flatMap(policiesIn)
  return rule.kind === 'policy' ? [rule.name] : []
}

/** Whether a sign-in can satisfy a part of the rule, so that the refusal may be a challenge. */
export function asksForSignIn(rule: Rule): boolean {
  if (hasOwn(rule, 'rules')) return rule.rules.some(asksForSignIn)
  return rule.kind === 'authContext' || rule.kind === 'authAge'
}
