/** Stage 4: Entra's rules over a signed payload: tid, ver, key issuer, aud, and what is no access token. Pure. */
import { audienceRefusal } from '../claims/audience.js'
import { clientRefusal, isOtherToken, missingClaimRefusal, text } from '../claims/claims.js'
import type { Claims } from '../claims/principal.js'
import type { SignedToken } from '../issuers/token-rules.js'
import { tenantPlaceholder } from '../issuers/token-rules.js'
import type { VerificationKey } from '../keys/jwks.js'
import { type Refusal, refusal } from '../refusals/refusal.js'
import { audienceDetail } from './hints.js'

/** What the rules compare with. */
export interface TenantRules {
  /** `ver` of the tokens of this issuer. */
  readonly version: '1.0' | '2.0'
  /** Accepted `aud` values, as configured. */
  readonly audiences: readonly string[]
  /** The App ID URI that scopes of this API are asked for with. */
  readonly scopeBase: string
  /** `azp`/`appid` values that may call; `undefined`: any. Narrows, never grants. */
  readonly allowedClients: ReadonlySet<string> | undefined
  /** Which directories may call, where the issuer is that of all of them. A function's answer comes later, as it may take time. */
  readonly acceptsTenant: (tenantId: string) => boolean
}

/** Claims that every Entra access token has beside `iss`, `aud` and `exp` (Microsoft: "Access token claims reference"). */
const entraClaims = ['aud', 'iat', 'sub', 'tid', 'ver'] as const

/** In lower case, as tokens have it: another spelling would be another key to store data under. */
const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Why a signed payload is no access token for this API, or `undefined` when it is one. `iss` picked the rules. */
export function entraRefusal({ claims, key }: SignedToken, rules: TenantRules): Refusal | undefined {
  const wrongTenant = missingClaimRefusal(claims, entraClaims) ?? tenantRefusal(claims, key, rules)
  if (wrongTenant) return wrongTenant
  const clientId = clientIdOf(claims)
  if (clientId === undefined || isOtherToken(claims)) return refusal('not_an_access_token')
  if (claims.cnf !== undefined) return refusal('bound_token')
  const { audiences, scopeBase, version } = rules
  const accepts = (value: string) => isAudience(value, version, audiences)
  const wrongAudience = audienceRefusal(claims.aud, audiences, accepts, audienceDetail(scopeBase, version))
  return wrongAudience ?? clientRefusal(clientId, rules.allowedClients)
}

function tenantRefusal(claims: Claims, key: VerificationKey, rules: TenantRules): Refusal | undefined {
  const { iss, tid, ver, sub } = claims
  if (typeof tid !== 'string' || !guid.test(tid) || tenantIdOf(String(iss)) !== tid || hasOtherTid(claims))
    return refusal('wrong_tenant')
  if (!rules.acceptsTenant(tid)) return tenantNotAccepted(tid)
  if (ver !== rules.version) return refusal('wrong_version')
  if (!keyFits(key, String(iss), tid, rules.version)) return refusal('wrong_key_issuer')
  return text(sub) === undefined
    ? refusal('invalid_claim', { detail: 'The "sub" of the token is no string.' })
    : undefined
}

/** The tenant is genuine, and none of those that may call. */
export function tenantNotAccepted(tenantId: string): Refusal {
  return refusal('wrong_tenant', { detail: `This API does not accept tokens of the tenant ${tenantId}.` })
}

/** A twin in another case, which a reader that takes no notice of case could see in place of the real one. */
function hasOtherTid(claims: Claims): boolean {
  return Object.keys(claims).some((name) => name.length === 3 && name !== 'tid' && name.toLowerCase() === 'tid')
}

/**
 * Entra's per-key `issuer` ("Signing key rollover": validate the signing key issuer). A concrete one is the token's,
 * a template takes its tenant, none says nothing. A v1 token under a v2 key passes when both name the same tenant.
 */
function keyFits({ issuer }: VerificationKey, iss: string, tid: string, version: string): boolean {
  if (issuer === undefined) return true
  const concrete = issuer.replaceAll(tenantPlaceholder, tid)
  return concrete === iss || (version === '1.0' && tenantIdOf(concrete) === tid)
}

/** An issuer's first path segment is the tenant, in every version and cloud. Issuers are compared as text, and so is this. */
export function tenantIdOf(issuer: string): string | undefined {
  return /^[a-z]+:\/\/[^/]+\/([^/]+)/.exec(issuer)?.[1]
}

/** v2 has the client ID or an exact value; v1 has any App ID URI, with or without the slash that clients add. */
function isAudience(value: string, version: string, audiences: readonly string[]): boolean {
  if (audiences.includes(value)) return true
  if (version !== '1.0') return false
  return audiences.some((audience) => audience.includes('://') && withoutSlash(audience) === withoutSlash(value))
}

const withoutSlash = (uri: string) => (uri.endsWith('/') ? uri.slice(0, -1) : uri)

/** `azp` (v2) or `appid` (v1): the application that asked for the token. */
export function clientIdOf({ ver, azp, appid }: Claims): string | undefined {
  return text(ver === '1.0' ? appid : azp)
}
