/** Whom a token speaks for, as guards and handlers see it. */

/** The payload of a verified token, as the tenant signed it (RFC 7519 §4). */
export type Claims = Readonly<Record<string, unknown>>

/** How a client proved who it is (Microsoft: "Access token claims reference", `azpacr`): not at all, by a secret, by a certificate. */
export type ClientAuth = 'none' | 'secret' | 'certificate'

/** What Entra says of agents in a token: numbers that Microsoft gives a meaning ("Agent ID", token claims reference). */
export interface AgentFacts {
  /** `xms_act_fct`: what the client that acts is. */
  readonly actorFacets: readonly string[]
  /** `xms_sub_fct`: what the subject that it acts for is. */
  readonly subjectFacets: readonly string[]
}

/** What a token shows of a user's place in the directory: a member, a guest (B2B), or nothing. */
export type Membership = 'member' | 'guest' | 'unknown'

interface Caller {
  /**
   * `oid`: the object ID of the user or service principal. With {@link tenantId} it is the key to store data under;
   * an e-mail address or `upn` never is (Microsoft: "Claims validation"). Where a tenant sends no `oid`, it is `sub`.
   */
  readonly id: string
  /** `sub`: the caller as this one API sees it; pairwise, so it differs between APIs. */
  readonly subject: string
  /** What kind of provider signed the token: Microsoft's rules hold for `entra` alone. */
  readonly provider: 'entra' | 'oidc'
  /** `iss`: who signed the token. Of one Entra tenant's tokens, v1 and v2 have different ones. */
  readonly issuer: string
  /** `tid`: the directory that signed the token, a lower-case GUID. Of any other provider, its issuer. */
  readonly tenantId: string
  /**
   * `azp` (Entra v2), `appid` (v1), `client_id` (RFC 9068): the client application that asked for the token. Empty where
   * a provider other than Entra does not say.
   */
  readonly clientId: string
  /**
   * `azpacr` (Entra v2), `appidacr` (v1): how the client proved who it is. Absent where the token does not say, as those of
   * any other provider.
   */
  readonly clientAuth?: ClientAuth
  /** Entra Agent ID: present where the token shows that an AI agent acts, for itself or for a user. */
  readonly agent?: AgentFacts
  /** `roles`: what an administrator assigned: app roles of a user, application permissions of an app. */
  readonly roles: readonly string[]
  /** The whole payload, as signed. Check types before use: optional claims come in odd shapes. */
  readonly claims: Claims
}

/** A person, through a client that acts for them (a delegated token). */
export interface UserPrincipal extends Caller {
  readonly kind: 'user'
  /**
   * `acct`, else `idp`: what the token shows. `unknown` where it has neither, and of any provider but Entra. `requireMember` passes
   * `member` alone, and no agent.
   */
  readonly membership: Membership
  /**
   * True for a guest of the directory (B2B), and where `acct` or `idp` is there and cannot be read. False for a member, and also where the
   * token says nothing: compare {@link membership} with `member` before you trust somebody as one.
   */
  readonly isGuest: boolean
  /** `scp`: what the user let the client do. */
  readonly scopes: readonly string[]
  /** `groups`: object IDs. Empty also when there are too many to fit into a token. */
  readonly groups: readonly string[]
  /** True where the token says that there are more groups than it holds (groups overage): then `groups` says nothing. */
  readonly hasMoreGroups: boolean
  /** `name`, for display only. */
  readonly name?: string
  /** `email` or `preferred_username`, for display only: it can be changed and reused, so never a key. */
  readonly email?: string
}

/** A service that acts for itself (the client credentials grant, RFC 6749 §4.4). */
export interface AppPrincipal extends Caller {
  readonly kind: 'app'
  /** Always empty: scopes are a user's to give. */
  readonly scopes: readonly []
  /** Always empty. */
  readonly groups: readonly []
}

/** Who sent the request, typed by `kind` and frozen. */
export type Principal = UserPrincipal | AppPrincipal
