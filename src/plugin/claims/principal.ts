/** The principal: the caller that a token identifies, for guards and handlers. */

/** The payload of a verified token, as the tenant signed it (RFC 7519 §4). */
export type Claims = Readonly<Record<string, unknown>>

/**
 * How a client authenticated (Microsoft: "Access token claims reference", `azpacr`): not at all, by a secret, by a certificate. `certificate` is
 * any client assertion: Entra also says 2 where a federated credential or a managed identity stands in for the certificate, as it does for agents.
 */
export type ClientAuth = 'none' | 'secret' | 'certificate'

/** Claims about AI agents: numbers whose meaning Microsoft defines ("Agent ID", token claims reference). */
export interface AgentFacts {
  /** `xms_act_fct`: facets of the acting client. */
  readonly actorFacets: readonly string[]
  /** `xms_sub_fct`: facets of the subject for whom it acts. */
  readonly subjectFacets: readonly string[]
  /**
   * `xms_par_app_azp`: the application ID of the agent's parent, which many agents share. For records only: no guard reads it, and
   * Microsoft advises against decisions by it. Absent when the token does not name it.
   */
  readonly parentClientId?: string
}

/** A user's membership in the directory, as the token shows it: member, guest (B2B), or unknown. */
export type Membership = 'member' | 'guest' | 'unknown'

interface Caller {
  /**
   * `oid`: the object ID of the user or service principal. Store data under this ID together with {@link tenantId}, never under an e-mail
   * address or `upn` (Microsoft: "Claims validation"). If a token has no `oid`, it is `sub`.
   */
  readonly id: string
  /** `sub`: a pairwise identifier of the caller; it differs per API. */
  readonly subject: string
  /** The kind of provider that signed the token: Microsoft's rules apply to `entra` only. */
  readonly provider: 'entra' | 'oidc'
  /** `iss`: the issuer of the token. The v1 and v2 tokens of one Entra tenant have different issuers. */
  readonly issuer: string
  /** `exp`: when the token expires, in seconds since 1970 (RFC 7519 §4.1.4). After that it is accepted within `clockToleranceSeconds` only. */
  readonly expiresAt: number
  /** `tid`: the directory that issued the token, a lower-case GUID. For any other provider, its issuer. */
  readonly tenantId: string
  /**
   * `azp` (Entra v2), `appid` (v1), `client_id` (RFC 9068): the client application that requested the token. Empty when a provider other
   * than Entra does not name it.
   */
  readonly clientId: string
  /** `azpacr` (Entra v2), `appidacr` (v1): how the client authenticated. Absent when the token does not say, as with any other provider. */
  readonly clientAuth?: ClientAuth
  /** Entra Agent ID: present when the token shows that an AI agent acts, for itself or for a user. */
  readonly agent?: AgentFacts
  /** `roles`: app roles of a user, application permissions of an app, as an administrator assigned them. */
  readonly roles: readonly string[]
  /** The whole payload, as signed. Check types before use: optional claims may have unexpected types. */
  readonly claims: Claims
}

/** A user, through a client that acts for them (a delegated token). */
export interface UserPrincipal extends Caller {
  readonly kind: 'user'
  /**
   * Membership by `acct`, else `idp`. `unknown` when the token has neither, and for any provider other than Entra. `requireMember` allows
   * only `member`, and no agent.
   */
  readonly membership: Membership
  /**
   * True for a guest of the directory (B2B), and when `acct` or `idp` is present but unreadable. False for a member, and also when the
   * token has neither claim: to require a member, compare {@link membership} with `member`.
   */
  readonly isGuest: boolean
  /** `scp`: the delegated permissions of the client. */
  readonly scopes: readonly string[]
  /** `groups`: object IDs. Also empty when there are too many to fit into a token. */
  readonly groups: readonly string[]
  /** True when the user is in more groups than the token holds (groups overage): then `groups` is not complete. */
  readonly hasMoreGroups: boolean
  /** `name`, for display only. */
  readonly name?: string
  /** `email` or `preferred_username`, for display only: it can be changed and reused, so never a key. */
  readonly email?: string
}

/** An app that acts for itself (the client credentials grant, RFC 6749 §4.4). */
export interface AppPrincipal extends Caller {
  readonly kind: 'app'
  /** Always empty: only users delegate scopes. */
  readonly scopes: readonly []
  /** Always empty. */
  readonly groups: readonly []
}

/** Who sent the request, typed by `kind` and frozen. */
export type Principal = UserPrincipal | AppPrincipal
