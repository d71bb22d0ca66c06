/** The registration as infrastructure code: the same data in the words of Terraform's provider and of Bicep's extension. */
import t from 'tap'
import { anyOf, requireAppPermission, requireGroup, requireRole, requireScope } from '../../src/plugin/index.js'
import { manifestOf } from '../../src/plugin/manifest/application.js'
import { toBicep } from '../../src/plugin/manifest/bicep.js'
import { toTerraform } from '../../src/plugin/manifest/terraform.js'
import { clientId, declared, route, words } from './manifest-support.js'

const odd = `It's "odd": C:\\dir \${a} %{b} $c\tend`
const permissions = declared({
  scopes: {
    Read: { ...words, id: 'id-1', forUsers: { displayName: 'For you', description: odd } },
    Write: { ...words, id: 'id-2' }
  },
  roles: { Admin: { ...words, id: 'id-3' } },
  appPermissions: { Admin: { ...words, id: 'id-3' } }
})
const routes = [
  route('/', requireScope('Read'), requireScope('Write'), requireGroup(clientId)),
  route('/admin', anyOf(requireRole('Admin'), requireAppPermission('Admin')))
]
const { application } = manifestOf(routes, permissions, clientId)

t.test('Terraform: azuread_application, as `terraform fmt` leaves it', async (t) => {
  t.equal(
    toTerraform(application, 'An API'),
    `# Written from the guards of the API.
# Provider: hashicorp/azuread, version 3

resource "azuread_application" "api" {
  display_name            = "An API"
  identifier_uris         = ["api://${clientId}"]
  group_membership_claims = ["SecurityGroup"]

  api {
    requested_access_token_version = 2

    oauth2_permission_scope {
      id                         = "id-1"
      value                      = "Read"
      type                       = "User"
      admin_consent_display_name = "Name"
      admin_consent_description  = "What it allows"
      user_consent_display_name  = "For you"
      user_consent_description   = "It's \\"odd\\": C:\\\\dir $\${a} %%{b} $c\\tend"
      enabled                    = true
    }

    oauth2_permission_scope {
      id                         = "id-2"
      value                      = "Write"
      type                       = "Admin"
      admin_consent_display_name = "Name"
      admin_consent_description  = "What it allows"
      enabled                    = true
    }
  }

  app_role {
    id                   = "id-3"
    value                = "Admin"
    display_name         = "Name"
    description          = "What it allows"
    allowed_member_types = ["User", "Application"]
    enabled              = true
  }

  optional_claims {
    access_token {
      name = "idtyp"
    }

    access_token {
      name = "groups"
    }
  }
}
`
  )
})

t.test('Bicep: Microsoft.Graph/applications, whose members are those of Graph', async (t) => {
  const text = toBicep({ ...application, appRoles: [] }, 'An API')
  const [head, body = ''] = text.split("resource api 'Microsoft.Graph/applications@v1.0' = ")
  t.match(head, /\nextension microsoftGraphV1\n\n$/)
  t.equal(
    body,
    `{
  uniqueName: 'api-${clientId}'
  displayName: 'An API'
  identifierUris: [
    'api://${clientId}'
  ]
  api: {
    requestedAccessTokenVersion: 2
    oauth2PermissionScopes: [
      {
        id: 'id-1'
        value: 'Read'
        type: 'User'
        adminConsentDisplayName: 'Name'
        adminConsentDescription: 'What it allows'
        userConsentDisplayName: 'For you'
        userConsentDescription: 'It\\'s "odd": C:\\\\dir \\\${a} %{b} $c\\tend'
        isEnabled: true
      }
      {
        id: 'id-2'
        value: 'Write'
        type: 'Admin'
        adminConsentDisplayName: 'Name'
        adminConsentDescription: 'What it allows'
        isEnabled: true
      }
    ]
  }
  appRoles: []
  optionalClaims: {
    accessToken: [
      {
        name: 'idtyp'
        essential: false
        additionalProperties: []
      }
      {
        name: 'groups'
        essential: false
        additionalProperties: []
      }
    ]
  }
  groupMembershipClaims: 'SecurityGroup'
}
`
  )
})

t.test('clients that are authorized in advance: a resource each in Terraform, a member in Bicep', async (t) => {
  const client = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'
  const withClient = declared({ ...permissions, preAuthorizedApplications: { [client]: ['Read', 'Write'] } })
  const { application } = manifestOf(routes, withClient, clientId, 'https://api.example.com/mcp')
  const terraform = toTerraform(application, 'An API')
  t.match(terraform, `identifier_uris         = ["api://${clientId}", "https://api.example.com/mcp"]`)
  t.equal(
    terraform.slice(terraform.lastIndexOf('\n}\n\n') + 4),
    `resource "azuread_application_pre_authorized" "client-${client}" {
  application_id       = azuread_application.api.id
  authorized_client_id = "${client}"
  permission_ids       = ["id-1", "id-2"]
}
`
  )
  t.match(
    toBicep(application, 'An API'),
    `    preAuthorizedApplications: [
      {
        appId: '${client}'
        delegatedPermissionIds: [
          'id-1'
          'id-2'
        ]
      }
    ]
`
  )
})
