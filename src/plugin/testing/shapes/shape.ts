/** What the kinds of issuers differ in. */
import type { EntraTenantOptions } from '../../entra/options.js'
import type { OidcOptions } from '../../oidc/options.js'
import type { CompleteApp, CompleteUser, TokenClaims } from '../callers.js'
import type { SigningKeys } from '../signing-keys.js'

/** Options of {@link createTestTenant}, all of them optional. */
export interface TestTenantOptions {
  /**
   * What its tokens look like: of Entra in version 2.0 or 1.0 (`v2`, `v1`), of a user flow of Azure AD B2C (`b2c`), or of any other OpenID
   * provider, as RFC 9068 has them (`oidc`). Default: `v2`.
   */
  readonly shape?: 'v2' | 'v1' | 'b2c' | 'oidc'
  /** Directory ID. Not for `oidc`. Default: a new GUID. */
  readonly tenantId?: string
  /** The API's application ID. Not for `oidc`. Default: a new GUID. */
  readonly clientId?: string
  /** The client of users, and the app that calls for itself. Default: a new GUID. */
  readonly callerId?: string
  /** The option `audience` of the API, and `aud` of its tokens. Default: that of the shape. */
  readonly audience?: string
  /** Origin of the sign-in service. Not for `oidc`. Default: Microsoft's public cloud; for `b2c` `https://contoso.b2clogin.com`. */
  readonly authority?: string
  /** For `oidc` only. Default: `https://login.example`. */
  readonly issuer?: string
  /** For `b2c` only. Default: `B2C_1_signin`. */
  readonly userFlow?: string
}

/** One kind of issuer, with its tokens. */
export interface Shape {
  /** The options of the plugin that trust it, without the network. */
  options(): EntraTenantOptions | OidcOptions
  /** The origin of its documents. */
  origin(): string
  /** It moves there. */
  moveTo(origin: string): void
  /** The document at an address of its origin, if there is one. */
  document(path: string, keys: SigningKeys): object | undefined
  /** Parameters of the header of its access tokens. */
  readonly header: TokenClaims
  user(user: CompleteUser): TokenClaims
  app(app: CompleteApp): TokenClaims
  /** Of a user who is signed in to the client. */
  idToken(user: CompleteUser): TokenClaims
  /** The `aud` of another API. */
  readonly otherAudience: string
  /** The claims of a user whom another directory signs in. */
  readonly guest?: TokenClaims
  /** The claims of a user in more groups than fit into a token. */
  readonly manyGroups?: TokenClaims
  /** The claims of AI agents: for a user, by a user account of its own, and for itself. */
  readonly agents?: Readonly<Record<'user' | 'ownUser' | 'app', TokenClaims>>
  /** The claims of a sign-in with this authentication context. */
  stepUp(id: string): TokenClaims
}
