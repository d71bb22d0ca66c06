/** Clients that the registration authorizes in advance: their users are not asked for consent. */
import { guid } from '../lib/validate.js'
import { ManifestFailure } from './failure.js'
import type { Permissions } from './permissions.js'

/** A client, and scopes by their IDs (Microsoft Graph: "preAuthorizedApplication resource type"). */
export interface PreAuthorizedApplication {
  readonly appId: string
  readonly delegatedPermissionIds: readonly string[]
}

/**
 * The member of the registration, where clients are declared.
 *
 * @param scopes of the registration
 * @throws ManifestFailure for what is no client ID, and for a scope that the registration does not have
 */
export function preAuthorizedBy(
  { preAuthorizedApplications = {}, declaredIn }: Permissions,
  scopes: readonly { readonly id: string; readonly value: string }[]
): { readonly preAuthorizedApplications?: readonly PreAuthorizedApplication[] } {
  const clients = Object.entries(preAuthorizedApplications).map(([appId, names]) => {
    const refuse = (why: string) => new ManifestFailure(1, `${declaredIn} pre-authorizes ${appId} ${why}`)
    if (!guid.test(appId)) throw refuse('as a client; give the application (client) ID of the client, a GUID')
    const delegatedPermissionIds = names.map((name) => {
      const scope = scopes.find(({ value }) => value === name)
      if (!scope) throw refuse(`for the scope ${name}, which no route requires; name a scope of a guard`)
      return scope.id
    })
    return { appId: appId.toLowerCase(), delegatedPermissionIds }
  })
  return clients.length > 0 ? { preAuthorizedApplications: clients } : {}
}
