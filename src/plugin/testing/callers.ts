/** Who calls, in the words of guards: what all shapes of tokens have in common. */

/** Claims, or parameters of a header. `undefined` leaves one out. */
export type TokenClaims = Readonly<Record<string, unknown>>

/** A user, as a token shows them. */
export interface TestUser {
  /** Scopes of the client. Default: `access_as_user`. With an empty list the token has none. */
  readonly scopes?: readonly string[]
  /** App roles of the user. Default: none. */
  readonly roles?: readonly string[]
  /** Object IDs of groups. Default: none. */
  readonly groups?: readonly string[]
  /** The user's `oid`; for other providers than Entra, `sub`. Default: the same user for all tokens of a tenant. */
  readonly id?: string
  /** Default: `Test User`. */
  readonly name?: string
  /** Default: `user@tenant.example`. */
  readonly email?: string
  /** The client that the user signed in to. Default: the tenant's `callerId`. */
  readonly clientId?: string
  /** Claims in addition, or in place of those of the shape; `undefined` leaves one out. */
  readonly claims?: TokenClaims
}

/** An app that calls for itself. */
export interface TestApp {
  /** Object ID of its service principal; for other providers than Entra it is the client ID. Default: the same for all tokens of a tenant. */
  readonly id?: string
  /** Default: the tenant's `callerId`. */
  readonly clientId?: string
  /** Claims in addition, or in place of those of the shape; `undefined` leaves one out. */
  readonly claims?: TokenClaims
}

/** A user, complete. */
export type CompleteUser = Required<TestUser>

/** An app, complete. */
export type CompleteApp = Required<TestApp> & { readonly permissions: readonly string[] }

/** A list as one string, as `scp` and `scope` have it; nothing for an empty list. */
export const joined = (names: readonly string[]) => (names.length > 0 ? names.join(' ') : undefined)

/** A list, or nothing for an empty one: tokens have no empty claims. */
export const listed = (names: readonly string[]) => (names.length > 0 ? names : undefined)

/** Seconds, as `exp`. */
export const now = () => Math.floor(Date.now() / 1000)

/** Valid from now on, for an hour. */
export const times = () => ({ iat: now(), nbf: now(), exp: now() + 3600 })
