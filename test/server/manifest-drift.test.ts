/** A registration beside the code: each difference is a line, and what does not matter is none. */
import t from 'tap'
import {
  anyOf,
  requireAppPermission,
  requireGroup,
  requireMember,
  requireRole,
  requireScope
} from '../../src/plugin/index.js'
import { manifestOf } from '../../src/plugin/manifest/application.js'
import { driftOf } from '../../src/plugin/manifest/drift.js'
import type { Registration } from '../../src/plugin/manifest/registration.js'
import { clientId, declared, route, words } from './manifest-support.js'

const client = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'
const forUsers = { displayName: 'For you', description: 'For you alone' }
const permissions = declared({
  scopes: { Read: { ...words, forUsers }, Write: words },
  roles: { Admin: words },
  appPermissions: { Admin: words, 'Read.All': words },
  preAuthorizedApplications: { [client]: ['Read', 'Write'] }
})
const routes = [
  route('/', requireScope('Read'), requireScope('Write'), requireMember()),
  route('/admin', anyOf(requireRole('Admin'), requireAppPermission('Admin'))),
  route('/all', anyOf(requireAppPermission('Read.All'), requireGroup(clientId)))
]
const publicUrl = 'https://api.example.com/mcp'
const { application } = manifestOf(routes, permissions, clientId, publicUrl)

/** The registration as Graph answers it when it is as the code says. */
function inSync() {
  const { identifierUris, api, appRoles, optionalClaims, groupMembershipClaims } = structuredClone(application)
  return {
    identifierUris: [...identifierUris] as unknown[],
    requestedAccessTokenVersion: api.requestedAccessTokenVersion as unknown,
    scopes: api.oauth2PermissionScopes.map((scope) => ({ ...scope }) as Record<string, unknown>),
    preAuthorizedApplications: (api.preAuthorizedApplications ?? []).map(
      (one) => ({ ...one }) as Record<string, unknown>
    ),
    appRoles: appRoles.map((role) => ({ ...role, origin: 'Application' }) as Record<string, unknown>),
    accessTokenClaims: optionalClaims.accessToken.map((claim) => ({ ...claim }) as Record<string, unknown>),
    groupMembershipClaims: groupMembershipClaims as unknown
  }
}
type Edited = ReturnType<typeof inSync>

const entry = (entries: Record<string, unknown>[], key: string) => {
  const found = entries.find(({ value, name }) => value === key || name === key)
  if (!found) throw new Error(`no ${key}`)
  return found
}
const idOf = (value: string) =>
  [...application.appRoles, ...application.api.oauth2PermissionScopes].find((one) => one.value === value)?.id

t.test('a registration with what the code asks for has no drift, whatever else it has', async (t) => {
  const rows: Record<string, (registration: Edited) => void> = {
    'the same': () => undefined,
    'in another order': (registration) => {
      registration.scopes.reverse()
      registration.appRoles.reverse()
      registration.accessTokenClaims.reverse()
      entry(registration.appRoles, 'Admin').allowedMemberTypes = ['Application', 'User']
    },
    'IDs in upper case': ({ scopes }) => {
      for (const scope of scopes) scope.id = String(scope.id).toUpperCase()
    },
    'empty where it is null': ({ scopes }) => {
      entry(scopes, 'Write').userConsentDescription = ''
    },
    'another identifier URI beside': ({ identifierUris }) => void identifierUris.push('https://contoso.example/api'),
    'further clients that need no consent, and IDs in upper case': ({ preAuthorizedApplications }) => {
      const [one = {}] = preAuthorizedApplications
      const ids = [one.delegatedPermissionIds].flat().map((id) => String(id).toUpperCase())
      preAuthorizedApplications[0] = { appId: client.toUpperCase(), delegatedPermissionIds: [...ids, clientId] }
      preAuthorizedApplications.unshift({ appId: clientId, delegatedPermissionIds: [] }, {})
    },
    'a claim for display': ({ accessTokenClaims }) => void accessTokenClaims.push({ name: 'email' }),
    'a claim as it is written by hand': ({ accessTokenClaims }) => {
      accessTokenClaims[0] = { name: 'idtyp' }
    },
    'idtyp in the tokens of users as well': ({ accessTokenClaims }) => {
      entry(accessTokenClaims, 'idtyp').additionalProperties = ['include_user_token']
    },
    'all groups': (registration) => {
      registration.groupMembershipClaims = 'All'
    },
    'groups of the application': (registration) => {
      registration.groupMembershipClaims = 'DirectoryRole, ApplicationGroup'
    }
  }
  for (const [name, edit] of Object.entries(rows)) {
    const registration = inSync()
    edit(registration)
    t.strictSame(driftOf(application, registration satisfies Registration), [], name)
  }
})

