/** What is particular to the tokens of one OpenID provider; and what holds for those that have no name here. */
import type { Claims } from '../claims/principal.js'
import { type ClaimPath, text } from '../claims/read.js'

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

/** What only the token of somebody who signed in has (RFC 9068 §2.2.1; OpenID Connect Front-Channel Logout §3). */
export const isSignedIn = (claims: Claims) => ['auth_time', 'amr', 'sid'].some((name) => Object.hasOwn(claims, name))

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
