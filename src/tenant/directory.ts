/**
 * What the embedded tenant knows: one directory of fictional accounts and app registrations. Every identifier is a
 * constant so that documentation, examples and tests can name it. Nothing here opens anything but this tenant.
 */

/** A user account of the directory, or a guest invited into it. */
export interface User {
  readonly oid: string
  readonly username: string
  readonly name: string
  readonly roles: readonly string[]
  readonly groups: readonly string[]
  /** Further claims of this account's tokens (Microsoft: "Optional claims reference"). */
  readonly optionalClaims?: Readonly<Record<string, unknown>>
}

/** A client's app registration together with its service principal in this tenant. */
export interface Client {
  readonly name: string
  readonly clientId: string
  /** The service principal's object ID: `oid` and `sub` of the client's app-only tokens. */
  readonly objectId: string
  /** Without a secret the client is public and signs users in (authorization code + PKCE). */
  readonly clientSecret?: string
  /** The application permissions an administrator has consented to. */
  readonly appRoles: readonly string[]
  readonly redirectUris?: readonly string[]
}

export const tenantId = '10000000-0000-4000-8000-000000000001'

/** The tenant the guest's account lives in. */
export const guestTenantId = '10000000-0000-4000-8000-000000000002'

/** The protected API's app registration: the scopes and app roles it exposes. */
export const api = {
  clientId: '20000000-0000-4000-8000-000000000001',
  appIdUri: 'api://20000000-0000-4000-8000-000000000001',
  scopes: ['access_as_user', 'Directory.Read'],
  roles: ['Admin', 'Directory.Read.All']
} as const

/** Microsoft Graph, as far as this tenant plays it. */
export const graph = {
  appIdUri: 'https://graph.microsoft.com',
  scopes: ['User.Read'],
  roles: ['User.Read.All']
} as const

export const clients: readonly Client[] = [
  {
    name: 'spa',
    clientId: '20000000-0000-4000-8000-000000000002',
    objectId: '30000000-0000-4000-8000-000000000002',
    appRoles: [],
    redirectUris: ['http://localhost', 'http://127.0.0.1']
  },
  {
    name: 'daemon',
    clientId: '20000000-0000-4000-8000-000000000003',
    objectId: '30000000-0000-4000-8000-000000000003',
    clientSecret: 'development-only-daemon-secret',
    appRoles: ['Directory.Read.All']
  },
  {
    name: 'daemon-no-roles',
    clientId: '20000000-0000-4000-8000-000000000004',
    objectId: '30000000-0000-4000-8000-000000000004',
    clientSecret: 'development-only-daemon-no-roles-secret',
    appRoles: []
  },
  {
    name: 'api',
    clientId: api.clientId,
    objectId: '30000000-0000-4000-8000-000000000001',
    clientSecret: 'development-only-api-secret',
    appRoles: ['User.Read.All']
  }
]

const groupId = (number: number) => `50000000-0000-4000-8000-${String(number).padStart(12, '0')}`

export const users: readonly User[] = [
  {
    oid: '40000000-0000-4000-8000-000000000001',
    username: 'admin@contoso.example',
    name: 'Contoso Admin',
    roles: ['Admin'],
    groups: [groupId(1), groupId(2)]
  },
  {
    oid: '40000000-0000-4000-8000-000000000002',
    username: 'user@contoso.example',
    name: 'Contoso User',
    roles: [],
    groups: [groupId(1)]
  },
  {
    oid: '40000000-0000-4000-8000-000000000003',
    username: 'guest@fabrikam.example',
    name: 'Fabrikam Guest',
    roles: [],
    groups: [groupId(3)],
    optionalClaims: { acct: 1, idp: `https://sts.windows.net/${guestTenantId}/` }
  },
  {
    oid: '40000000-0000-4000-8000-000000000004',
    username: 'groups@contoso.example',
    name: 'Contoso Member of 250 Groups',
    roles: [],
    groups: Array.from({ length: 250 }, (_, index) => groupId(index + 1))
  }
]
