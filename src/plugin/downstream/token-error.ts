/** What a token endpoint answers instead of a token (RFC 6749 §5.2, with Entra's members), and what that means for the caller. */

import type { JsonAnswer } from '../lib/json-client.js'
import { OutageError, ThrottledError } from '../lib/outages.js'
import { claimsChallenge } from '../refusals/challenge.js'
import { type Refusal, refusal } from '../refusals/refusal.js'

/** Why there is no token, and what of it the operator may read: codes, never descriptions, which name people. */
export interface NoToken {
  readonly refusal: Refusal
  readonly about: Readonly<Record<string, unknown>>
}

/** AADSTS numbers (Microsoft: "Microsoft Entra authentication and authorization error codes"). */
const consentMissing = 65_001
const assertionExpired = 500_133
/** The caller's token is not one that may be exchanged: no sign-in of the user would change that. */
const assertionRefused = [50_013, 500_131, 50_027]

/** Bytes. A challenge is a header, in base64; proxies allow 4096 for all headers of an answer by default, and make a 502 of more. */
const maxClaimsBytes = 2048

/**
 * Reads an answer that is no token.
 *
 * @param scopes that were asked for
 * @throws OutageError when the tenant is down; ThrottledError when it asks to wait with this request
 */
export function noToken({ status, headers, body }: JsonAnswer, scopes: readonly string[]): NoToken {
  refuseOutage('the tenant', { status, headers })
  const { error, suberror, error_codes, correlation_id, trace_id, claims } = membersOf(body)
  const about = { status, error, suberror, errorCodes: error_codes, correlationId: correlation_id, traceId: trace_id }
  const codes = [error_codes].flat()
  if (status < 400 || typeof error !== 'string') return { refusal: refusal('downstream_failed'), about }
  if (suberror === 'consent_required' || codes.includes(consentMissing))
    return { refusal: consentRefusal(scopes), about }
  const isUsers = ['interaction_required', 'login_required', 'invalid_grant'].includes(error)
  if (!isUsers || assertionRefused.some((code) => codes.includes(code)))
    return { refusal: refusal('downstream_refused'), about }
  return { refusal: codes.includes(assertionExpired) ? refusal('token_expired') : signInAgain(claims), about }
}

/**
 * Of whatever is asked over HTTP.
 *
 * @throws OutageError for 5xx, ThrottledError for 429
 */
export function refuseOutage(name: string, { status, headers }: Pick<JsonAnswer, 'status' | 'headers'>): void {
  if (status === 429) throw new ThrottledError(`${name} answered 429`, retryAfterOf(headers))
  if (status >= 500) throw new OutageError(`${name} answered ${status}`, retryAfterOf(headers))
}

/** Seconds of a `Retry-After` (RFC 9110 §10.2.3); a date is as good as none. */
function retryAfterOf(headers: JsonAnswer['headers']): number | undefined {
  const text = String(headers['retry-after'])
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined
}

function membersOf(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === 'object' ? { ...body } : {}
}

function consentRefusal(scopes: readonly string[]): Refusal {
  const permission = scopes.join(' ').slice(0, 100)
  return refusal('consent_required', {
    detail: `Neither the user nor an administrator has consented to ${permission} for this API; one of them must consent.`
  })
}

/**
 * Reads the challenge of an API that refused a token which this API sent for the user (Microsoft: "Claims challenges": `claims`, in base64).
 *
 * @returns `undefined` where it has no claims that could be handed on
 */
export function challengeRefusal(challenge: string): Refusal | undefined {
  const [, base64 = ''] = /\bclaims="([\w+/=-]+)"/.exec(challenge) ?? []
  const claims = Buffer.from(base64, 'base64').toString()
  return isChallenge(claims) ? signInAgain(claims) : undefined
}

/** The tenant's claims, handed on to the client that can have the user satisfy them (Microsoft: "Claims challenges", on-behalf-of). */
function signInAgain(claims: unknown): Refusal {
  const detail = 'Another service that this route calls requires the user to sign in again.'
  const challenge = isChallenge(claims) && claimsChallenge(claims)
  return challenge
    ? refusal('insufficient_claims', { detail, challenge })
    : refusal('insufficient_user_authentication', { detail })
}

/** The value of `claims` is a JSON object (OpenID Connect Core §5.5). */
function isChallenge(claims: unknown): claims is string {
  if (typeof claims !== 'string' || Buffer.byteLength(claims) > maxClaimsBytes) return false
  try {
    const parsed: unknown = JSON.parse(claims)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
  } catch {
    return false
  }
}
