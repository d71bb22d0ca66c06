/** What OpenAPI's `security` cannot express, as extensions of an operation (OpenAPI 3.1 §4.9): roles, permissions, groups, authentication contexts. */

import { describe, type Rule } from '../authorization/rules.js'
import { hasOwn } from '../lib/own.js'

/** Extensions by the kind of rule whose names they list. */
const extensions = {
  role: 'x-roles',
  appPermission: 'x-application-permissions',
  group: 'x-groups',
  authContext: 'x-auth-contexts'
} as const

type Named = Extract<Rule, { kind: keyof typeof extensions }>

/** The extensions of an operation whose guards require this: `x-access` in words, and names in lists. */
export function extensionsOf(rule: Rule): Readonly<Record<string, string | readonly string[]>> {
  const named = namedIn(rule)
  const lists = Object.entries(extensions).map(([kind, name]) => {
    const names = named.filter((each) => each.kind === kind).map((each) => each.name)
    return [name, [...new Set(names)]] as const
  })
  return { 'x-access': describe(rule), ...Object.fromEntries(lists.filter(([, names]) => names.length > 0)) }
}

function namedIn(rule: Rule): readonly Named[] {
  if (hasOwn(rule, 'rules')) return rule.rules.flatMap(namedIn)
  return rule.kind in extensions ? [rule as Named] : []
}
