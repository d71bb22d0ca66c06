/** Who may call one route: its rule, and the rule in words. */

import type { DeclaredOperation } from '../authorization/operation.js'
import { describe, type Rule } from '../authorization/rules.js'
import { hasOwn } from '../lib/own.js'
import type { RouteAuth } from './route-auth.js'

/** A route, for one method, and who may call it; or an operation. */
export interface AccessEntry {
  /** Of HTTP; `operation` for what `app.entra.declareOperation()` declared, which no route has. */
  readonly method: string
  /** The pattern, as declared; the name of an operation. */
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

const ofOperations = 'operation'

/** Creates the entry of an operation. */
export const operationEntry = ({ name, rule }: DeclaredOperation): AccessEntry =>
  accessEntry({ method: ofOperations, url: name }, 'required', [rule])

/** Whether an entry is that of an operation: methods of HTTP that Fastify knows are in upper case. */
export const isOperation = ({ method }: Pick<AccessEntry, 'method'>): boolean => method === ofOperations

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
