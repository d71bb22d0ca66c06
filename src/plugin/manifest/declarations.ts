/** Compares the permissions in guards with the declarations in `src/server/permissions.ts`. */

import { ManifestFailure } from './failure.js'
import type { Permission, Permissions } from './permissions.js'
import type { Table, Use } from './requirements.js'

const words: Readonly<Record<Table, string>> = {
  scopes: 'scope',
  roles: 'role',
  appPermissions: 'application permission'
}
const tables = Object.keys(words) as readonly Table[]

/** The declaration of a name. A lookup in `permissions` itself could find an inherited member. */
export function declarationOf(permissions: Permissions, table: Table, value: string): Permission | undefined {
  return Object.hasOwn(permissions[table], value) ? permissions[table][value] : undefined
}

/**
 * @returns a sentence for each declared permission that no route requires
 * @throws ManifestFailure when a guard names an undeclared permission, or the directory would refuse a declaration
 */
export function checkDeclarations(permissions: Permissions, uses: readonly Use[]): readonly string[] {
  const { declaredIn } = permissions
  const missing = uses.filter(({ table, value }) => !declarationOf(permissions, table, value))
  if (missing.length > 0) {
    const named = missing.map(({ table, value, route }) => `the ${words[table]} ${value} (${route})`)
    throw new ManifestFailure(1, `${declaredIn} does not declare ${named.join(', ')}`)
  }
  const declared = tables.flatMap((table) => Object.keys(permissions[table]).map((value) => ({ table, value })))
  for (const { table, value } of declared) refuseUnfit(permissions, table, value)
  return declared
    .filter(({ table, value }) => !uses.some((use) => use.table === table && use.value === value))
    .map(({ table, value }) => `${declaredIn} declares the ${words[table]} ${value}, and no route requires it`)
}

/**
 * Microsoft Graph: "appRole resource type", "permissionScope resource type", `value`. The directory treats a scope and an app role of one
 * name as one permission, which must have one ID and one description.
 */
function refuseUnfit(permissions: Permissions, table: Table, value: string): void {
  const { declaredIn } = permissions
  if (value.length > 120 || value.startsWith('.')) {
    const rule = 'a name has at most 120 characters and does not begin with a dot'
    throw new ManifestFailure(
      1,
      `${declaredIn} declares the ${words[table]} ${value}, a name that Entra refuses: ${rule}`
    )
  }
  const own = declarationOf(permissions, table, value)
  const other = tables.find((each) => !agree(own, declarationOf(permissions, each, value)))
  if (other) {
    const both = `the ${words[table]} ${value} and the ${words[other]} ${value}`
    throw new ManifestFailure(
      1,
      `${declaredIn} declares ${both} with different definitions; to Entra they are one permission`
    )
  }
}

function agree(one: Permission | undefined, other: Permission | undefined): boolean {
  const shared = (each: Permission | undefined) => [each?.id, each?.displayName, each?.description].join('\n')
  return !one || !other || shared(one) === shared(other)
}
