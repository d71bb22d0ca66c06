import { api, type Client, clients, tenantId, users } from './directory.js'
import { issuer } from './endpoints.js'

/** What the tenant tells a developer, or a test, about itself. */
export interface TenantDescription {
  readonly tenantId: string
  readonly issuer: string
  readonly api: { readonly clientId: string; readonly scopes: readonly string[]; readonly roles: readonly string[] }
  readonly clients: readonly Omit<Client, 'objectId'>[]
  readonly users: readonly {
    readonly username: string
    readonly roles: readonly string[]
    readonly groups: readonly string[]
  }[]
}

/** Describes the tenant at an origin. */
export function describeTenant(origin: string): TenantDescription {
  return {
    tenantId,
    issuer: issuer(origin, 2),
    api: { clientId: api.clientId, scopes: api.scopes, roles: api.roles },
    clients: clients.map(({ objectId: _, ...client }) => client),
    users: users.map(({ username, roles, groups }) => ({ username, roles, groups }))
  }
}
