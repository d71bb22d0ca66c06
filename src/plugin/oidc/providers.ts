/**
 * What is particular to the tokens of well-known OpenID providers, by the provider's name: rules of one product judge no tokens of another.
 * A name that a user can have is never a sign of an app.
 */

import { isOtherToken } from '../claims/other-tokens.js'
import type { Claims } from '../claims/principal.js'
import { type ClaimPath, text } from '../claims/read.js'

/** Names of the providers, for `provider` and `OIDC_PROVIDER`. */
export type ProviderName = 'keycloak' | 'auth0' | 'okta' | 'cognito' | 'google'

/** Where a provider has what others have elsewhere. */
export interface Provider {
  /** Where roles are, for an API of these audiences. */
  readonly roles: (audiences: readonly string[]) => readonly ClaimPath[]
  readonly groups: readonly ClaimPath[]
  /** Roles that everybody has: they say nothing, and open nothing. */
  readonly isEverybodys?: (role: string) => boolean
  /** What is compared with the audience in a token that has no `aud`. */
  readonly audienceOf?: (claims: Claims) => unknown
  /** Tokens in the form of ID tokens that are meant for APIs all the same. */
  readonly isForApis?: (claims: Claims) => boolean
  /** Origin of the key set, where it is not the issuer's own. */
  readonly keysOrigin?: string
  /** The client, where it is in neither `azp` nor `client_id`. */
  readonly clientOf?: (claims: Claims) => unknown
  /** Tokens that clients got for themselves, in place of RFC 9068's rule, by what no user can bring about. */
  readonly isApp: (claims: Claims) => boolean
  /** Claims that its access tokens have and its ID tokens do not, beside those of RFCs. */
  readonly grants?: readonly string[]
  /** Tokens that say by themselves that they are access tokens. */
  readonly isAccessToken?: (claims: Claims) => boolean
  /** True where such a token may have the `nonce` of the sign-in. */
  readonly mayHaveNonce?: boolean
  /** Scopes of the sign-in itself, beside OpenID Connect's. */
  readonly signInScopes?: ReadonlySet<string>
}

/** No provider by name: the claims that Entra and many others have. */
export const anyProvider: Provider = { roles: () => [['roles']], groups: [['groups']], isApp: isClientItself }

export const providers: Readonly<Record<ProviderName, Provider>> = {
  /** Keycloak, "Server Administration Guide", roles and scopes: of the realm, and of the client that is the API. */
  keycloak: {
    roles: (audiences) => [
      ['realm_access', 'roles'],
      ...audiences.map((name) => ['resource_access', name, 'roles'] as const)
    ],
    groups: [['groups']],
    isEverybodys: (role) => /^(default-roles-.*|offline_access|uma_authorization)$/.test(role),
    isApp: isServiceAccountOfKeycloak,
    isAccessToken: ({ typ }) => typ === 'Bearer',
    // Before 25 the `nonce` of the sign-in is in access tokens as well.
    mayHaveNonce: true
  },
  /** Auth0, "Enable Role-Based Access Control for APIs": permissions of the user, or of the application. */
  auth0: { roles: () => [['permissions']], groups: [], isApp: isClientOfAuth0, grants: ['permissions', 'gty'] },
  /** Okta, "Create claims", groups: in a claim of the authorization server's administrator's choosing, by custom `groups`. */
  okta: {
    roles: () => [['roles']],
    groups: [['groups']],
    clientOf: ({ cid }) => cid,
    // "Access token scopes and claims": `uid` is left out where there is no user, and is reserved; a user's `sub` is a login, which people choose.
    isApp: ({ cid, sub, uid }) => text(cid) !== undefined && sub === cid && uid === undefined,
    grants: ['cid']
  },
  /** Amazon Cognito, "Understanding the access token": groups are roles, and the client stands for the audience. */
  cognito: {
    roles: () => [['cognito:groups']],
    groups: [['cognito:groups']],
    audienceOf: ({ token_use, client_id }) => (token_use === 'access' ? client_id : undefined),
    // A user's token always has a `username`; the pool makes `sub` up.
    isApp: ({ client_id, sub, username }) =>
      text(client_id) !== undefined && sub === client_id && username === undefined,
    isAccessToken: ({ token_use }) => token_use === 'access',
    signInScopes: new Set(['aws.cognito.signin.user.admin'])
  },
  /** Google Cloud, "Get an ID token": a service account's, for the audience it was asked for. Access tokens are opaque. */
  google: {
    roles: () => [],
    groups: [],
    isForApis: isServiceAccount,
    isApp: isServiceAccount,
    keysOrigin: 'https://www.googleapis.com'
  }
}

/** What only the token of somebody who signed in has (RFC 9068 §2.2.1; OpenID Connect Front-Channel Logout §3). */
const isSignedIn = (claims: Claims) => ['auth_time', 'amr', 'sid'].some((name) => Object.hasOwn(claims, name))

/** What is said of persons (OpenID Connect Core §5.1), or that somebody acts for one (RFC 8693 §4.1), and names that products have for users. */
const personal: ReadonlySet<string> = new Set([
  ...['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture'],
  ...['website', 'email', 'email_verified', 'gender', 'birthdate', 'zoneinfo', 'locale', 'phone_number'],
  ...['phone_number_verified', 'address', 'updated_at', 'act', 'nonce'],
  ...['uid', 'user_id', 'username', 'user_name', 'userName', 'user', 'login', 'upn', 'unique_name', 'mail']
])

/**
 * RFC 9068 §2.2: without a resource owner `sub` is the client. A token without `sub` is its client's own where nothing in it is a person's;
 * else it may be a user's whose `sub` was left out, as Keycloak's and PingFederate's can be, and would make every user the same.
 */
function isClientItself(claims: Claims): boolean {
  const { azp, client_id, sub } = claims
  if (text(client_id) === undefined || isSignedIn(claims)) return false
  if (sub === undefined || sub === null) return !Object.keys(claims).some((name) => personal.has(name))
  return sub === client_id && (text(azp) ?? sub) === sub
}

/**
 * "Server Administration Guide", service accounts: the client's host and address are notes of a session that the client credentials grant
 * alone makes, and such a token has no session to name. A mapper can put `client_id` into users' tokens (`clientId` in older versions), and a
 * user can be called `service-account-…`: neither shows an app.
 */
function isServiceAccountOfKeycloak(claims: Claims): boolean {
  const { azp, client_id, clientId, clientHost, clientAddress } = claims
  const client = text(azp)
  const isClients = client !== undefined && (client_id === client || clientId === client)
  const hasNotes = text(clientHost) !== undefined || text(clientAddress) !== undefined
  const hasSession = ['sid', 'session_state'].some((name) => Object.hasOwn(claims, name))
  return isClients && hasNotes && !hasSession
}

/** "Access token profiles": `sub` is the client with a suffix. A user's begins with the name of a connection and a bar, whatever the user is called. */
function isClientOfAuth0(claims: Claims): boolean {
  const { azp, client_id, sub, gty } = claims
  const client = text(azp) ?? text(client_id)
  const isGrant = gty === undefined || gty === 'client-credentials'
  return client !== undefined && sub === `${client}@clients` && isGrant && !isSignedIn(claims)
}

/** A person's ID token has the client in `azp`; a service account's has the account itself, and an address that no person can have. */
function isServiceAccount(claims: Claims): boolean {
  const { azp, sub, email, email_verified } = claims
  const isOwn = text(sub) !== undefined && azp === sub
  return (
    isOwn && email_verified === true && /@.+\.gserviceaccount\.com$/.test(String(text(email))) && !isOtherToken(claims)
  )
}
