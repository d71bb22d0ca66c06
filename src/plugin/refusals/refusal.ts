/**
 * Every refusal of a request, in one table. A refusal is a value, not an `Error`: it is expected, it needs no stack trace, and it
 * contains nothing that the client must not see.
 */

/** The `error` of the challenge: RFC 6750 §3.1, Microsoft's claims challenge, RFC 9470 §3. */
type BearerError =
  | 'invalid_request'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'insufficient_claims'
  | 'insufficient_user_authentication'

interface Kind {
  readonly status: 400 | 401 | 403 | 429 | 502 | 503
  readonly error?: BearerError
  readonly detail: string
}

const invalidRequest = (detail: string) => ({ status: 400, error: 'invalid_request', detail }) as const
const unauthorized = (detail: string) => ({ status: 401, error: 'invalid_token', detail }) as const
const forbidden = (detail: string) => ({ status: 403, error: 'insufficient_scope', detail }) as const

const kinds = {
  /** No `Authorization` header, or another scheme. RFC 6750 §3.1: a challenge without an error code. */
  credentials_missing: { status: 401, detail: 'Send an access token: Authorization: Bearer <token>.' },
  /** RFC 6750 §3.1 `invalid_request`: the header is not `Bearer`, one space, one b64token (§2.1). */
  authorization_malformed: invalidRequest(
    'The Authorization header must be "Bearer", one space and one token, with nothing after it.'
  ),
  /** RFC 9110 §5.3: `Authorization` is not a list, so it may be sent once only. */
  authorization_repeated: invalidRequest('The request has more than one Authorization header; send one.'),
  /** Node silently drops headers beyond a limit, so a second `Authorization` may have been one of them. */
  too_many_headers: invalidRequest('The request has more headers than this API reads; send fewer.'),
  /** Not a JWS in compact form (RFC 7515 §7.1) whose header and payload are JSON objects. */
  token_malformed: unauthorized('The token is not a signed JWT. Send the access token unchanged.'),
  /** `alg` is not one that this API accepts (RFC 8725 §3.1). */
  wrong_algorithm: unauthorized('The token is signed with an algorithm that this API does not accept.'),
  /** `typ` names another kind of token (RFC 8725 §3.11). */
  wrong_token_type: unauthorized('The "typ" of the token says that it is no access token.'),
  /** `crit` (RFC 7515 §4.1.11), a header that brings its own key (RFC 8725 §3.10), or that of an encrypted or nested token. */
  unsupported_header: unauthorized('The token has a header parameter that this API does not accept.'),
  /** No key of the tenant has this `kid`. */
  unknown_key: unauthorized('The token is signed with a key that the tenant does not publish. Get a new token.'),
  /** The signature does not match (RFC 7515 §5.2). */
  invalid_signature: unauthorized('The signature of the token is not valid. Send the access token unchanged.'),
  /** `exp` has passed by more than the allowed clock skew (RFC 7519 §4.1.4). */
  token_expired: unauthorized('The token has expired. Get a new one.'),
  /** `nbf` or `iat` is in the future by more than the allowed clock skew (RFC 7519 §4.1.5, §4.1.6). */
  token_not_yet_valid: unauthorized(
    'The token is not valid yet: its nbf or iat is in the future by the clock of this API. The operator of this API should check that clock.'
  ),
  /** Revoked before it expired: the application's `isRevoked` says so. */
  token_revoked: unauthorized('The token was revoked. Get a new one.'),
  /** A connection was opened with the token of one caller, and is to be renewed with that of another one. */
  wrong_subject: unauthorized(
    'The token is of another caller than the one who opened this connection. Send a token of the same user or app, or open a new connection.'
  ),
  /** A claim that every access token has is missing. */
  missing_claim: unauthorized('The token lacks a claim that every access token has.'),
  /** A required claim has the wrong type, or a time is not a number of seconds. */
  invalid_claim: unauthorized('A claim of the token has a value that is not allowed there.'),
  /** `iss` is not the tenant's (RFC 7519 §4.1.1). */
  wrong_issuer: unauthorized('The token was issued by another authority than the one this API trusts.'),
  /** `tid` is not the tenant, or does not match `iss`. */
  wrong_tenant: unauthorized('The token was issued for another tenant.'),
  /** `tfp`, or `acr`, names another user flow of Azure AD B2C. */
  wrong_user_flow: unauthorized('The token was issued by another user flow than the one this API trusts.'),
  /** `ver` does not match `iss`. */
  wrong_version: unauthorized('The "ver" of the token does not match its issuer.'),
  /** The key is published for another issuer than the token names. */
  wrong_key_issuer: unauthorized('The token is signed with a key of another issuer.'),
  /** `aud` is not this API (RFC 7519 §4.1.3). */
  wrong_audience: unauthorized('The token is for another API.'),
  /** An ID token (OpenID Connect Core §2), which informs the client who signed in, or a logout token: neither gives access to an API. */
  not_an_access_token: unauthorized(
    'This is an ID token, or another token that is not an access token. Send the access token.'
  ),
  /** `cnf`: bound to a key whose possession the sender must prove (RFC 7800 §3, RFC 8705, RFC 9449 §7.1), which a bearer request does not. */
  bound_token: unauthorized('The token is bound to a key, so it cannot be used as a bearer token.'),
  /** Valid, with neither scopes nor roles: any app in the tenant can get such a token for any API. */
  no_permissions: forbidden(
    'The token has neither scopes nor roles for this API. Ask for a scope, or have an administrator grant a permission.'
  ),
  /** `azp`/`appid` is not one of `allowedClients`. */
  client_not_allowed: forbidden('This client application may not call this API.'),
  /** Neither `idtyp` nor `scp`, `oid` and `sub` show whether a user or an app calls. */
  caller_kind_unknown: forbidden(
    'The token shows neither a user nor an app: idtyp must be user or app. If it has none, switch on that optional claim for access tokens of this API.'
  ),
  /** `requireMember`, of a user whom the token shows neither as a member nor as a guest. */
  membership_unknown: forbidden(
    "The token does not show that the user is a member. Switch on the optional claim acct for access tokens in this API's registration."
  ),
  /** `requireAgent` or `requireHuman`, of a caller of whom the token does not show whether an AI agent acts. */
  agent_unknown: forbidden(
    "The token does not show whether an AI agent acts. Switch on the optional claims xms_act_fct and xms_sub_fct for access tokens in this API's registration."
  ),
  /** A guard denied the request. */
  insufficient_permissions: forbidden('The token lacks what this route requires.'),
  /** A step-up is required, and the client supports Entra's claims challenge. */
  insufficient_claims: {
    status: 401,
    error: 'insufficient_claims',
    detail: 'This route requires a stronger sign-in. Get a new token with the claims of the challenge.'
  },
  /** RFC 9470 §3: the sign-in is too weak, or too long ago. */
  insufficient_user_authentication: {
    status: 401,
    error: 'insufficient_user_authentication',
    detail: 'This route requires another or a newer sign-in. Get a new token as the challenge says.'
  },
  /** No usable key, and the tenant cannot be reached. */
  tenant_unavailable: {
    status: 503,
    detail: 'The keys of the tenant are unavailable at the moment, so no token can be verified. Try again later.'
  },
  /** The user is in more groups than fit into a token, and the lookup failed. */
  groups_unavailable: {
    status: 503,
    detail: 'The groups of the user are not in the token, and cannot be looked up at the moment. Try again later.'
  },
  /** A function of the application that decides who may call at all (`allowedTenants`, `isRevoked`) threw, or took too long. */
  admission_unavailable: {
    status: 503,
    detail: 'This API cannot decide at the moment whether it accepts this token. Try again later.'
  },
  /** Another API is to be called for a user, and the token is app-only (the on-behalf-of flow requires a delegated token). */
  user_required: forbidden('This route calls another API for a user. Call it with the token of a user.'),
  /** The user is from a tenant, or another provider, for which this API has no credential; for others it has one. */
  downstream_not_offered: forbidden('This route calls another API for its users, but not for those of this tenant.'),
  /** AADSTS65001: nobody consented to the permission that this API requests in another API for the user. */
  consent_required: forbidden(
    'Neither the user nor an administrator has consented to this API calling another API for the user.'
  ),
  /** The tenant refuses this API's own request for a token, because of its credentials or permissions. Only its operator can fix that. */
  downstream_refused: {
    status: 502,
    detail:
      'The tenant refused to issue this API a token for another API. The operator of this API finds the reason in its log.'
  },
  /** The response is not one that this service sends. */
  downstream_failed: { status: 502, detail: 'Another service that this route needs sent an unexpected response.' },
  /** The tenant does not answer, or throttles this API. */
  downstream_unavailable: {
    status: 503,
    detail: 'Another service that this route needs is not available at the moment. Try again later.'
  },
  /** A policy threw, or took too long. */
  policy_unavailable: {
    status: 503,
    detail: 'A permission of this route cannot be checked at the moment. Try again later.'
  },
  /** RFC 6585 §4: a rate limit of the application. */
  rate_limited: {
    status: 429,
    detail: 'Too many requests. Try again after as many seconds as Retry-After says.'
  }
} as const satisfies Record<string, Kind>

