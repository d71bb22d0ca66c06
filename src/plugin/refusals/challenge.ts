/** The response to a refused client: `WWW-Authenticate` (RFC 6750 §3) and problem details (RFC 9457). */
import { STATUS_CODES } from 'node:http'
import type { Refusal } from './refusal.js'

/** The media type of a problem, RFC 9457 §3. */
export const problemMediaType = 'application/problem+json'

/** A body of problem details, RFC 9457 §3.1. */
export interface Problem {
  /** `about:blank` (RFC 9457 §4.2.1): `status` and `code` identify the problem. */
  readonly type: 'about:blank'
  readonly title: string
  readonly status: number
  readonly detail: string
  /** Stable, so that programs can compare it. */
  readonly code: string
  readonly requestId: string
}

/** Builds problem details, for a server whose own error responses have the same form. */
export function toProblem(
  requestId: string,
  { status, code, detail }: { status: number; code: string; detail: string }
): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, code, requestId }
}

/** What every challenge of an API says. */
export interface ChallengeContext {
  /** The name of the API, unless a challenge has a realm of its own (RFC 9110 §11.5). */
  readonly realm: string
  /** The URL of the API's metadata (RFC 9728 §5.1); `undefined`: it publishes none. */
  readonly resourceMetadata: string | undefined
}

/** `auth-param`s as quoted-strings (RFC 9110 §11.2, §5.6.4); RFC 6750 §3 restricts their characters. Each occurs once. */
export function challengeOf(
  { error, detail, scopes, challenge = {} }: Refusal,
  { realm, resourceMetadata }: ChallengeContext
): string {
  const { realm: itsRealm = realm, ...others } = challenge
  const parameters = [
    ['realm', itsRealm],
    ['error', error],
    ['error_description', error && detail],
    ['scope', scopes?.join(' ')],
    ['resource_metadata', resourceMetadata],
    ...Object.entries(others)
  ]
  const pairs = parameters
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}="${quotable(value)}"`)
  return `Bearer ${pairs.join(', ')}`
}

function quotable(text = ''): string {
  return text.replaceAll('"', "'").replace(/[^\x20-\x5b\x5d-\x7e]/g, '?')
}

/**
 * A parameter of a challenge: the `claims` of OpenID Connect Core §5.5 as base64, which the client sends on with its next request for a token
 * (Microsoft: "Claims challenges, claims requests and client capabilities").
 *
 * @param claims a JSON object, as text
 */
export function claimsChallenge(claims: string): Readonly<Record<'claims', string>> {
  return { claims: Buffer.from(claims).toString('base64') }
}
