/**
 * Stages 4 and 5 for a user flow of Azure AD B2C, whose tokens are neither Entra's v1 nor its v2: `ver` is 1.0 and the client is in `azp`,
 * `tid` may be missing, and a `nonce` may be present (Microsoft: "Request an access token in Azure Active Directory B2C"). Pure.
 */

import { audienceRefusal } from '../claims/audience.js'
import { frozenButClaims } from '../claims/freeze.js'
import { isOtherToken } from '../claims/other-tokens.js'
import type { Claims, Principal } from '../claims/principal.js'
import { asText, displayOf, expiryOf, isSent, missingClaimRefusal, text, texts, words } from '../claims/read.js'
import { clientCheck, subjectCheck, unboundCheck } from '../issuers/common-checks.js'
import type { Check } from '../issuers/token-rules.js'
import { type Refusal, refusal } from '../refusals/refusal.js'

/** The values that the checks compare with. */
export interface UserFlowRules {
  /** Name of the user flow, or of the custom policy: in `tfp`, or in `acr` as older ones have it. */
  readonly userFlow: string
  /** All user flows of the tenant that are trusted, for messages. Default: this one. */
  readonly userFlows?: readonly string[]
  /** Accepted `aud` values. */
  readonly audiences: readonly string[]
  /** The App ID URI in the full names of this API's scopes. */
  readonly scopeBase: string
  /** `azp` values that may call; `undefined`: any. Restricts callers; grants nothing. */
  readonly allowedClients: ReadonlySet<string> | undefined
  /** The only clients whose tokens may have no scope. Default: none. */
  readonly rolelessClients?: ReadonlySet<string>
}

/** Claims that every access token of a user flow has beside `iss` and `exp`. */
const userFlowClaims = ['aud', 'iat', 'sub'] as const

const b2c = 'Microsoft: Request an access token in Azure Active Directory B2C'
const flowOf = ({ tfp, acr }: Claims) => text(isSent(tfp) ? tfp : acr)
const isNamed = (claims: Claims, userFlow: string) => flowOf(claims)?.toLowerCase() === userFlow.toLowerCase()

/** Which tokens are of a user flow, among those of a tenant's user flows. */
export const isOfUserFlow =
  (userFlow: string) =>
  (claims: Claims): boolean =>
    isNamed(claims, userFlow) || isAppOnly(claims, userFlow)

/** The checks that a signed payload must pass to be an access token of this user flow. All tenants share keys: `iss` distinguishes them. */
export function userFlowChecks(rules: UserFlowRules): readonly Check[] {
  const { userFlow, audiences, allowedClients } = rules
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
        isNamed(claims, userFlow) || isAppOnly(claims, userFlow) ? undefined : wrongUserFlow(claims, rules)
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
    clientCheck(allowedClients, ({ azp }) => text(azp)),
    scopeCheck(rules)
  ]
}

/** Names of user flows have these characters only, so that nothing else is echoed. */
const printable = (name: string) => name.slice(0, 100).replace(/[^\w-]/g, '?')

function wrongUserFlow(claims: Claims, { userFlow, userFlows = [userFlow] }: UserFlowRules): Refusal {
  const trusted = `and this API trusts ${userFlows.join(' or ')}`
  const flow = flowOf(claims)
  if (flow !== undefined)
    return refusal('wrong_user_flow', {
      detail: `The token was issued by the user flow "${printable(flow)}", ${trusted}. Sign in with that.`
    })
  return refusal('wrong_user_flow', {
    detail:
      `The token names no user flow (tfp or acr), ${trusted}. A custom policy has to put its name into tfp; a token by client credentials is ` +
      'accepted from a user flow (B2C_1_…), with no other claims than those that Microsoft documents for it.'
  })
}

/**
 * Claims of a token by client credentials (Microsoft: "Set up OAuth 2.0 client credentials flow in Azure Active Directory B2C"), and those that
 * say nothing about a person.
 */
