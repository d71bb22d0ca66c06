/**
 * Stages 4 and 5 for a user flow of Azure AD B2C, whose tokens are neither Entra's v1 nor its v2: `ver` is 1.0 and the client is in `azp`,
 * `tid` may be missing, and a `nonce` may be there (Microsoft: "Request an access token in Azure Active Directory B2C"). Pure.
 */
import { audienceRefusal } from '../claims/audience.js'
import { clientRefusal, deepFreeze, displayOf, missingClaimRefusal, text, words } from '../claims/claims.js'
import type { Claims, UserPrincipal } from '../claims/principal.js'
import type { SignedToken } from '../issuers/token-rules.js'
import { type Refusal, refusal } from '../refusals/refusal.js'

/** What the rules compare with. */
export interface UserFlowRules {
  /** Name of the user flow, or of the custom policy: in `tfp`, or in `acr` as older ones have it. */
  readonly userFlow: string
  /** Accepted `aud` values. */
  readonly audiences: readonly string[]
  /** The App ID URI that scopes of this API are asked for with. */
  readonly scopeBase: string
  /** `azp` values that may call; `undefined`: any. Narrows, never grants. */
  readonly allowedClients: ReadonlySet<string> | undefined
}

/** Claims that every access token of a user flow has beside `iss` and `exp`. */
const userFlowClaims = ['aud', 'iat', 'sub'] as const

/** Why a signed payload is no access token of this user flow, or `undefined` when it is one. All tenants share keys: `iss` tells them apart. */
export function userFlowRefusal({ claims }: SignedToken, rules: UserFlowRules): Refusal | undefined {
  const incomplete = missingClaimRefusal(claims, userFlowClaims)
  if (incomplete) return incomplete
  const tenantId = tenantOf(claims)
  const { tid = tenantId } = claims
  if (tid !== tenantId) return refusal('wrong_tenant')
  const flow = text(claims.tfp) ?? text(claims.acr)
  if (flow?.toLowerCase() !== rules.userFlow.toLowerCase()) return refusal('wrong_user_flow')
  const clientId = text(claims.azp)
  const isOther = clientId === undefined || 'at_hash' in claims || 'c_hash' in claims || 'events' in claims
  // An ID token is for the client, has no scope, and names no client in `azp`.
  if (isOther || !Object.hasOwn(claims, 'scp')) return refusal('not_an_access_token')
  if (claims.cnf !== undefined) return refusal('bound_token')
  if (text(claims.sub) === undefined)
    return refusal('invalid_claim', { detail: 'The "sub" of the token is no string.' })
  const { audiences } = rules
  return (
    audienceRefusal(claims.aud, audiences, (value) => audiences.includes(value)) ??
    clientRefusal(clientId, rules.allowedClients)
  )
}

/** Which directory the issuer names, in either of its forms. */
function tenantOf({ iss }: Claims): string {
  return String(/^https?:\/\/[^/]+\/(?:tfp\/)?([^/]+)/i.exec(String(iss))?.[1])
}

/** A user of the directory: only users come through user flows. */
export function toUserFlowPrincipal(claims: Claims): UserPrincipal {
  const subject = String(claims.sub)
  return deepFreeze({
    kind: 'user',
    membership: 'unknown',
    isGuest: false,
    id: text(claims.oid) ?? subject,
    subject,
    issuer: String(claims.iss),
    tenantId: tenantOf(claims),
    clientId: String(claims.azp),
    scopes: words(claims.scp),
    roles: [],
    groups: [],
    hasMoreGroups: false,
    ...displayOf(claims),
    claims
  })
}
