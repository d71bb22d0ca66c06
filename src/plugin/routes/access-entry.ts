/** Who may call one route: its rule, and the rule in words. */

import { describe, type Rule } from '../authorization/rules.js'
import { hasOwn } from '../lib/own.js'
import type { RouteAuth } from './route-auth.js'

/** A route, for one method, and who may call it. */
export interface AccessEntry {
  readonly method: string
  /** The pattern, as declared. */
  readonly url: string
  /** Fastify's constraints of the route, such as a `version`, if any. */
  readonly constraints?: Readonly<Record<string, unknown>>
  /** `unknown`: declared before the plugin was registered; its declaration is enforced, but not visible here. */
  readonly auth: RouteAuth | 'unknown'
  /** What its guards require: all of them, if several; `undefined` without a guard. */
  readonly rule: Rule | undefined
  /** The same in words. */
  readonly callers: string
}

/** Creates an entry. */
export function accessEntry(
  route: Pick<AccessEntry, 'method' | 'url' | 'constraints'>,
  auth: AccessEntry['auth'],
  rules: readonly Rule[] = []
): AccessEntry {
  const rule = rules.length > 1 ? ({ kind: 'allOf', rules } as const) : rules[0]
  return Object.freeze({ ...route, auth, rule: rule && frozen(rule), callers: callersOf(auth, rule) })
}

/** Freezes the whole rule: it is the guard's own, and changing it would change who may call. */
function frozen(rule: Rule): Rule {
  if (hasOwn(rule, 'rules')) Object.freeze(rule.rules).forEach(frozen)
  return Object.freeze(rule)
}

/** A guard denies unauthenticated requests, whatever `auth` says. */
function callersOf(auth: AccessEntry['auth'], rule: Rule | undefined): string {
  if (auth === 'unknown') return 'not known: declared before fastify-entra was registered'
  if (auth === 'none')
    return rule ? 'nobody: a guard in a hook requires a token, and this route does not inspect any' : 'anyone'
  if (rule) return describe(rule)
  return auth === 'optional' ? 'unauthenticated requests, and any valid token' : 'any valid token'
}
