/** The principal: the caller that a token identifies, for guards and handlers. */

/** The payload of a verified token, as the tenant signed it (RFC 7519 §4). */
export type Claims = Readonly<Record<string, unknown>>

/**
 * How a client authenticated (Microsoft: "Access token claims reference", `azpacr`): not at all, by a secret, by a certificate. `certificate` is
 * any client assertion: Entra also says 2 where a federated credential or a managed identity stands in for the certificate, as it does for agents.
 */
export type ClientAuth = 'none' | 'secret' | 'certificate'

/**
 * For whom an AI agent acts (Microsoft: "Token claims reference for agent IDs", the scenarios): for a person who signed in (`onBehalfOf`), for
 * itself by its agent identity (`autonomous`), or for itself by the user account that it has (`agentUser`). `unknown` where the token does
 * not show which, as without `xms_sub_fct` in a delegated token.
 */
export type AgentFlow = 'onBehalfOf' | 'autonomous' | 'agentUser' | 'unknown'

/** Claims about AI agents: numbers whose meaning Microsoft defines ("Agent ID", token claims reference). The agent itself is the caller's `clientId`. */
export interface AgentFacts {
  /** For whom it acts. */
  readonly flow: AgentFlow
  /** `xms_act_fct`: facets of the acting client. */
  readonly actorFacets: readonly string[]
  /** `xms_sub_fct`: facets of the subject for whom it acts. */
  readonly subjectFacets: readonly string[]
  /** `xms_tnt_fct`: facets of the tenant. */
  readonly tenantFacets: readonly string[]
  /**
   * `xms_par_app_azp`: the application ID of the agent's parent, its blueprint, which many agents share. For records only: no guard reads it,
   * and Microsoft advises against decisions by it. Absent when the token does not name it.
   */
  readonly parentClientId?: string
}

/**
 * A party that acts for the subject of a token, as its issuer identifies it (RFC 8693 §4.1). Its rights are not in the token: guards decide by
 * the subject's.
 */
export interface Actor {
  /** `sub` of the actor, unique within its issuer. */
  readonly subject: string
  /** `iss` of the actor; absent when the token does not name it. */
  readonly issuer?: string
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
  /** Entra Agent ID: present when the token shows that an AI agent acts, for itself or for a user, or names the parent of one. */
  readonly agent?: AgentFacts
  /**
   * Entra Agent ID: `true` when facets in the token show that an AI agent acts, `false` when they show that none does. Absent when the token
   * does not show it: it lacks `xms_act_fct` or `xms_sub_fct`, they have a value that this version does not know, or another provider, or a
   * user flow of Azure AD B2C, issued it.
   */
  readonly isAgent?: boolean
  /**
   * `act` (RFC 8693 §4.1): who acts for the subject, the current actor first and prior ones, for records only, after it; 10 at the most.
   * Providers other than Entra only. Absent when nobody is said to.
   */
  readonly actors?: readonly Actor[]
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

/** A caller of whom the token shows that an AI agent acts: a user, or an app. */
export type AgentPrincipal = Principal & { readonly isAgent: true; readonly agent: AgentFacts }

/** A user of whom the token shows that no AI agent acts. */
export type HumanPrincipal = UserPrincipal & { readonly isAgent: false }

/** A principal while it is built. */
export type Draft<P extends Principal> = { -readonly [Name in keyof P]: P[Name] }