t.test('each difference is a line', async (t) => {
  const rows: [edit: (registration: Edited) => void, line: string][] = [
    [
      (registration) => {
        registration.requestedAccessTokenVersion = null
      },
      'api: requestedAccessTokenVersion is null, and 2 in code'
    ],
    [
      (registration) => {
        registration.identifierUris = ['https://contoso.example/api', publicUrl]
      },
      `identifierUris: api://${clientId} is missing`
    ],
    [({ identifierUris }) => void identifierUris.pop(), `identifierUris: ${publicUrl} is missing`],
    [
      ({ preAuthorizedApplications }) => void preAuthorizedApplications.pop(),
      `api.preAuthorizedApplications: ${client} is missing`
    ],
    [
      ({ preAuthorizedApplications }) => {
        preAuthorizedApplications[0] = { appId: client, delegatedPermissionIds: [idOf('Write')] }
      },
      `api.preAuthorizedApplications: ${client}: the scope Read (${idOf('Read')}) is missing`
    ],
    [({ scopes }) => void scopes.shift(), 'api.oauth2PermissionScopes: Read is missing'],
    [({ appRoles }) => void appRoles.pop(), 'appRoles: Read.All is missing'],
    [({ scopes }) => void scopes.push({ value: 'Old' }), 'api.oauth2PermissionScopes: "Old" is not in code'],
    [({ appRoles }) => void appRoles.push({ value: null, id: 'an-id' }), 'appRoles: "an-id" is not in code'],
    [
      ({ scopes }) => {
        entry(scopes, 'Read').id = '00001111-AAAA-2222-bbbb-3333cccc4444'
      },
      `api.oauth2PermissionScopes: Read: id is "00001111-AAAA-2222-bbbb-3333cccc4444", and "${idOf('Read')}" in code; ` +
        'grants name the ID, so declare it with the permission'
    ],
    [
      ({ scopes }) => {
        entry(scopes, 'Write').type = 'User'
      },
      'api.oauth2PermissionScopes: Write: type is "User", and "Admin" in code'
    ],
    [
      ({ scopes }) => {
        entry(scopes, 'Read').userConsentDisplayName = null
      },
      'api.oauth2PermissionScopes: Read: userConsentDisplayName is null, and "For you" in code'
    ],
    [
      ({ appRoles }) => {
        entry(appRoles, 'Admin').isEnabled = false
      },
      'appRoles: Admin: isEnabled is false, and true in code'
    ],
    [
      ({ appRoles }) => {
        entry(appRoles, 'Admin').allowedMemberTypes = ['User']
      },
      'appRoles: Admin: allowedMemberTypes is ["User"], and ["User","Application"] in code'
    ],
    [
      ({ appRoles }) => {
        entry(appRoles, 'Read.All').description = 'Old words'
      },
      'appRoles: Read.All: description is "Old words", and "What it allows" in code'
    ],
    [({ accessTokenClaims }) => void accessTokenClaims.shift(), 'optionalClaims.accessToken: idtyp is missing'],
    [
      ({ accessTokenClaims }) => {
        entry(accessTokenClaims, 'idtyp').additionalProperties = ['include_user_token', 'other']
      },
      'optionalClaims.accessToken: idtyp: additionalProperties is ["other"], and [] in code'
    ],
    [
      ({ accessTokenClaims }) => {
        entry(accessTokenClaims, 'groups').additionalProperties = ['include_user_token']
      },
      'optionalClaims.accessToken: groups: additionalProperties is ["include_user_token"], and [] in code'
    ],
    [
      ({ accessTokenClaims }) => {
        entry(accessTokenClaims, 'groups').additionalProperties = 'all'
      },
      'optionalClaims.accessToken: groups: additionalProperties is "all", and [] in code'
    ],
    [
      ({ accessTokenClaims }) => {
        entry(accessTokenClaims, 'groups').additionalProperties = ['sam_account_name']
      },
      'optionalClaims.accessToken: groups: additionalProperties is ["sam_account_name"], and [] in code'
    ],
    [
      (registration) => {
        registration.groupMembershipClaims = 'DirectoryRole'
      },
      'groupMembershipClaims is "DirectoryRole", and "SecurityGroup" in code'
    ],
    [
      (registration) => {
        registration.groupMembershipClaims = undefined
      },
      'groupMembershipClaims is null, and "SecurityGroup" in code'
    ]
  ]
  for (const [edit, line] of rows) {
    const registration = inSync()
    edit(registration)
    t.strictSame(driftOf(application, registration), [line], line)
  }
})

t.test('groups that come as roles are drift also where no guard reads groups', async (t) => {
  const plain = manifestOf([route('/')], declared(), clientId).application
  const registration = {
    ...inSync(),
    ...{ scopes: [], appRoles: [], preAuthorizedApplications: [], groupMembershipClaims: null }
  }
  t.strictSame(driftOf(plain, registration), [])
  entry(registration.accessTokenClaims, 'groups').additionalProperties = ['emit_as_roles']
  const line = 'optionalClaims.accessToken: "groups" has emit_as_roles, which turns groups into roles'
  t.strictSame(driftOf(plain, registration), [line])
})
