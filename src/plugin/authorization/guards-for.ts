/** Guards for permissions that are declared once: an undeclared name does not compile, and throws in plain JavaScript. */

import type { AppPrincipal, Principal, UserPrincipal } from '../claims/principal.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownProperties } from '../lib/own.js'
import { shown } from '../lib/validate.js'
import { type Guard, guard, guardMaker } from './guard.js'
import { requireAppPermission, requireRole, requireScope } from './guards.js'
import type { PermissionRule } from './rules.js'

/** Names of permissions: a list, or an object with the names as keys and descriptions for the OpenAPI document as values. */
export type DeclaredNames = readonly string[] | Readonly<Record<string, string | { readonly description: string }>>

/** The permissions that the guards of an API may name. A list that is left out is empty. */
export interface DeclaredPermissions {
  readonly scopes?: DeclaredNames
  readonly roles?: DeclaredNames
  readonly appPermissions?: DeclaredNames
}

/** The names of a declaration, as a union of strings. */
export type NamesOf<Declared> = Declared extends readonly (infer Name extends string)[]
  ? Name
  : Declared extends object
    ? Extract<keyof Declared, string>
    : never

/** Guards that accept declared names only. */
export interface GuardsFor<Permissions extends DeclaredPermissions> {
  /** As {@link requireScope}. */
  readonly requireScope: (...names: [name: NamesOf<Permissions['scopes']>]) => Guard<UserPrincipal>
  /** As {@link requireRole}. */
  readonly requireRole: (...names: [name: NamesOf<Permissions['roles']>]) => Guard<UserPrincipal>
  /** As {@link requireAppPermission}. */
  readonly requireAppPermission: (...names: [name: NamesOf<Permissions['appPermissions']>]) => Guard<AppPrincipal>
}

/**
 * `requireScope`, `requireRole` and `requireAppPermission` for the names of one API, declared once: an undeclared name does not compile,
 * and throws when the guard is created. Descriptions go into the OpenAPI document.
 *
 *     const { requireScope, requireRole } = guardsFor({
 *       scopes: { 'Orders.Read': 'Read the orders of the caller' },
 *       roles: ['Admin']
 *     })
 *
 * A list in a variable of its own needs `as const`.
 *
 * @throws EntraConfigurationError (the guards do) when a name is not declared
 */
export function guardsFor<const Permissions extends DeclaredPermissions>(
  declared: Permissions
): GuardsFor<Permissions> {
  const { scopes, roles, appPermissions }: DeclaredPermissions = ownProperties(declared)
  return Object.freeze({
    requireScope: declaredOnly(requireScope, scopes),
    requireRole: declaredOnly(requireRole, roles),
    requireAppPermission: declaredOnly(requireAppPermission, appPermissions)
  })
}

type Make<Allowed extends Principal> = (...names: [name: string]) => Guard<Allowed>

function declaredOnly<Allowed extends Principal>(make: Make<Allowed>, declared: DeclaredNames = []) {
  const words = new Map(Array.isArray(declared) ? declared.map((name) => [name, undefined]) : Object.entries(declared))
  return guardMaker((...names: [name: string]): Guard<Allowed> => {
    const made = make(...names)
    const [name] = names
    if (!words.has(name)) {
      const known = [...words.keys()].join(', ') || 'none'
      throw new EntraConfigurationError(
        `${make.name} got ${shown(name)}, and the names declared with guardsFor are ${known}; correct the name, or declare it`
      )
    }
    const description = descriptionOf(words.get(name))
    return description === undefined ? made : guard<Allowed>({ ...(made.rule as PermissionRule), description })
  })
}

const descriptionOf = (words: string | { readonly description: string } | undefined) =>
  typeof words === 'string' ? words : words?.description
