/** Stage 4: Entra's checks of a signed payload: tid, ver, key issuer, aud, and whether it is an access token. Pure. */
import { audienceRefusal } from '../claims/audience.js'
import { isOtherToken } from '../claims/other-tokens.js'
import type { Claims } from '../claims/principal.js'
import { asText, missingClaimRefusal, text } from '../claims/read.js'
import { clientCheck, subjectCheck, unboundCheck } from '../issuers/common-checks.js'
import type { Check } from '../issuers/token-rules.js'
import { tenantPlaceholder } from '../issuers/token-rules.js'
import type { VerificationKey } from '../keys/jwks.js'
import { guid } from '../lib/validate.js'
import { type Refusal, refusal } from '../refusals/refusal.js'
import { callerKindRefusal } from './caller-kind.js'
import { audienceDetail } from './hints.js'

/** The values that the checks compare with. */
export interface TenantRules {
  /** `ver` of the tokens of this issuer. */
  readonly version: '1.0' | '2.0'
  /** Accepted `aud` values, as configured. */
  readonly audiences: readonly string[]
  /** The App ID URI in the full names of this API's scopes. */
  readonly scopeBase: string
  /** Of this API: said in a refusal where `audiences` lack it. */
  readonly clientId: string
  /** `azp`/`appid` values that may call; `undefined`: any. Restricts callers; grants nothing. */
  readonly allowedClients: ReadonlySet<string> | undefined
  /** Which directories may call, for an issuer that all of them share. A function is called later, as it may take time. */
  readonly acceptsTenant: (tenantId: string) => boolean
}

/** Claims that every Entra access token has beside `iss`, `aud` and `exp` (Microsoft: "Access token claims reference"). */
const entraClaims = ['aud', 'iat', 'sub', 'tid', 'ver'] as const

/** In lower case, as in tokens: applications store data under it, and another spelling would be another key. */
const isTenantId = (tid: string) => guid.test(tid) && tid === tid.toLowerCase()

/** The checks that a signed payload must pass to be an access token for this API, in this order. `iss` selected the rules. */
export function entraChecks(rules: TenantRules): readonly Check[] {
  return [...tenantChecks(rules), ...accessChecks(rules), callerKindCheck]
}

const tokenClaims = 'Microsoft: Access token claims reference'
const claimsValidation = 'Microsoft: Secure applications and APIs by validating claims'

/** Which tenant issued it, and in which version. */
function tenantChecks(rules: TenantRules): readonly Check[] {
  return [
    {
      id: 'entra.claims',
      source: tokenClaims,
      expected: `the claims ${entraClaims.join(', ')}`,
      found: ({ claims }) => Object.keys(claims),
      refuse: ({ claims }) => missingClaimRefusal(claims, entraClaims)
    },
    {
      id: 'entra.tid',
      source: claimsValidation,
      expected: 'one tid, a lower-case GUID that is the tenant of iss',
      found: ({ claims: { iss, tid } }) => ({ iss, tid }),
      refuse: ({ claims }) => {
        const { iss, tid } = claims
        if (typeof tid !== 'string' || !isTenantId(tid) || tenantIdOf(asText(iss)) !== tid || hasOtherTid(claims))
          return refusal('wrong_tenant')
        return undefined
      }
    },
    {
      id: 'entra.tenant',
      source: claimsValidation,
      expected: 'a tenant that may call',
      found: ({ claims }) => claims.tid,
      refuse: ({ claims: { tid } }) => (rules.acceptsTenant(asText(tid)) ? undefined : tenantNotAccepted(asText(tid)))
    },
    {
      id: 'entra.ver',
      source: tokenClaims,
      expected: `ver ${rules.version}, as iss is of that version`,
      found: ({ claims }) => claims.ver,
      refuse: ({ claims: { ver } }) => {
        if (ver !== rules.version) return refusal('wrong_version')
        return undefined
      }
    },
    {
      id: 'entra.key_issuer',
      source: 'Microsoft: Signing key rollover, validate the signing key issuer',
      expected: 'a key that is published for the issuer of the token',
      readsKey: true,
      found: ({ key }) => key.issuer ?? 'no issuer in the key’s entry',
      refuse: ({ claims: { iss, tid }, key }) => {
        if (!keyFits(key, asText(iss), asText(tid), rules.version)) return refusal('wrong_key_issuer')
        return undefined
      }
    }
  ]
}

