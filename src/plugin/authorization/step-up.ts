/** Step-up: how a caller can satisfy a rule that the present token does not satisfy, by signing in again or with a stronger method. */

import type { Principal } from '../claims/principal.js'
import { claimsChallenge } from '../refusals/challenge.js'
import { type Refusal, refusal } from '../refusals/refusal.js'

/** What a new token must show. */
export interface StepUp {
  /** Authentication contexts, any of which will do: `acrs` of Entra's tokens, `acr` of others'. */
  readonly authContexts?: readonly string[]
  /** Seconds since the user authenticated, at the most. */
  readonly maxAgeSeconds?: number
}

const isEntra = ({ provider }: Principal) => provider === 'entra'

/**
 * Whether a token shows an authentication context: in `acrs` (Microsoft: "Developer guide to Conditional Access authentication context"), or
 * in `acr` (OpenID Connect Core §2), whose values are case-sensitive.
 */
export function hasAuthContext(principal: Principal, id: string): boolean {
  const { acrs, acr } = principal.claims
  const isSame = isEntra(principal) ? (value: unknown) => isSameContext(value, id) : (value: unknown) => value === id
  return [isEntra(principal) ? acrs : acr].flat().some(isSame)
}

/** Of Entra's contexts one case: its guide writes `C1`, its claims challenges and Microsoft Graph `c1`. Nothing but ASCII letters is folded. */
const inLowerCase = (id: string) => id.replace(/[A-Z]/g, (letter) => letter.toLowerCase())

const isSameContext = (value: unknown, id: string) =>
  typeof value === 'string' && inLowerCase(value) === inLowerCase(id)

/** Clocks differ by no more; a sign-in further in the future is a time in milliseconds, or not a time. */
const maxSkewSeconds = 300

/** Seconds since the user authenticated (`auth_time`, OpenID Connect Core §2); infinite where the token does not say. */
export function authAgeSeconds({ claims }: Principal): number {
  const { auth_time } = claims
  const age = typeof auth_time === 'number' ? Date.now() / 1000 - auth_time : Number.NaN
  return age >= -maxSkewSeconds ? age : Number.POSITIVE_INFINITY
}

/**
 * The challenge for a step-up. Clients of Entra get a claims challenge where they declare that they handle it (`xms_cc` contains
 * `cp1`; Microsoft: "Claims challenges, claims requests and client capabilities"), others RFC 9470's.
 *
 * @returns `undefined` where the client could not do anything with it
 */
export function stepUpRefusal(stepUp: StepUp, principal: Principal, detail: string): Refusal | undefined {
  const { authContexts, maxAgeSeconds } = stepUp
  // One `value`: Microsoft's guide to authentication contexts has no `values`, which in OpenID Connect Core §5.5.1 means any of them.
  if (isEntra(principal) && authContexts)
    return understandsClaims(principal)
      ? refusal('insufficient_claims', {
          detail,
          challenge: claimsChallenge(
            JSON.stringify({ access_token: { acrs: { essential: true, value: inLowerCase(String(authContexts[0])) } } })
          )
        })
      : undefined
  const challenge = {
    ...(authContexts && { acr_values: authContexts.join(' ') }),
    ...(maxAgeSeconds !== undefined && { max_age: String(maxAgeSeconds) })
  }
  return refusal('insufficient_user_authentication', { detail, challenge })
}

/** The answer to a revoked token: Entra's clients that understand the challenge request a token that is newer than this. */
export function revokedRefusal(principal: Principal): Refusal {
  if (!isEntra(principal) || !understandsClaims(principal)) return refusal('token_revoked')
  const nbf = { essential: true, value: String(Math.floor(Date.now() / 1000)) }
  const challenge = claimsChallenge(JSON.stringify({ access_token: { nbf } }))
  const detail = 'The token was revoked. Get a new one with the claims of the challenge.'
  // The challenge is Entra's; the code says what happened.
  return { ...refusal('token_revoked', { detail, challenge }), error: 'insufficient_claims' }
}

function understandsClaims({ claims }: Principal): boolean {
  return [claims.xms_cc].flat().some((each) => typeof each === 'string' && each.toLowerCase() === 'cp1')
}
