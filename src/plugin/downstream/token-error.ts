/** Error responses of a token endpoint (RFC 6749 §5.2, with Entra's members), and the refusals that they become. */

import type { JsonAnswer } from '../lib/json-client.js'
import { OutageError, ThrottledError } from '../lib/outages.js'
import { claimsChallenge } from '../refusals/challenge.js'
import { type Refusal, refusal } from '../refusals/refusal.js'

/** Why there is no token, and what the log may show: codes, never descriptions, as these name people. */
export interface NoToken {
  readonly refusal: Refusal
  readonly about: Readonly<Record<string, unknown>>
}

/** AADSTS numbers (Microsoft: "Microsoft Entra authentication and authorization error codes"). */
const consentMissing = 65_001
const assertionExpired = 500_133
/** The caller's token cannot be exchanged, whichever way the user signs in. */
const assertionRefused = [50_013, 500_131, 50_027]
/** The secret is wrong or expired; the assertion is signed with a certificate that is not registered. */
const credentialRefused = [7_000_215, 7_000_222, 700_027]

/** Bytes. A challenge is a header, in base64; proxies allow 4096 for all response headers by default, and respond with 502 beyond that. */
const maxClaimsBytes = 2048

/**
 * Parses an error response.
 *
 * @param scopes the requested scopes
 * @throws OutageError when the tenant is down; ThrottledError when it throttles this request
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

/** Whether the tenant refused the credential of this API itself (RFC 6749 §5.2, `invalid_client`), so that another one may be accepted. */
export function refusesCredential({ about: { error, errorCodes } }: NoToken): boolean {
  return error === 'invalid_client' || [errorCodes].flat().some((code) => credentialRefused.includes(Number(code)))
}

/**
 * Throws for a response that indicates an outage or throttling.
 *
 * @throws OutageError for 5xx, ThrottledError for 429
 */
export function refuseOutage(name: string, { status, headers }: Pick<JsonAnswer, 'status' | 'headers'>): void {
  if (status === 429) throw new ThrottledError(`${name} answered 429`, retryAfterOf(headers))
  if (status >= 500) throw new OutageError(`${name} answered ${status}`, retryAfterOf(headers))
}

/** Seconds of a `Retry-After` (RFC 9110 §10.2.3); a date is ignored. */
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
 * Parses the challenge of an API that refused a token which this API sent for the user (Microsoft: "Claims challenges": `claims`, in
 * base64).
 *
 * @returns `undefined` when it has no claims that could be passed on
 */
export function challengeRefusal(challenge: string): Refusal | undefined {
  const [, base64 = ''] = /\bclaims="([\w+/=-]+)"/.exec(challenge) ?? []
  const claims = Buffer.from(base64, 'base64').toString()
  return isChallenge(claims) ? signInAgain(claims) : undefined
}

/**
 * The refusal with the tenant's claims, passed on to the client, which can have the user satisfy them (Microsoft: "Claims challenges",
 * on-behalf-of).
 */
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