/** Whether it is an access token for this API from a client that may call. */
function accessChecks(rules: TenantRules): readonly Check[] {
  const { audiences, version, allowedClients } = rules
  const accepts = (value: string) => isAudience(value, version, audiences)
  const detailOf = audienceDetail(rules)
  return [
    subjectCheck,
    {
      id: 'entra.access_token',
      source: 'OpenID Connect Core §2',
      expected:
        'a client (azp, or appid in v1.0), and none of nonce, at_hash, c_hash and events, which ID tokens and logout tokens have',
      found: ({ claims }) => Object.keys(claims),
      refuse: ({ claims }) =>
        clientIdOf(claims) === undefined || isOtherToken(claims) ? refusal('not_an_access_token') : undefined
    },
    unboundCheck,
    {
      id: 'entra.aud',
      source: 'RFC 7519 §4.1.3',
      expected: audiences.join(' or '),
      found: ({ claims }) => claims.aud,
      refuse: ({ claims }) => audienceRefusal(claims.aud, audiences, accepts, detailOf)
    },
    clientCheck(allowedClients, clientIdOf)
  ]
}

const callerKindCheck: Check = {
  id: 'entra.caller_kind',
  source: 'Microsoft: Protected web API, verify scopes and app roles',
  expected: 'an idtyp of user or app; without idtyp, a scope or an oid',
  found: ({ claims: { idtyp, scp, oid } }) => ({ idtyp, scp, oid }),
  refuse: ({ claims }) => callerKindRefusal(claims)
}

/** The refusal of a genuine tenant that may not call. */
export function tenantNotAccepted(tenantId: string): Refusal {
  return refusal('wrong_tenant', { detail: `This API does not accept tokens of the tenant ${tenantId}.` })
}

/** A claim whose name differs only in case, which a case-insensitive reader could take for the real one. */
function hasOtherTid(claims: Claims): boolean {
  return Object.keys(claims).some((name) => name.length === 3 && name !== 'tid' && name.toLowerCase() === 'tid')
}

/**
 * Entra's per-key `issuer` ("Signing key rollover": validate the signing key issuer). A concrete value must be the token's issuer, a
 * template matches its tenant, and no value restricts nothing. A v1 token with a v2 key passes if both name the same tenant.
 */
function keyFits({ issuer }: VerificationKey, iss: string, tid: string, version: string): boolean {
  if (issuer === undefined) return true
  const concrete = issuer.replaceAll(tenantPlaceholder, tid)
  return concrete === iss || (version === '1.0' && tenantIdOf(concrete) === tid)
}

/** An issuer's first path segment is the tenant, in every version and cloud. Compared as text, as issuers are. */
export function tenantIdOf(issuer: string): string | undefined {
  return /^[a-z]+:\/\/[^/]+\/([^/]+)/.exec(issuer)?.[1]
}

/** v2: the client ID or an exact value; v1: any App ID URI, with or without the slash that clients add. */
function isAudience(value: string, version: string, audiences: readonly string[]): boolean {
  if (audiences.includes(value)) return true
  if (version !== '1.0') return false
  return audiences.some((audience) => audience.includes('://') && withoutSlash(audience) === withoutSlash(value))
}

const withoutSlash = (uri: string) => (uri.endsWith('/') ? uri.slice(0, -1) : uri)

/** `azp` (v2) or `appid` (v1): the application that requested the token. */
export function clientIdOf({ ver, azp, appid }: Claims): string | undefined {
  return text(ver === '1.0' ? appid : azp)
}
