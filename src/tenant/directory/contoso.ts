import { type Directory, groupId, multitenant, tenantIds } from './directory.js'

/** The first tenant: where the API is registered. */
export const contoso: Directory = {
  tenantId: tenantIds.contoso,
  clients: [
    {
      ...multitenant.spa,
      objectId: '30000000-0000-4000-8000-000000000002',
      appRoles: []
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
      ...multitenant.api,
      objectId: '30000000-0000-4000-8000-000000000001',
      appRoles: ['User.Read.All', 'Application.Read.All', 'GroupMember.Read.All']
    },
    {
      name: 'terminal',
      clientId: '20000000-0000-4000-8000-000000000006',
      objectId: '30000000-0000-4000-8000-000000000006',
      appRoles: []
    }
  ],
  users: [
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
      homeTenantId: tenantIds.fabrikam
    },
    {
      oid: '40000000-0000-4000-8000-000000000004',
      username: 'groups@contoso.example',
      name: 'Contoso Member of 250 Groups',
      roles: [],
      groups: Array.from({ length: 250 }, (_, index) => groupId(index + 1))
    }
  ]
}