const appClaims: ReadonlySet<string> = new Set([
  ...['iss', 'aud', 'sub', 'azp', 'scp', 'ver', 'exp', 'nbf', 'iat', 'tid', 'oid', 'azpacr', 'jti', 'uti']
])

/**
 * A token by client credentials names no user flow. A user's always does where it comes from a user flow (Microsoft: "Overview of tokens in Azure
 * Active Directory B2C", claim representing policy ID); a custom policy (B2C_1A_…) decides what is in its tokens, so that its users' tokens may
 * look the same, and none of them counts as an app's.
 */
function isAppOnly(claims: Claims, userFlow: string): boolean {
  const { sub, oid = sub, azp, scp } = claims
  const isKnown = /^b2c_1_/i.test(userFlow) && Object.keys(claims).every((name) => appClaims.has(name))
  return isKnown && oid === sub && text(azp) !== undefined && words(scp).length > 0
}

/** An ID token is for the client, has no scope, and has no `azp`. With the client ID as the scope, an access token has no `scp` either. */
const accessTokenCheck: Check = {
  id: 'b2c.access_token',
  source: b2c,
  expected:
    'azp, and scp unless azp is aud (the client ID as the scope), and none of at_hash, c_hash and events, which ID tokens and logout tokens have',
  found: ({ claims }) => Object.keys(claims),
  refuse: ({ claims }) => {
    const { azp, aud } = claims
    // Such a token may have the `nonce` of the sign-in.
    const isOther = text(azp) === undefined || isOtherToken(claims, true)
    return isOther || !(Object.hasOwn(claims, 'scp') || azp === aud) ? refusal('not_an_access_token') : undefined
  }
}

/** With the client ID as the scope a client gets a token for itself, with nothing granted. */
function scopeCheck({ scopeBase, rolelessClients }: UserFlowRules): Check {
  const ownClient = refusal('no_permissions', {
    detail:
      `The token has no scope for this API: its client asked for its own client ID as the scope. Ask for a scope of this API, such as ${scopeBase}/read, ` +
      'or have the operator list the client in rolelessClients.'
  })
  return {
    id: 'b2c.scope',
    source: b2c,
    expected: 'a scope, or a client of rolelessClients',
    found: ({ claims }) => claims.scp,
    refuse: ({ claims: { scp, azp } }) =>
      scp !== undefined || rolelessClients?.has(asText(azp)) ? undefined : ownClient
  }
}

/** The directory that the issuer names, in either of its forms. */
function tenantOf({ iss }: Claims): string {
  return String(/^https?:\/\/[^/]+\/(?:tfp\/)?([^/]+)/i.exec(asText(iss))?.[1])
}

/** The principal: a user, or an app by client credentials, whose scopes are the app roles that it was granted. */
export function toUserFlowPrincipal(claims: Claims): Principal {
  const subject = String(claims.sub)
  const caller = {
    provider: 'entra' as const,
    id: text(claims.oid) ?? subject,
    subject,
    issuer: String(claims.iss),
    tenantId: tenantOf(claims),
    clientId: String(claims.azp),
    expiresAt: expiryOf(claims),
    claims
  }
  // The rules admit such a token only where it is an app's.
  if (flowOf(claims) === undefined)
    return frozenButClaims({ kind: 'app', ...caller, roles: words(claims.scp), scopes: [], groups: [] })
  return frozenButClaims({
    kind: 'user',
    ...{ membership: 'unknown', isGuest: false, hasMoreGroups: false },
    ...caller,
    ...{ scopes: words(claims.scp), roles: [], groups: [] },
    ...displayed(claims)
  })
}

/** A user flow puts the user's addresses into `emails`, a list (Microsoft: "User profile attributes", `emails`). */
function displayed(claims: Claims): { readonly name?: string; readonly email?: string } {
  const [first] = texts(claims.emails)
  const display = displayOf(claims)
  return text(claims.email) === undefined && first !== undefined ? { ...display, email: first } : display
}
