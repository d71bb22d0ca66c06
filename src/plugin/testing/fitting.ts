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
  /** Whether an AI agent acts; `unknown` where the token does not show it. */
  readonly isAgent?: boolean | 'unknown'
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
      return { kind: 'user', isMember: true, isAgent: false }
    case 'agent':
      return { isAgent: true }
    case 'human':
      return { kind: 'user', isAgent: false }
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

const single = ['kind', 'isMember', 'isAgent', 'clientId', 'tenantId', 'clientAuth', 'showsSignIn'] as const
const lists = ['scopes', 'roles', 'groups', 'authContexts'] as const

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

/**
 * Whether someone satisfies a rule. Absent facts are facts that they do not have.
 *
 * @param policies what all policies answer
 */
export function isPassedBy(rule: Rule, someone: Facts, policies: boolean): boolean {
  const ways = policies ? waysToPass(rule) : waysWithoutPolicies(rule)
  return ways.some(
    (way) =>
      single.every((name) => way[name] === undefined || way[name] === someone[name]) &&
      lists.every((name) => way[name].every((each) => someone[name].includes(each)))
  )
}

/** A caller who has all facts of one way but one, and which. */
export interface NearMiss {
  readonly facts: Facts
  readonly lacks: string
}

/**
 * Callers who have all of several facts but one.
 *
 * @param others what a caller has of whom nothing is required, by kind
 */
export function nearMisses(way: Facts, others: Readonly<Record<'user' | 'app', Facts>>): readonly NearMiss[] {
  const other = others[way.kind ?? 'user']
  const names = Object.fromEntries(lists.map((name) => [name, [...other[name], ...way[name]]]))
  const all: Facts = { ...other, ...way, ...names }
  const ofSingles = single
    .filter((name) => name !== 'kind' && way[name] !== undefined)
    .map((name) => ({ facts: { ...all, [name]: other[name] }, lacks: `its ${name}` }))
  const ofLists = lists.flatMap((name) =>
    way[name].map((item) => ({
      facts: { ...all, [name]: all[name].filter((each) => each !== item) },
      lacks: `${item} in its ${name}`
    }))
  )
  const but = [...ofSingles, ...ofLists]
  const ofKind = { facts: asOtherKind(all), lacks: `being ${all.kind === 'app' ? 'an app' : 'a user'}` }
  // With one thing alone, a caller without it is an unrelated one.
  return [...(way.kind && but.length > 0 ? [ofKind] : []), ...(but.length > 1 ? but : [])]
}

/** The same names, granted to an app in place of a user, or to a user in place of an app. */
function asOtherKind({ isMember, showsSignIn, scopes, roles, ...all }: Facts): Facts {
  if (all.kind === 'app') return { ...all, kind: 'user', scopes: roles, roles }
  return { ...all, kind: 'app', scopes: [], roles: [...roles, ...scopes], groups: [], authContexts: [] }
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
