import type { TenantState } from '../authority/state.js'
import { api } from './directory.js'

/** A permission, as an administrator registered it. Grants refer to its ID. */
interface Permission {
  readonly id: string
  readonly displayName: string
  readonly description: string
}

const scopes: Readonly<
  Record<(typeof api.scopes)[number], Permission & { readonly forUsers?: Omit<Permission, 'id'> }>
> = {
  access_as_user: {
    id: '29e6dd10-c2c9-5289-9b92-13bd6c66155b',
    displayName: 'Call the API for a user',
    description: 'Allows the app to call the API for the user who is signed in.',
    forUsers: { displayName: 'Call the API for you', description: 'Allows the app to call the API for you.' }
  },
  'Directory.Read': {
    id: '39166fd3-a1cd-532a-b01b-c06d9c483b73',
    displayName: 'List the users of the directory for an administrator',
    description: 'Allows the app to list the users of the directory for a user who holds the role Admin.'
  }
}

const roles: Readonly<Record<(typeof api.roles)[number], Permission & { readonly heldBy: 'User' | 'Application' }>> = {
  Admin: {
    id: '790ba2b8-9831-5880-9ec2-6614235fd3d9',
    displayName: 'Administrators',
    description: 'May call what is for administrators only, and list the users of the directory.',
    heldBy: 'User'
  },
  'Directory.Read.All': {
    id: '2ba1cbef-2578-5837-a63c-300c8933a692',
    displayName: 'List the users of the directory',
    description: 'Allows the app to list the users of the directory for itself, without a user.',
    heldBy: 'Application'
  }
}

/** Optional claims in tokens for the API (Microsoft: "Optional claims reference"). */
const optionalClaims = ['idtyp', 'acct', 'acrs', 'groups', 'xms_cc']

/** The API's registration as Microsoft Graph shows it (v1.0: "application resource type"), as far as it affects tokens. */
export function registrationOf({
  accessTokenVersion,
  appIdUris
}: Pick<TenantState, 'accessTokenVersion' | 'appIdUris'>) {
  return {
    id: '60000000-0000-4000-8000-000000000001',
    appId: api.clientId,
    displayName: 'api',
    identifierUris: [api.appIdUri, ...appIdUris],
    api: { requestedAccessTokenVersion: accessTokenVersion, oauth2PermissionScopes: api.scopes.map(permissionScope) },
    appRoles: api.roles.map(appRole),
    optionalClaims: { idToken: [], accessToken: optionalClaims.map(optionalClaim), saml2Token: [] },
    groupMembershipClaims: 'SecurityGroup'
  }
}

function permissionScope(value: (typeof api.scopes)[number]) {
  const { id, displayName, description, forUsers } = scopes[value]
  return {
    id,
    value,
    type: forUsers ? 'User' : 'Admin',
    adminConsentDisplayName: displayName,
    adminConsentDescription: description,
    userConsentDisplayName: forUsers?.displayName ?? null,
    userConsentDescription: forUsers?.description ?? null,
    isEnabled: true
  }
}

function appRole(value: (typeof api.roles)[number]) {
  const { heldBy, ...permission } = roles[value]
  return { ...permission, value, allowedMemberTypes: [heldBy], isEnabled: true, origin: 'Application' }
}

function optionalClaim(name: string) {
  return { name, source: null, essential: false, additionalProperties: [] }
}
