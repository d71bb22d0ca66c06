/**
 * The data of a tenant: a directory of fictional accounts and app registrations. Every identifier is a constant, so that documentation,
 * examples and tests can name it. They are valid only at the embedded tenants.
 */

/** A user account of a directory, or a guest invited into it. */
export interface User {
  readonly oid: string
  readonly username: string
  readonly name: string
  readonly roles: readonly string[]
  readonly groups: readonly string[]
  /** Only for a guest: the home tenant of the account. The guest is a separate object, with its own `oid`. */
  readonly homeTenantId?: string
}

/** An app registration: the same for every tenant that has the application. */
export interface Registration {
  readonly name: string
  readonly clientId: string
  /** Without a secret the client is public, and signs users in (authorization code + PKCE). */
  readonly clientSecret?: string
  readonly redirectUris?: readonly string[]
}

/** A client's app registration together with its service principal in a tenant. */
export interface Client extends Registration {
  /** The service principal's object ID: `oid` and `sub` of the client's app-only tokens. */
  readonly objectId: string
  /** The application permissions an administrator of the tenant has consented to. */
  readonly appRoles: readonly string[]
}

/** A tenant's own data. */
export interface Directory {
  readonly tenantId: string
  readonly clients: readonly Client[]
  readonly users: readonly User[]
}

export const tenantIds = {
  contoso: '10000000-0000-4000-8000-000000000001',
  fabrikam: '10000000-0000-4000-8000-000000000002'
} as const

/** The protected API's app registration: the scopes and app roles it exposes. */
export const api = {
  clientId: '20000000-0000-4000-8000-000000000001',
  appIdUri: 'api://20000000-0000-4000-8000-000000000001',
  scopes: ['access_as_user', 'Directory.Read'],
  roles: ['Admin', 'Directory.Read.All']
} as const

/** Microsoft Graph, as far as the embedded tenants implement it. Its application permissions share no name with the API's. */
export const graph = {
  clientId: '00000003-0000-0000-c000-000000000000',
  appIdUri: 'https://graph.microsoft.com',
  scopes: ['User.Read', 'GroupMember.Read.All', 'Directory.Read.All'],
  roles: ['User.Read.All', 'Application.Read.All', 'GroupMember.Read.All']
} as const

/** The single-page app and the API are in every tenant (Microsoft: "Single and multitenant apps"). */
export const multitenant = {
  spa: {
    name: 'spa',
    clientId: '20000000-0000-4000-8000-000000000002',
    redirectUris: ['http://localhost', 'http://127.0.0.1']
  },
  api: {
    name: 'api',
    clientId: api.clientId,
    clientSecret: 'development-only-api-secret'
  }
} as const

export const groupId = (number: number) => `50000000-0000-4000-8000-${String(number).padStart(12, '0')}`
