/**
 * Stages 4 and 5 for a user flow of Azure AD B2C, whose tokens are neither Entra's v1 nor its v2: `ver` is 1.0 and the client is in `azp`,
 * `tid` may be missing, and a `nonce` may be present (Microsoft: "Request an access token in Azure Active Directory B2C"). Pure.
 */
import { audienceRefusal } from '../claims/audience.js'
import type { Claims, UserPrincipal } from '../claims/principal.js'
import { asText, deepFreeze, displayOf, missingClaimRefusal, text, words } from '../claims/read.js'
import { clientCheck, subjectCheck, unboundCheck } from '../issuers/common-checks.js'
import type { Check } from '../issuers/token-rules.js'
import { refusal } from '../refusals/refusal.js'

/** The values that the checks compare with. */
export interface UserFlowRules {
  /** Name of the user flow, or of the custom policy: in `tfp`, or in `acr` as older ones have it. */
  readonly userFlow: string
  /** Accepted `aud` values. */
  readonly audiences: readonly string[]
  /** The App ID URI in the full names of this API's scopes. */
  readonly scopeBase: string
  /** `azp` values that may call; `undefined`: any. Restricts callers; grants nothing. */
  readonly allowedClients: ReadonlySet<string> | undefined
}

/** Claims that every access token of a user flow has beside `iss` and `exp`. */
const userFlowClaims = ['aud', 'iat', 'sub'] as const

const b2c = 'Microsoft: Request an access token in Azure Active Directory B2C'
const flowOf = ({ tfp, acr }: Claims) => text(tfp) ?? text(acr)

/** The checks that a signed payload must pass to be an access token of this user flow. All tenants share keys: `iss` distinguishes them. */
export function userFlowChecks({ userFlow, audiences, allowedClients }: UserFlowRules): readonly Check[] {
  return [
    {
      id: 'b2c.claims',
      source: b2c,
      expected: `the claims ${userFlowClaims.join(', ')}`,
      found: ({ claims }) => Object.keys(claims),
      refuse: ({ claims }) => missingClaimRefusal(claims, userFlowClaims)
    },
    {
      id: 'b2c.tid',
      source: b2c,
      expected: 'the tenant of iss, where there is a tid',
      found: ({ claims: { iss, tid } }) => ({ iss, tid }),
      refuse: ({ claims }) => {
        const tenantId = tenantOf(claims)
        const { tid = tenantId } = claims
        return tid === tenantId ? undefined : refusal('wrong_tenant')
      }
    },
    {
      id: 'b2c.user_flow',
      source: b2c,
      expected: userFlow,
      found: ({ claims }) => flowOf(claims),
      refuse: ({ claims }) =>
        flowOf(claims)?.toLowerCase() === userFlow.toLowerCase() ? undefined : refusal('wrong_user_flow')
    },
    accessTokenCheck,
    unboundCheck,
    subjectCheck,
    {
      id: 'b2c.aud',
      source: 'RFC 7519 §4.1.3',
      expected: audiences.join(' or '),
      found: ({ claims }) => claims.aud,
      refuse: ({ claims }) => audienceRefusal(claims.aud, audiences, (value) => audiences.includes(value))
    },
    clientCheck(allowedClients, ({ azp }) => text(azp))
  ]
}

/** An ID token is for the client, has no scope, and has no `azp`. */
const accessTokenCheck: Check = {
  id: 'b2c.access_token',
  source: b2c,
  expected: 'azp and scp, and none of at_hash, c_hash and events, which ID tokens and logout tokens have',
  found: ({ claims }) => Object.keys(claims),
  refuse: ({ claims }) => {
    const isOther = text(claims.azp) === undefined || 'at_hash' in claims || 'c_hash' in claims || 'events' in claims
    return isOther || !Object.hasOwn(claims, 'scp') ? refusal('not_an_access_token') : undefined
  }
}

/** The directory that the issuer names, in either of its forms. */
function tenantOf({ iss }: Claims): string {
  return String(/^https?:\/\/[^/]+\/(?:tfp\/)?([^/]+)/i.exec(asText(iss))?.[1])
}

/** The principal, always a user: only users sign in through user flows. */
export function toUserFlowPrincipal(claims: Claims): UserPrincipal {
  const subject = String(claims.sub)
  return deepFreeze({
    kind: 'user',
    provider: 'entra',
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
