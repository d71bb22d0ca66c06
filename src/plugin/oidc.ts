/** Stages 4 and 5 for any OpenID provider that is not Entra: its tokens' rules, and whom they speak for. Pure. */
import { audienceRefusal } from './audience.js'
import {
  type ClaimPath,
  clientRefusal,
  deepFreeze,
  displayOf,
  isOtherToken,
  missingClaimRefusal,
  text,
  texts,
  textsAt,
  words
} from './claims.js'
import { type Refusal, refusal } from './errors.js'
import type { SignedToken } from './profile.js'
import type { Provider } from './providers.js'
import type { Claims, Principal } from './types.js'

/** What the rules compare with, and where claims are. */
export interface OidcRules {
  readonly provider: Provider
  /** Accepted `aud` values. */
  readonly audiences: readonly string[]
  /** Clients that may call; `undefined`: any. Narrows, never grants. */
  readonly allowedClients: ReadonlySet<string> | undefined
  /** True where only tokens of the JWT Profile for Access Tokens will do. */
  readonly rfc9068: boolean
  /** Where roles are; all that are found count. */
  readonly roles: ClaimSource
  readonly groups: ClaimSource
}

/** Where a claim is. */
export interface ClaimSource {
  readonly paths: readonly ClaimPath[]
  /** True where it may be one string that commas part: where the configuration says where it is. */
  readonly mayBeText: boolean
}

/** Why a signed token is no access token for this API, or `undefined` when it is one. `iss` picked the rules. */
export function oidcRefusal(token: SignedToken, rules: OidcRules): Refusal | undefined {
  const { claims } = token
  const { audiences, provider } = rules
  if (rules.rfc9068) {
    const other = profileRefusal(token)
    if (other) return other
  }
  if (!isAccessToken(token) && !provider.isForApis?.(claims)) return refusal('not_an_access_token')
  if (claims.cnf !== undefined) return refusal('bound_token')
  if (subjectOf(claims) === undefined)
    return refusal('missing_claim', {
      detail: 'The token names neither a subject (sub) nor, without one, a client (client_id).'
    })
  const aud = Object.hasOwn(claims, 'aud') ? claims.aud : provider.audienceOf?.(claims)
  const wrongAudience =
    aud === undefined ? lacksAudience : audienceRefusal(aud, audiences, (value) => audiences.includes(value))
  return wrongAudience ?? clientRefusal(clientIdOf(claims), rules.allowedClients)
}

const lacksAudience = refusal('missing_claim', { detail: 'The token lacks the claim "aud".' })

/** RFC 9068 §2.2, §4: the type is explicit, and these claims are there. */
function profileRefusal({ header, claims }: SignedToken): Refusal | undefined {
  if (!accessTokenType.test(String(header.typ))) return refusal('wrong_token_type')
  const { azp = claims.client_id, client_id } = claims
  const incomplete = missingClaimRefusal(claims, ['aud', 'sub', 'client_id', 'iat', 'jti'])
  if (incomplete || azp === client_id) return incomplete
  return refusal('invalid_claim', { detail: 'The "azp" and the "client_id" of the token name different clients.' })
}

/** Claims that ID tokens do not have: what was granted, or to which client (RFC 9068 §2.2, RFC 8693 §4.2, §4.3). */
const grants = ['scope', 'scp', 'client_id', 'cid', 'permissions', 'gty'] as const
const accessTokenType = /^(application\/)?at\+jwt$/i

/**
 * An ID token may have the API as its `aud`, and `JWT` as its `typ`. So a token must say by something that it is an access
 * token; and one that names itself otherwise, as Keycloak (`typ`) and Cognito (`token_use`) do, is none.
 */
function isAccessToken({ header, claims }: SignedToken): boolean {
  const { token_use, typ } = claims
  // Keycloak before 25 put the `nonce` of the sign-in into access tokens as well, and says `Bearer` in their `typ` claim.
  if (isOtherToken(claims, typ === 'Bearer')) return false
  const saysOther = (token_use !== undefined && token_use !== 'access') || (typ !== undefined && typ !== 'Bearer')
  if (saysOther) return false
  const says = accessTokenType.test(String(header.typ)) || token_use !== undefined || typ !== undefined
  return says || grants.some((name) => Object.hasOwn(claims, name))
}

