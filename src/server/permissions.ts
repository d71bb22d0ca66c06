/**
 * The permissions of this API, with the descriptions that administrators and users read before they consent. Guards accept only these
 * names; the OpenAPI document contains the descriptions, and `npm run manifest` writes them into the app registration.
 */
import { guardsFor } from '../plugin/index.js'

/** The display name of a permission, and what it allows. */
interface Words {
  readonly displayName: string
  readonly description: string
}

/** A role of users, or an application permission (Microsoft Graph: "appRole resource type"). */
export interface Permission extends Words {
  /** The ID that an existing registration has for it: grants and assignments refer to it. Default: derived from the name. */
  readonly id?: string
}

/** A scope (Microsoft Graph: "permissionScope resource type"). */
export interface Scope extends Permission {
  /** The description for a user who consents. Without it, an administrator must consent. */
  readonly forUsers?: Words
}

/** Everything that guards may name, by name. */
export interface Permissions {
  /** The name of the registration when infrastructure code creates it. */
  readonly apiName: string
  /** Optional claims that policies, `isRevoked` (`xms_cc`, `sid`) or routes read. Those that guards read are derived from the guards. */
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