/** The stable `code` of a refusal: what programs may switch on. */
export type RefusalCode = keyof typeof kinds

/** Why a request is refused, and everything that the client learns about it. */
export interface Refusal {
  readonly code: RefusalCode
  /** HTTP status code. */
  readonly status: 400 | 401 | 403 | 429 | 502 | 503
  /** `error` of the challenge, RFC 6750 §3.1. */
  readonly error?: BearerError
  /** What the client's developer can change. Never library internals, never a part of the token. */
  readonly detail: string
  /** Scopes that would help, for the challenge's `scope` (RFC 6750 §3). */
  readonly scopes?: readonly string[]
  /** Seconds, for `Retry-After` (RFC 9110 §10.2.3). */
  readonly retryAfterSeconds?: number
  /** Further parameters of the challenge: what a step-up must satisfy, and where. A `realm` replaces that of the API. */
  readonly challenge?: Readonly<Record<string, string>>
}

/** What a refusal may add to its kind. */
export type RefusalExtra = Pick<Refusal, 'scopes' | 'retryAfterSeconds' | 'challenge'> & { readonly detail?: string }

const plain = new Map<RefusalCode, Refusal>()

/** The refusal of a kind, with additions for this case. Without additions it is always the same object, whose response is built once. */
export function refusal(code: RefusalCode, extra?: RefusalExtra): Refusal {
  if (extra) return { code, ...kinds[code], ...extra }
  const made = plain.get(code) ?? Object.freeze<Refusal>({ code, ...kinds[code] })
  plain.set(code, made)
  return made
}

/** Distinguishes a refusal from a principal, a key, or a thrown error. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'code') && Object.hasOwn(value, 'detail')
}
