/** Compares a registration with the code: one line per difference. */
import type { Application, OptionalClaim } from './application.js'
import type { Entry, Registration } from './registration.js'

/** Every difference that affects who may call; none if the registration has what the code requires. */
export function driftOf(wanted: Application, found: Registration): readonly string[] {
  const { requestedAccessTokenVersion: version, oauth2PermissionScopes } = wanted.api
  return [
    ...wanted.identifierUris
      .filter((uri) => !found.identifierUris.includes(uri))
      .map((uri) => `identifierUris: ${uri} is missing`),
    ...(found.requestedAccessTokenVersion === version
      ? []
      : [differs('api', 'requestedAccessTokenVersion', found.requestedAccessTokenVersion, version)]),
    ...permissionDrift('api.oauth2PermissionScopes', oauth2PermissionScopes, found.scopes),
    ...clientDrift(wanted, found),
    ...permissionDrift('appRoles', wanted.appRoles, found.appRoles),
    ...claimDrift(wanted.optionalClaims.accessToken, found.accessTokenClaims),
    ...groupDrift(wanted, found)
  ]
}

/** Compares by name, as tokens carry names: reports names without an entry, and entries without a name in code. */
function permissionDrift(
  where: string,
  wanted: readonly (object & { readonly id: string; readonly value: string })[],
  found: readonly Entry[]
): readonly string[] {
  const missing = wanted.flatMap((one) => {
    const other = found.find(({ value }) => value === one.value)
    return other ? entryDrift(`${where}: ${one.value}`, { ...one }, other) : [`${where}: ${one.value} is missing`]
  })
  const extra = found.filter(({ value }) => !wanted.some((one) => one.value === value))
  return [...missing, ...extra.map(({ value, id }) => `${where}: ${shown(value || id)} is not in code`)]
}

function entryDrift(where: string, wanted: Entry, found: Entry): readonly string[] {
  const members = Object.keys(wanted).filter((member) => comparable(wanted[member]) !== comparable(found[member]))
  return members.map((member) => {
    const line = differs(where, member, found[member], wanted[member])
    // Grants refer to IDs: changing an ID would remove every grant and assignment.
    return member === 'id' ? `${line}; grants name the ID, so declare it with the permission` : line
  })
}

/** A registration may authorize further clients in advance, and these for further scopes. */
function clientDrift({ api }: Application, found: Registration): readonly string[] {
  const where = 'api.preAuthorizedApplications'
  return (api.preAuthorizedApplications ?? []).flatMap(({ appId, delegatedPermissionIds }) => {
    const other = found.preAuthorizedApplications.find((each) => comparable(each.appId) === appId)
    if (!other) return [`${where}: ${appId} is missing`]
    const granted = [other.delegatedPermissionIds].flat().map(comparable)
    const missing = delegatedPermissionIds.filter((id) => !granted.includes(comparable(id)))
    return missing.map((id) => `${where}: ${appId}: the scope ${nameOf(id, api)} (${id}) is missing`)
  })
}

const nameOf = (id: string, { oauth2PermissionScopes }: Application['api']) =>
  oauth2PermissionScopes.find((scope) => scope.id === id)?.value

/**
 * With this property users' tokens have `idtyp` as well (Microsoft: "Optional claims reference", additionalProperties), so that a missing claim
 * decides nothing: the registration may have it.
 */
const allowedProperties: ReadonlyMap<unknown, string> = new Map([['idtyp', 'include_user_token']])

function propertiesOf({ name, additionalProperties }: Entry): unknown {
  const allowed = allowedProperties.get(name)
  if (!Array.isArray(additionalProperties)) return additionalProperties ?? []
  return additionalProperties.filter((each) => each !== allowed)
}

/** A registration may have more claims than guards read, for display. Their content must be Entra's default. */
function claimDrift(wanted: readonly OptionalClaim[], found: readonly Entry[]): readonly string[] {
  const where = 'optionalClaims.accessToken'
  const differences = wanted.flatMap(({ name, additionalProperties }) => {
    const other = found.find((claim) => claim.name === name)
    return other
      ? entryDrift(`${where}: ${name}`, { additionalProperties }, { additionalProperties: propertiesOf(other) })
      : [`${where}: ${name} is missing`]
  })
  // Microsoft, "Configure optional claims": then `roles` holds groups, and no role that was assigned.
  const disguised = found.filter(({ name }) => !wanted.some((claim) => claim.name === name)).filter(emitsAsRoles)
  return [
    ...differences,
    ...disguised.map(({ name }) => `${where}: ${shown(name)} has emit_as_roles, which turns groups into roles`)
  ]
}

function emitsAsRoles({ additionalProperties }: Entry): boolean {
  return Array.isArray(additionalProperties) && additionalProperties.includes('emit_as_roles')
}

/** Each of these values puts a user's security groups into `groups`: all of them, or those assigned to the application. */
const withSecurityGroups = ['SecurityGroup', 'ApplicationGroup', 'All']

/** One value or several, comma-separated. */
function groupDrift({ groupMembershipClaims: wanted }: Application, found: Registration): readonly string[] {
  const kinds = String(found.groupMembershipClaims).split(/,\s*/)
  if (!wanted || kinds.some((kind) => withSecurityGroups.includes(kind))) return []
  return [`groupMembershipClaims is ${shown(found.groupMembershipClaims)}, and ${shown(wanted)} in code`]
}

/** GUIDs are case-insensitive, lists have no order, and an unset member is null or empty. */
function comparable(value: unknown): string {
  if (Array.isArray(value)) return JSON.stringify(value.toSorted())
  return typeof value === 'string' && guid.test(value) ? value.toLowerCase() : shown(value || null)
}

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function differs(where: string, member: string, found: unknown, wanted: unknown): string {
  return `${where}: ${member} is ${shown(found)}, and ${shown(wanted)} in code`
}

function shown(value: unknown): string {
  return JSON.stringify(value ?? null)
}
