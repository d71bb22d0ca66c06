import { issuer } from './authority/endpoints.js'
import { contoso } from './directory/contoso.js'
import { api, type Client, type Directory } from './directory/directory.js'
import { fabrikam } from './directory/fabrikam.js'

/** The description of a tenant, for developers and tests. */
export interface DirectoryDescription {
  readonly tenantId: string
  readonly issuer: string
  readonly clients: readonly Omit<Client, 'objectId'>[]
  readonly users: readonly {
    readonly username: string
    readonly roles: readonly string[]
    readonly groups: readonly string[]
  }[]
}

/** The first tenant, with the API that every tenant has, and the others beside it. */
export interface TenantDescription extends DirectoryDescription {
  readonly api: { readonly clientId: string; readonly scopes: readonly string[]; readonly roles: readonly string[] }
  readonly otherTenants: readonly DirectoryDescription[]
}

/** Describes the tenants at an origin. */
export function describeTenant(origin: string): TenantDescription {
  return {
    ...describeDirectory(origin, contoso),
    api: { clientId: api.clientId, scopes: api.scopes, roles: api.roles },
    otherTenants: [describeDirectory(origin, fabrikam)]
  }
}

function describeDirectory(origin: string, { tenantId, clients, users }: Directory): DirectoryDescription {
  return {
    tenantId,
    issuer: issuer(origin, tenantId, 2),
    clients: clients.map(({ objectId: _, ...client }) => client),
    users: users.map(({ username, roles, groups }) => ({ username, roles, groups }))
  }
}