/** Scopes of the sign-in itself (OpenID Connect Core §5.4, §11): any client gets them, and they open nothing here. */
const signInScopes: ReadonlySet<string> = new Set([
  ...['openid', 'profile', 'email', 'address', 'phone', 'offline_access']
])

/**
 * Who the token speaks for. What a client was granted for itself are its permissions, and stand in `roles` with what it was
 * assigned: `scopes` are a user's to give.
 */
export function toOidcPrincipal(claims: Claims, { provider, ...rules }: OidcRules): Principal {
  const { scope, scp } = claims
  const granted = new Set([...words(scope), ...words(scp), ...texts(scope), ...texts(scp)])
  const scopes = [...granted].filter((name) => !signInScopes.has(name) && !provider.signInScopes?.has(name))
  const roles = allAt(claims, rules.roles).filter((role) => !provider.isEverybodys?.(role))
  const issuer = String(claims.iss)
  const subject = String(subjectOf(claims))
  const caller = { id: subject, subject, issuer, tenantId: issuer, clientId: clientIdOf(claims), claims }
  if (provider.isForApis?.(claims) || provider.isAppOnly?.(claims) || isAppOnly(claims))
    return deepFreeze({ kind: 'app', ...caller, roles: [...new Set([...roles, ...scopes])], scopes: [], groups: [] })
  const groups = allAt(claims, rules.groups)
  return deepFreeze({
    kind: 'user',
    isGuest: false,
    hasMoreGroups: false,
    ...caller,
    scopes,
    roles,
    groups,
    ...displayOf(claims)
  })
}

function allAt(claims: Claims, { paths, mayBeText }: ClaimSource): string[] {
  return [...new Set(paths.flatMap((path) => textsAt(claims, path, mayBeText)))]
}

/**
 * `sub`. A token without one is its client's own where it has `client_id` and nobody signed in for it, as has been seen; else it may be a
 * user's whose `sub` was left out, as Keycloak's and PingFederate's can be, and would make every user the same.
 */
function subjectOf(claims: Claims): string | undefined {
  const { sub, client_id } = claims
  if (sub !== undefined && sub !== null) return text(sub)
  return isSignedIn(claims) || Object.hasOwn(claims, 'auth_time') ? undefined : text(client_id)
}

/** What only the token of somebody who signed in has (`auth_time`, in Cognito's and Okta's, all have): Okta's `uid`, Cognito's `username`. */
function isSignedIn(claims: Claims): boolean {
  const allHaveIt = claims.token_use !== undefined || claims.cid !== undefined
  const signs = ['amr', 'sid', 'uid', 'username', ...(allHaveIt ? [] : ['auth_time'])]
  return signs.some((name) => Object.hasOwn(claims, name))
}

/** `azp` (OpenID Connect Core §2), `client_id` (RFC 8693 §4.3), or `cid` as Okta has it. */
function clientIdOf({ azp, client_id, cid }: Claims): string {
  return text(azp) ?? text(client_id) ?? text(cid) ?? ''
}

/**
 * Client credentials: there is no `sub`, or it is the client (RFC 9068 §2.2), in Auth0's words `…@clients`; unless somebody signed in, who
 * may have chosen such a name. Keycloak has a user for each client with a service account, whose name nobody else gets.
 */
function isAppOnly(claims: Claims): boolean {
  const { azp, client_id, preferred_username, typ } = claims
  const clientId = clientIdOf(claims)
  const subject = text(claims.sub) ?? clientId
  const isKeycloak = typ === 'Bearer' && azp === client_id && clientId !== ''
  if (isKeycloak && preferred_username === `service-account-${clientId.toLowerCase()}`) return true
  return (subject === clientId || subject === `${clientId}@clients`) && clientId !== '' && !isSignedIn(claims)
}
