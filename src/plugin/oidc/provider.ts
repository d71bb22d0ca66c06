/** The particulars of one OpenID provider's tokens, and the defaults for other providers. */
import type { Claims } from '../claims/principal.js'
import { type ClaimPath, text } from '../claims/read.js'

/** The places of claims in a provider's tokens. */
export interface Provider {
  /** The places of roles, for an API of these audiences. */
  readonly roles: (audiences: readonly string[]) => readonly ClaimPath[]
  /** Roles in a form of the provider's own, for an API of these audiences; with those of `roles`, unless `rolesClaim` is set. */
  readonly rolesOf?: (claims: Claims, audiences: readonly string[]) => readonly string[]
  readonly groups: readonly ClaimPath[]
  /** Roles that every user has; they are ignored. */
  readonly isEverybodys?: (role: string) => boolean
  /** The claim that is compared with the audience in a token without `aud`. */
  readonly audienceOf?: (claims: Claims) => unknown
  /** Whether a token in the form of an ID token is meant for APIs. */
  readonly isForApis?: (claims: Claims) => boolean
  /** Origin of the key set, if it differs from the issuer's. */
  readonly keysOrigin?: string
  /** The client, if it is in neither `azp` nor `client_id`. */
  readonly clientOf?: (claims: Claims) => unknown
  /** Whether a token is app-only, in place of RFC 9068's rule, by claims that no user can influence. */
  readonly isApp: (claims: Claims) => boolean
  /** What of a token's claims contradicts that it is app-only, in words; for tokens that say so themselves. */
  readonly contradiction?: (claims: Claims) => string | undefined
  /** Claims that its access tokens have and its ID tokens do not, beside those of RFCs. */
  readonly grants?: readonly string[]
  /** Whether a token identifies itself as an access token. */
  readonly isAccessToken?: (claims: Claims) => boolean
  /** Whether a token has claims that the provider's access tokens never have. */
  readonly isOther?: (claims: Claims) => boolean
  /** True if such a token may contain the `nonce` of the sign-in. */
  readonly mayHaveNonce?: boolean
  /** Scopes of the sign-in itself, beside OpenID Connect's. */
  readonly signInScopes?: ReadonlySet<string>
}

/** No named provider: the claims of Entra and many others. */
export const anyProvider: Provider = {
  roles: () => [['roles']],
  groups: [['groups']],
  isApp: isClientItself,
  contradiction: contradictionIn
}

/** Claims that only the token of a user who signed in has (RFC 9068 §2.2.1; OpenID Connect Front-Channel Logout §3). */
export const isSignedIn = (claims: Claims) => ['auth_time', 'amr', 'sid'].some((name) => Object.hasOwn(claims, name))

/** Claims about persons (OpenID Connect Core §5.1) or about an actor for one (RFC 8693 §4.1), and names that products use for users. */
const personal: ReadonlySet<string> = new Set([
  ...['name', 'given_name', 'family_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture'],
  ...['website', 'email', 'email_verified', 'gender', 'birthdate', 'zoneinfo', 'locale', 'phone_number'],
  ...['phone_number_verified', 'address', 'updated_at', 'act', 'nonce'],
  ...['uid', 'user_id', 'username', 'user_name', 'userName', 'user', 'login', 'upn', 'unique_name', 'mail']
])

const personalIn = (claims: Claims) => Object.keys(claims).find((name) => personal.has(name))

/**
 * How a token was obtained, where it says so: ForgeRock and Cloud Foundry's UAA name the grant in `grant_type` ("Access tokens"; "Token
 * Management"), Auth0 and Kinde in `gty`, WSO2 Identity Server the kind of caller in `aut` ("JWT access tokens").
 */
const grantClaims = ['grant_type', 'gty', 'aut'] as const
const clientsOwnGrant = /^(client[_-]credentials|client_x509|application)$/i
/** Grants in which a person takes part. A refresh token is issued to no client for itself (RFC 6749 §4.4.3). */
const personsGrant = /^(authorization[_-]code|password|implicit|refresh[_-]token|application_user|.*:device_code)$/i

/** Whether a token says that its client obtained it for itself, or for a person; `undefined` where it says neither. */
function grantee(claims: Claims): 'client' | 'person' | undefined {
  const named = grantClaims.filter((name) => Object.hasOwn(claims, name))
  if (named.length === 0) return undefined
  const grants = named.flatMap((name) => [claims[name]].flat())
  const said = grants.filter((grant) => typeof grant === 'string')
  const clients = said.filter((grant) => clientsOwnGrant.test(grant))
  // One grant of a client beside any other: the token was exchanged, and may be a person's by now.
  if (said.some((grant) => personsGrant.test(grant)) || (clients.length > 0 && clients.length < said.length))
    return 'person'
  return clients.length > 0 ? 'client' : undefined
}

/** Where the token names its grant, that decides; otherwise RFC 9068. */
function isClientItself(claims: Claims): boolean {
  const obtainedFor = grantee(claims)
  if (obtainedFor !== undefined) return obtainedFor === 'client'
  return isOwnSubject(claims)
}

/**
 * RFC 9068 §2.2: without a resource owner `sub` is the client. A token without `sub` is app-only if it has no claim about a person.
 * Otherwise it may be a user's without `sub`, as Keycloak and PingFederate can issue, which would make all users the same principal.
 */
export function isOwnSubject(claims: Claims): boolean {
  const { azp, client_id, sub } = claims
  if (text(client_id) === undefined || isSignedIn(claims)) return false
  if (sub === undefined || sub === null) return personalIn(claims) === undefined
  return sub === client_id && (text(azp) ?? sub) === sub
}

/**
 * Cloud Foundry's UAA, and XSUAA: their ID tokens have the claims of access tokens, `client_id` and `grant_type` included, and a list with the
 * scope `openid` alone. `cid` and `rev_sig` are in all of their tokens.
 */
export function isIdTokenOfUaa(claims: Claims): boolean {
  return (Object.hasOwn(claims, 'cid') || Object.hasOwn(claims, 'rev_sig')) && hasOpenidAlone(claims)
}

/** A list of scopes with `openid`, and nothing else. */
export function hasOpenidAlone({ scope }: Claims): boolean {
  return Array.isArray(scope) && scope.length > 0 && scope.every((each) => each === 'openid')
}

/** A session of a person, or a claim about one. ForgeRock's tokens for clients have an `auth_time`. */
function contradictionIn(claims: Claims): string | undefined {
  if (grantee(claims) !== 'client') return undefined
  return ['amr', 'sid'].find((name) => Object.hasOwn(claims, name)) ?? personalIn(claims)
}
