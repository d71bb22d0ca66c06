/** The registration that the API requires, as Microsoft Graph's `application` resource (v1.0), as far as code determines it. */

import { checkDeclarations, declarationOf } from './declarations.js'
import type { Permissions } from './permissions.js'
import { type PreAuthorizedApplication, preAuthorizedBy } from './pre-authorized.js'
import { claimsOf, type Route, type Table, usesOf } from './requirements.js'
import { stableId } from './stable-id.js'

/** A delegated permission (Microsoft Graph: "permissionScope resource type"). */
export interface PermissionScope {
  readonly id: string
  readonly value: string
  readonly type: 'User' | 'Admin'
  readonly adminConsentDisplayName: string
  readonly adminConsentDescription: string
  readonly userConsentDisplayName: string | null
  readonly userConsentDescription: string | null
  readonly isEnabled: true
}

/** A role of users, an application permission, or both (Microsoft Graph: "appRole resource type"). */
export interface AppRole {
  readonly id: string
  readonly value: string
  readonly displayName: string
  readonly description: string
  readonly allowedMemberTypes: readonly ('User' | 'Application')[]
  readonly isEnabled: true
}

/** A claim that the registration adds to tokens (Microsoft Graph: "optionalClaim resource type"). */
export interface OptionalClaim {
  readonly name: string
  readonly source: null
  readonly essential: false
  readonly additionalProperties: readonly string[]
}

export interface Application {
  readonly identifierUris: readonly string[]
  readonly api: {
    /** Tokens of version 1 have another issuer and another audience (Microsoft: "Access tokens", token formats). */
    readonly requestedAccessTokenVersion: 2
    readonly oauth2PermissionScopes: readonly PermissionScope[]
    /** Present where some are declared. */
    readonly preAuthorizedApplications?: readonly PreAuthorizedApplication[]
  }
  readonly appRoles: readonly AppRole[]
  readonly optionalClaims: { readonly accessToken: readonly OptionalClaim[] }
  /** Which groups are in `groups`; without it the claim is absent (Microsoft: "Configure optional claims", groups). */
  readonly groupMembershipClaims?: 'SecurityGroup'
}

/** A manifest, and warnings about its sources. */
export interface Manifest {
  readonly application: Application
  readonly warnings: readonly string[]
}

/**
 * The registration of an API, from its routes and the declarations of their permissions.
 *
 * @param publicUrl of the option `resource`: clients send it as `resource`, and it must be an App ID URI of the registration
 * @throws ManifestFailure when a guard names an undeclared permission
 */
export function manifestOf(
  routes: readonly Route[],
  permissions: Permissions,
  clientId: string,
  publicUrl?: string
): Manifest {
  const uses = usesOf(routes)
  const warnings = checkDeclarations(permissions, uses)
  const asked = (table: Table) => new Set(uses.filter((use) => use.table === table).map(({ value }) => value))
  const idOf = (table: Table, value: string) =>
    declarationOf(permissions, table, value)?.id ?? stableId(clientId, value)
  const claims = claimsOf(routes, permissions.optionalClaims)
  const oauth2PermissionScopes = scopesOf(permissions, asked('scopes'), idOf)
  const application: Application = {
    identifierUris: [`api://${clientId.toLowerCase()}`, ...(publicUrl === undefined ? [] : [publicUrl])],
    api: {
      requestedAccessTokenVersion: 2,
      oauth2PermissionScopes,
      ...preAuthorizedBy(permissions, oauth2PermissionScopes)
    },
    appRoles: rolesOf(permissions, asked('roles'), asked('appPermissions'), idOf),
    optionalClaims: { accessToken: claims.map(optionalClaim) },
    ...(claims.includes('groups') && { groupMembershipClaims: 'SecurityGroup' })
  }
  return { application, warnings }
}

type IdOf = (table: Table, value: string) => string

function scopesOf({ scopes }: Permissions, asked: ReadonlySet<string>, idOf: IdOf): readonly PermissionScope[] {
  const used = Object.entries(scopes).filter(([value]) => asked.has(value))
  return used.map(([value, { displayName, description, forUsers }]) => ({
    id: idOf('scopes', value),
    value,
    type: forUsers ? 'User' : 'Admin',
    adminConsentDisplayName: displayName,
    adminConsentDescription: description,
    userConsentDisplayName: forUsers?.displayName ?? null,
    userConsentDescription: forUsers?.description ?? null,
    isEnabled: true
  }))
}

/** One app role per name: its allowed member types, and the guards, distinguish users and apps that hold it. */
function rolesOf(
  { roles, appPermissions }: Permissions,
  asUser: ReadonlySet<string>,
  asApp: ReadonlySet<string>,
  idOf: IdOf
): readonly AppRole[] {
  const declared = Object.entries({ ...roles, ...appPermissions })
  const used = declared.filter(([value]) => asUser.has(value) || asApp.has(value))
  return used.map(([value, { displayName, description }]) => ({
    id: idOf(asUser.has(value) ? 'roles' : 'appPermissions', value),
    value,
    displayName,
    description,
    allowedMemberTypes: [
      ...(asUser.has(value) ? ['User' as const] : []),
      ...(asApp.has(value) ? ['Application' as const] : [])
    ],
    isEnabled: true
  }))
}

/** All members in the form that Graph returns, so that what is written can be compared with what is read. */
function optionalClaim(name: string): OptionalClaim {
  return { name, source: null, essential: false, additionalProperties: [] }
}
