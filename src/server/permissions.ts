/**
 * What this API can be asked for, in words that administrators and users read before they consent. Guards name it, and take no other
 * names; the OpenAPI document has the words, and `npm run manifest` writes them into the app registration.
 */
import { guardsFor } from '../plugin/index.js'

/** What a permission is called, and what it allows. */
interface Words {
  readonly displayName: string
  readonly description: string
}

/** A role of users, or an application permission (Microsoft Graph: "appRole resource type"). */
export interface Permission extends Words {
  /** The ID that a registration has for it already: grants and assignments name it. Without one it is derived from the name. */
  readonly id?: string
}

/** A scope (Microsoft Graph: "permissionScope resource type"). */
export interface Scope extends Permission {
  /** The words for a user who consents alone. Without them an administrator has to consent. */
  readonly forUsers?: Words
}

/** Everything that guards may name, by name. */
export interface Permissions {
  /** What the registration is called where infrastructure code makes it. */
  readonly apiName: string
  /** Optional claims that policies, `isRevoked` (`xms_cc`, `sid`) or routes read. Those of guards are known. */
  readonly optionalClaims?: readonly string[]
  readonly scopes: Readonly<Record<string, Scope>>
  readonly roles: Readonly<Record<string, Permission>>
  readonly appPermissions: Readonly<Record<string, Permission>>
}

export const permissions = {
  apiName: 'fastify-entra API',
  scopes: {
    access_as_user: {
      displayName: 'Call the API for a user',
      description: 'Allows the app to call the API for the user who is signed in.',
      forUsers: {
        displayName: 'Call the API for you',
        description: 'Allows the app to call the API for you.'
      }
    },
    'Directory.Read': {
      displayName: 'List the users of the directory for an administrator',
      description: 'Allows the app to list the users of the directory for a user who holds the role Admin.'
    }
  },
  roles: {
    Admin: {
      displayName: 'Administrators',
      description: 'May call what is for administrators only, and list the users of the directory.'
    }
  },
  appPermissions: {
    'Directory.Read.All': {
      displayName: 'List the users of the directory',
      description: 'Allows the app to list the users of the directory for itself, without a user.'
    }
  }
} as const satisfies Permissions

/** Guards for these names: another one does not compile. */
export const { requireScope, requireRole, requireAppPermission } = guardsFor(permissions)
