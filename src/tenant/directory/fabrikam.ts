import { type Directory, groupId, multitenant, tenantIds } from './directory.js'

/** Another organization, which uses the API in its own tenant. One of its users is a guest of Contoso. */
export const fabrikam: Directory = {
  tenantId: tenantIds.fabrikam,
  clients: [
    {
      ...multitenant.spa,
      objectId: '30000000-0000-4000-8000-000000000012',
      appRoles: []
    },
    {
      name: 'fabrikam-daemon',
      clientId: '20000000-0000-4000-8000-000000000005',
      objectId: '30000000-0000-4000-8000-000000000015',
      clientSecret: 'development-only-fabrikam-daemon-secret',
      appRoles: ['Directory.Read.All']
    },
    {
      ...multitenant.api,
      objectId: '30000000-0000-4000-8000-000000000011',
      appRoles: ['User.Read.All', 'GroupMember.Read.All']
    }
  ],
  users: [
    {
      oid: '40000000-0000-4000-8000-000000000011',
      username: 'admin@fabrikam.example',
      name: 'Fabrikam Admin',
      roles: ['Admin'],
      groups: [groupId(1001)]
    },
    {
      oid: '40000000-0000-4000-8000-000000000012',
      username: 'user@fabrikam.example',
      name: 'Fabrikam User',
      roles: [],
      groups: [groupId(1001)]
    },
    {
      oid: '40000000-0000-4000-8000-000000000013',
      username: 'guest@fabrikam.example',
      name: 'Fabrikam Guest',
      roles: [],
      groups: []
    }
  ]
}
