import { createHash, randomBytes } from 'node:crypto'
import type { Account } from '../authority/authorities.js'
import { issuer, type Version } from '../authority/endpoints.js'
import type { Client, User } from '../directory/directory.js'
import { delegatedPermissions, type Resource } from '../directory/resources.js'
import type { Proof } from '../sign-in/step-up.js'

/** The subject of an access token. Without a user it is app-only. */
export interface Issuance extends Proof {
  readonly origin: string
  readonly version: Version
  readonly tenantId: string
  readonly resource: Resource
  readonly client: Client
  /** Whether the client authenticated with an assertion: its own, signed with its certificate, or a federated one. */
  readonly byAssertion: boolean
  readonly user: User | undefined
  readonly scopes: ReadonlySet<string>
  readonly iat: number
  readonly exp: number
}

/** More groups than this do not go into a JWT (Microsoft: "Access token claims reference", groups overage claim). */
const GROUPS_LIMIT = 200

/** A user's pairwise `sub`: it differs per application (OpenID Connect Core 1.0 §8.1). */
export function pairwiseSubject(oid: string, application: string): string {
  return createHash('sha256').update(`${oid} ${application}`).digest('base64url')
}

/** A user, with the claims of an ID token (Microsoft: "ID token claims reference"); the scopes decide which are sent. */
export function signedIn(account: Account | undefined) {
  if (!account) return undefined
  const { tenantId, user } = account
  const { oid, name, username } = user
  const claims = { sub: oid, oid, tid: tenantId, ver: '2.0', name, preferred_username: username, email: username }
  return { accountId: username, oid, tenantId, claims: () => claims }
}

/** An access token's claims, as in Entra ID (Microsoft: "Access token claims reference"). */
export function accessTokenClaims(issuance: Issuance): Record<string, unknown> {
  const { origin, version, tenantId, resource, iat, exp } = issuance
  return {
    aud: resource.audience[version],
    iss: issuer(origin, tenantId, version),
    iat,
    nbf: iat,
    exp,
    tid: tenantId,
    // Opaque to an API; present so that code under test handles tokens that carry them.
    uti: randomBytes(16).toString('base64url'),
    rh: `1.${randomBytes(24).toString('base64url')}.`,
    ver: `${version}.0`,
    ...clientClaims(issuance),
    ...(issuance.user ? userClaims(issuance, issuance.user) : appClaims(issuance))
  }
}

/** The client, its authentication by an assertion ("2"), a secret ("1") or not at all ("0"), and its capabilities. */
function clientClaims({ version, client, byAssertion, capabilities }: Issuance) {
  const secret = client.clientSecret ? '1' : '0'
  const authentication = byAssertion ? '2' : secret
  return {
    ...(version === 1
      ? { appid: client.clientId, appidacr: authentication }
      : { azp: client.clientId, azpacr: authentication }),
    xms_cc: unlessEmpty(capabilities)
  }
}

function appClaims({ client, resource }: Issuance) {
  return { oid: client.objectId, sub: client.objectId, idtyp: 'app', roles: rolesOf(resource, client.appRoles) }
}

function userClaims({ version, tenantId, resource, scopes, authContexts }: Issuance, user: User) {
  const { oid, name, username } = user
  return {
    oid,
    sub: pairwiseSubject(oid, resource.audience[2]),
    name,
    ...(version === 1 ? { upn: username, unique_name: username } : { preferred_username: username }),
    scp: delegatedPermissions(resource, scopes),
    roles: rolesOf(resource, user.roles),
    acrs: unlessEmpty(authContexts),
    ...groupClaims(tenantId, user),
    ...membershipClaims(user)
  }
}

/** A token carries the roles of its own audience only. */
function rolesOf(resource: Resource, assigned: readonly string[]): readonly string[] | undefined {
  return unlessEmpty(assigned.filter((role) => resource.roles.includes(role)))
}

/** There is no claim without a value (JSON leaves `undefined` out). */
function unlessEmpty(values: readonly string[]): readonly string[] | undefined {
  return values.length > 0 ? values : undefined
}

/** The groups, or where to fetch them: a distributed claim (OpenID Connect Core 1.0 §5.6.2). */
function groupClaims(tenantId: string, { oid, groups }: User) {
  if (groups.length <= GROUPS_LIMIT) return { groups }
  const endpoint = `https://graph.windows.net/${tenantId}/users/${oid}/getMemberObjects`
  return { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint } } }
}

/**
 * `acct` says whether the user is a member (0) or a guest (1), and of a guest `idp` names the tenant that signed the guest in: whatever the
 * token's version, the v1.0 issuer (Microsoft: "Access token claims reference"; "Optional claims reference").
 */
function membershipClaims({ homeTenantId }: User) {
  return homeTenantId ? { acct: 1, idp: `https://sts.windows.net/${homeTenantId}/` } : { acct: 0 }
}
