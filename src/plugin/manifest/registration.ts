/** Reads the existing registration through Microsoft Graph (v1.0, "Get application"). */

/** Microsoft Graph, called with the API's own permission. */
export interface RegistrationSource {
  /**
   * The resource at a path.
   *
   * @param refused the problem when Graph refuses
   */
  get(path: string, refused: { readonly code: string; readonly detail: string }): Promise<Entry>
}

/** An item of one of the registration's lists, as Graph returns it. */
export type Entry = Readonly<Record<string, unknown>>

/** The compared members of a registration. Each may have any content, as people edit it. */
export interface Registration {
  readonly identifierUris: readonly unknown[]
  readonly requestedAccessTokenVersion: unknown
  readonly scopes: readonly Entry[]
  readonly preAuthorizedApplications: readonly Entry[]
  readonly appRoles: readonly Entry[]
  readonly accessTokenClaims: readonly Entry[]
  readonly groupMembershipClaims: unknown
}

const selected = ['identifierUris', 'api', 'appRoles', 'optionalClaims', 'groupMembershipClaims']

/**
 * Reads the registration of an application of the tenant, with that application's own credentials.
 *
 * @throws what the source throws when Graph cannot be reached, or refuses
 */
export async function readRegistration(graph: RegistrationSource, clientId: string): Promise<Registration> {
  const refused = {
    code: 'registration_refused',
    detail: `Microsoft Graph does not show the registration of ${clientId}; it must be in this tenant, and hold Application.Read.All`
  }
  const body = await graph.get(`/v1.0/applications(appId='${clientId}')?$select=${selected.join()}`, refused)
  const { oauth2PermissionScopes, preAuthorizedApplications, requestedAccessTokenVersion } = entry(body.api)
  return {
    identifierUris: list(body.identifierUris),
    requestedAccessTokenVersion,
    scopes: list(oauth2PermissionScopes).map(entry),
    preAuthorizedApplications: list(preAuthorizedApplications).map(entry),
    appRoles: list(body.appRoles).map(entry),
    accessTokenClaims: list(entry(body.optionalClaims).accessToken).map(entry),
    groupMembershipClaims: body.groupMembershipClaims
  }
}

/** Graph returns null for a member that was never set. */
function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function entry(value: unknown): Entry {
  return typeof value === 'object' ? { ...value } : {}
}
