/** Stage 4: Entra's rules over a signed payload: iss, tid, ver, key issuer, aud, and what is no access token. Pure. */
import { type Refusal, refusal } from './errors.js'
import type { VerificationKey } from './jwks.js'
import type { Claims } from './types.js'

/** What the rules compare with. */
export interface TenantRules {
  /** The trusted issuers by exact name: the `ver` of each. */
  readonly versionOf: (issuer: string) => '1.0' | '2.0' | undefined
  /** Accepted `aud` values, as configured. */
  readonly audiences: readonly string[]
  /** The App ID URI that scopes of this API are asked for with. */
  readonly scopeBase: string
  /** `azp`/`appid` values that may call; `undefined`: any. Narrows, never grants. */
  readonly allowedClients: ReadonlySet<string> | undefined
  /** The only clients whose tokens may carry neither scopes nor roles. */
  readonly rolelessClients: ReadonlySet<string>
}

/** Claims that every Entra access token has (Microsoft: "Access token claims reference"). */
export const requiredClaims = ['iss', 'aud', 'exp', 'iat', 'sub', 'tid', 'ver'] as const

/** In lower case, as tokens have it: another spelling would be another key to store data under. */
const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Why a signed payload is no access token for this API, or `undefined` when it is one. */
export function claimsRefusal(claims: Claims, key: VerificationKey, rules: TenantRules): Refusal | undefined {
  const wrongIssuer = issuerRefusal(claims, key, rules)
  if (wrongIssuer) return wrongIssuer
  const clientId = clientIdOf(claims)
  if (clientId === undefined || isIdToken(claims)) return refusal('not_an_access_token')
  if (claims.cnf !== undefined) return refusal('bound_token')
  return audienceRefusal(claims, rules) ?? clientRefusal(clientId, rules)
}

function issuerRefusal({ iss, tid, ver, sub }: Claims, key: VerificationKey, rules: TenantRules): Refusal | undefined {
  const version = typeof iss === 'string' ? rules.versionOf(iss) : undefined
  if (typeof iss !== 'string' || !version) return refusal('wrong_issuer')
  if (typeof tid !== 'string' || !guid.test(tid) || tenantIdOf(iss) !== tid) return refusal('wrong_tenant')
  if (ver !== version) return refusal('wrong_version')
  if (!keyFits(key, iss, tid, version)) return refusal('wrong_key_issuer')
  return typeof sub === 'string' && sub !== ''
    ? undefined
    : refusal('invalid_claim', { detail: 'The "sub" of the token is no string.' })
}

/**
 * Entra's per-key `issuer` ("Signing key rollover": validate the signing key issuer). A concrete one is the token's,
 * a template takes its tenant, none says nothing. A v1 token under a v2 key passes when both name the same tenant.
 */
function keyFits({ issuer }: VerificationKey, iss: string, tid: string, version: string): boolean {
  if (issuer === undefined) return true
  const concrete = issuer.replace('{tenantid}', tid)
  return concrete === iss || (version === '1.0' && tenantIdOf(concrete) === tid)
}

/** An issuer's first path segment is the tenant, in every version and cloud. */
function tenantIdOf(issuer: string): string | undefined {
  return URL.canParse(issuer) ? new URL(issuer).pathname.split('/')[1] : undefined
}

function audienceRefusal({ aud, ver }: Claims, { audiences, scopeBase }: TenantRules): Refusal | undefined {
  const received = Array.isArray(aud) ? aud : [aud]
  if (received.some((value) => typeof value === 'string' && isAudience(value, ver, audiences))) return undefined
  const hint = foreignAudienceHint(aud, scopeBase)
  if (hint) return refusal('wrong_audience', { detail: hint })
  return refusal('wrong_audience', {
    detail: `The token is for ${shown(received[0])}, and this API is ${audiences.join(' or ')}. Ask for a scope of this API.`
  })
}

/** v2 has the client ID or an exact value; v1 has any App ID URI, with or without the slash that clients add. */
function isAudience(value: string, ver: unknown, audiences: readonly string[]): boolean {
  if (audiences.includes(value)) return true
  if (ver !== '1.0') return false
  return audiences.some((audience) => audience.includes('://') && withoutSlash(audience) === withoutSlash(value))
}

const withoutSlash = (uri: string) => (uri.endsWith('/') ? uri.slice(0, -1) : uri)

/** APIs of Microsoft's that tokens are asked for by mistake, by the `aud` that their tokens carry. */
const microsoftApis: ReadonlyMap<unknown, string> = new Map([
  ['00000003-0000-0000-c000-000000000000', 'Microsoft Graph'],
  ['https://graph.microsoft.com', 'Microsoft Graph'],
  ['https://graph.microsoft.com/', 'Microsoft Graph'],
  ['https://management.azure.com', 'Azure Resource Manager'],
  ['https://management.azure.com/', 'Azure Resource Manager'],
  ['https://management.core.windows.net', 'Azure Resource Manager'],
  ['https://management.core.windows.net/', 'Azure Resource Manager']
])

/**
 * A fixed sentence for a token of a well-known other API; safe also for an unproven `aud`, as nothing of it is echoed.
 * A Graph token's signature cannot be verified by anyone else, so this is often all that can be said of it.
 */
export function foreignAudienceHint(aud: unknown, scopeBase: string): string | undefined {
  const api = microsoftApis.get(aud)
  return api && `This token is for ${api}; ask for a scope of this API, such as ${scopeBase}/access_as_user.`
}

/** What an ID token carries beside having no `azp`/`appid` (OpenID Connect Core §2, §3.3.2.11). */
function isIdToken(claims: Claims): boolean {
  return 'nonce' in claims || 'at_hash' in claims || 'c_hash' in claims
}

function clientRefusal(clientId: string, { allowedClients }: TenantRules): Refusal | undefined {
  return !allowedClients || allowedClients.has(clientId) ? undefined : refusal('client_not_allowed')
}

/** `azp` (v2) or `appid` (v1): the application that asked for the token. */
export function clientIdOf({ ver, azp, appid }: Claims): string | undefined {
  const clientId = ver === '1.0' ? appid : azp
  return typeof clientId === 'string' && clientId !== '' ? clientId : undefined
}

/** A received value, fit to be shown: short, printable, on one line. */
function shown(value: unknown): string {
  if (typeof value !== 'string') return 'no API that can be named'
  return `"${value.slice(0, 100).replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?')}"`
}
