/**
 * The permissions of this API, with the descriptions that administrators and users read before they consent. Guards accept only these
 * names; the OpenAPI document contains the descriptions, and `npm run manifest` writes them into the app registration.
 */
import { guardsFor } from '../plugin/index.js'
import type { Permissions } from '../plugin/manifest/permissions.js'

export const permissions = {
  apiName: 'fastify-entra API',
  declaredIn: 'src/server/permissions.ts',
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
