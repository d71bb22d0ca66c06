import { contoso } from '../directory/contoso.js'
import type { Client, Directory, User } from '../directory/directory.js'
import { fabrikam } from '../directory/fabrikam.js'

/** A user of a tenant: a member or a guest. */
export interface Account {
  readonly tenantId: string
  readonly user: User
}

/** Where users sign in and clients get tokens (Microsoft: "Authority"): one tenant, or an alias for all of them. */
export interface Authority {
  /** The first segment of its paths. */
  readonly name: string
  /** The tenant in its issuer: a tenant's ID or, for an alias, the placeholder for a token's `tid`. */
  readonly tenantId: string
  readonly clients: readonly Client[]
  readonly accounts: readonly Account[]
}

export const directories: readonly Directory[] = [contoso, fabrikam]

export const tenants: readonly Authority[] = directories.map(({ tenantId, clients, users }) => ({
  name: tenantId,
  tenantId,
  clients,
  accounts: users.map((user) => ({ tenantId, user }))
}))

/** All users sign in here with their home account: a guest's is in the tenant it lives in. */
export const common: Authority = {
  name: 'common',
  tenantId: '{tenantid}',
  clients: [...new Map(tenants.flatMap(({ clients }) => clients).map((client) => [client.clientId, client])).values()],
  accounts: tenants.flatMap(({ accounts }) => accounts).filter(({ user }) => user.homeTenantId === undefined)
}

/** As `/common`, without personal accounts, of which there are none here anyway. */
export const organizations: Authority = { ...common, name: 'organizations' }

/** A user's account at an authority. A user name is the same in every tenant, since its domain belongs to one. */
export function accountOf({ accounts }: Authority, username: string | undefined): Account | undefined {
  return accounts.find(({ user }) => user.username === username)
}

/** An application in a tenant, with its service principal there. */
export function clientOf(tenantId: string, clientId: string | undefined): Client | undefined {
  const directory = directories.find((candidate) => candidate.tenantId === tenantId)
  return directory?.clients.find((client) => client.clientId === clientId)
}

/** The name of an application at an authority; the authorization server knows no others. */
export function appName(clients: readonly Client[], clientId: unknown): string {
  return String(clients.find((client) => client.clientId === clientId)?.name)
}
