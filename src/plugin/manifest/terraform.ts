/** The registration as Terraform: resource `azuread_application` of the provider hashicorp/azuread, version 3. */
import type { Application, AppRole, OptionalClaim, PermissionScope } from './application.js'
import type { PreAuthorizedApplication } from './pre-authorized.js'

type Lines = readonly string[]

/**
 * A file of one resource, and of one for each client that is authorized in advance. The registration exists before it, as the IDs come from the client ID: import it. The resource manages the
 * whole registration: what is not in the file (redirect URIs, owners, secrets) has to be put into it.
 */
export function toTerraform(application: Application, apiName: string): string {
  const { identifierUris, api, appRoles, optionalClaims, groupMembershipClaims } = application
  const resource = block('resource "azuread_application" "api"', [
    ...attributes({
      display_name: text(apiName),
      identifier_uris: list(identifierUris),
      ...(groupMembershipClaims && { group_membership_claims: list([groupMembershipClaims]) })
    }),
    ...block('api', [
      ...attributes({ requested_access_token_version: String(api.requestedAccessTokenVersion) }),
      ...api.oauth2PermissionScopes.flatMap(scope)
    ]),
    ...appRoles.flatMap(appRole),
    ...block('optional_claims', optionalClaims.accessToken.flatMap(accessTokenClaim))
  ])
  const clients = (api.preAuthorizedApplications ?? []).flatMap(preAuthorized)
  const body = [...resource, ...clients].join('\n')
  return `# Written from the guards of the API.\n# Provider: hashicorp/azuread, version 3\n${body}\n`
}

/** A resource of its own: `azuread_application` has no such block. */
function preAuthorized({ appId, delegatedPermissionIds }: PreAuthorizedApplication): Lines {
  return block(
    `resource "azuread_application_pre_authorized" "client-${appId}"`,
    attributes({
      application_id: 'azuread_application.api.id',
      authorized_client_id: text(appId),
      permission_ids: list(delegatedPermissionIds)
    })
  )
}

function scope(each: PermissionScope): Lines {
  const { userConsentDisplayName, userConsentDescription } = each
  return block(
    'oauth2_permission_scope',
    attributes({
      id: text(each.id),
      value: text(each.value),
      type: text(each.type),
      admin_consent_display_name: text(each.adminConsentDisplayName),
      admin_consent_description: text(each.adminConsentDescription),
      ...(userConsentDisplayName && { user_consent_display_name: text(userConsentDisplayName) }),
      ...(userConsentDescription && { user_consent_description: text(userConsentDescription) }),
      enabled: String(each.isEnabled)
    })
  )
}

function appRole({ id, value, displayName, description, allowedMemberTypes, isEnabled }: AppRole): Lines {
  return block(
    'app_role',
    attributes({
      id: text(id),
      value: text(value),
      display_name: text(displayName),
      description: text(description),
      allowed_member_types: list(allowedMemberTypes),
      enabled: String(isEnabled)
    })
  )
}

function accessTokenClaim({ name }: OptionalClaim): Lines {
  return block('access_token', attributes({ name: text(name) }))
}

/** A block after an empty line, as `terraform fmt` formats it, except for the first in a file or block. */
function block(head: string, body: Lines): Lines {
  const [first, ...others] = body
  const inside = first === '' ? others : body
  return ['', `${head} {`, ...inside.map((line) => (line === '' ? '' : `  ${line}`)), '}']
}

/** Aligned equals signs, as `terraform fmt` formats them. */
function attributes(values: Readonly<Record<string, string>>): Lines {
  const width = Math.max(...Object.keys(values).map((name) => name.length))
  return Object.entries(values).map(([name, value]) => `${name.padEnd(width)} = ${value}`)
}

function list(values: readonly string[]): string {
  return `[${values.map(text).join(', ')}]`
}

/** Terraform: "Strings and Templates": the escapes of JSON, and two openings of a template. */
function text(value: string): string {
  return JSON.stringify(value).replace(/[$%](?=\{)/g, (sign) => sign + sign)
}
