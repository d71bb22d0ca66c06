/** What is known of the permissions of an app: the words that its guards have, and those of the module's export `permissions`. */
import { permissionsIn } from '../authorization/rules.js'
import { ownMember } from '../lib/own.js'
import type { Permission, Permissions, Scope } from '../manifest/permissions.js'
import type { AppFacts } from './app-process.js'
import { CommandFailure } from './outcome.js'

type Table = 'scopes' | 'roles' | 'appPermissions'

const kinds = { scopes: 'scope', roles: 'role', appPermissions: 'appPermission' } as const

/**
 * @param module for messages
 * @throws CommandFailure when the export is not what `guardsFor()` takes
 */
export function declaredPermissions({ routes, permissions = {} }: AppFacts, module: string): Permissions {
  if (typeof permissions !== 'object' || permissions === null)
    throw new CommandFailure(`${module}: its export permissions is no object; export what guardsFor() gets`)
  const rules = routes.flatMap(({ rule }) => (rule ? permissionsIn(rule) : []))
  const table = (name: Table): Record<string, Scope> => {
    const used = rules.filter(({ kind }) => kind === kinds[name])
    const declared = namesIn(ownMember(permissions, name))
    const words = new Map<string, unknown>()
    for (const [name, said] of [...used.map(({ name, description }) => [name, description] as const), ...declared])
      words.set(name, said ?? words.get(name))
    return Object.fromEntries([...words].map(([name, said]) => [name, toPermission(name, said)]))
  }
  const apiName = ownMember(permissions, 'apiName')
  const optionalClaims = ownMember(permissions, 'optionalClaims')
  return {
    apiName: typeof apiName === 'string' ? apiName : 'API',
    declaredIn: module,
    ...(Array.isArray(optionalClaims) && { optionalClaims: optionalClaims.map(String) }),
    preAuthorizedApplications: clientsIn(ownMember(permissions, 'preAuthorizedApplications'), module),
    scopes: table('scopes'),
    roles: table('roles'),
    appPermissions: table('appPermissions')
  }
}

/** Names of scopes by client ID. */
function clientsIn(given: unknown = {}, module: string): Readonly<Record<string, readonly string[]>> {
  const isList = (names: unknown) => Array.isArray(names) && names.every((name) => typeof name === 'string')
  if (typeof given === 'object' && given !== null && Object.values(given).every(isList))
    return { ...given } as Record<string, string[]>
  throw new CommandFailure(
    `${module}: preAuthorizedApplications of its export permissions is not allowed; give lists of scopes by client ID`
  )
}

/** A list of names, or names with words. */
function namesIn(given: unknown): readonly (readonly [string, unknown])[] {
  if (Array.isArray(given)) return given.map((name) => [String(name), undefined])
  return Object.entries(Object(given))
}

/** An administrator reads the name itself where nothing else is declared. */
function toPermission(name: string, given: unknown): Permission & Pick<Scope, 'forUsers'> {
  const members = Object(typeof given === 'string' ? { description: given } : given) as Partial<Scope>
  const { displayName = name, description = name, id, forUsers } = members
  return { displayName, description, ...(id !== undefined && { id }), ...(forUsers !== undefined && { forUsers }) }
}
