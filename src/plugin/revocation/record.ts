/** What a revocation is, in any store: its key, its lifetime, and the tokens that it applies to. */

import type { Principal } from '../claims/principal.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownMember } from '../lib/own.js'
import { guid, wholeNumber } from '../lib/validate.js'

/**
 * Whose tokens are revoked: those of a user or service principal (`id`), or of one session (`sid`). Both are unique within one issuer:
 * another provider may use the same value for another user, so `tenantId` names the issuer, as in {@link Principal}: the directory, or the
 * issuer of a provider other than Entra.
 */
export type Revoked =
  | { readonly tenantId: string; readonly id: string; readonly sessionId?: never }
  | { readonly tenantId: string; readonly sessionId: string; readonly id?: never }

/**
 * The key under which a revocation is kept.
 *
 * @throws EntraConfigurationError when an ID is not a string, or empty, as it would never match; for a session without its issuer; for a
 * user and a session at once
 */
export function keyOfRevoked(who: Revoked): string {
  const given = Object(who) as object
  const [tenantId, id, sessionId] = ['tenantId', 'id', 'sessionId'].map((name) => ownMember(given, name))
  if (id !== undefined && sessionId !== undefined) throw new EntraConfigurationError(oneOfThem)
  if (tenantId === undefined && sessionId !== undefined) throw new EntraConfigurationError(whoseSession)
  const key = sessionId === undefined ? keyOf(tenantId, id) : keyOfSession(tenantId, sessionId)
  if (key) return key
  throw new EntraConfigurationError(
    'revoke got a tenantId, id or sessionId that is missing or empty; give { tenantId, id } or { tenantId, sessionId }'
  )
}

const oneOfThem = 'revoke got an id and a sessionId; call it once for each'
const whoseSession =
  'revoke got a sessionId without a tenantId, and another issuer may use the same one; give { tenantId, sessionId }, where tenantId is ' +
  'the directory (tenant) ID, or the issuer of another provider'

/** The keys under which a token may be revoked: the caller's, and the session's if the token names one. */
export function keysOf(principal: Principal): readonly string[] {
  const { tenantId, id } = principal
  return [keyOf(tenantId, id), keyOfSession(tenantId, sessionOf(principal))].filter((key) => key !== undefined)
}

/**
 * The key of a token's session in the earlier format, without an issuer; none if the token names no session. A store that outlives the
 * process may still hold such entries. To be removed one release after the one that stopped writing them: they expire `keptHours` after the
 * last use of an instance, or of `npm run revoke`, of an earlier version.
 */
export function formerKeysOf(principal: Principal): readonly string[] {
  return [keyOf(sessionOf(principal))].filter((key) => key !== undefined)
}

/**
 * Whether a token was issued no later than one of the times until which tokens are revoked. A token without `iat` counts as issued before.
 *
 * @param times seconds, as `iat`; `undefined` for a key without a revocation
 */
export function isTakenBack({ claims }: Principal, times: readonly (number | undefined)[]): boolean {
  const iat = ownMember(claims, 'iat')
  const issuedAt = typeof iat === 'number' ? iat : 0
  return times.some((time) => time !== undefined && issuedAt <= time)
}

/**
 * The option `keptHours`, in seconds. Default: 29 hours, as Entra's tokens live up to 28 (Microsoft: "Continuous access evaluation").
 *
 * @throws EntraConfigurationError when it is not a whole number from 1 to 10000
 */
export function keptSeconds(keptHours?: number): number {
  return wholeNumber('keptHours', keptHours, { least: 1, most: 10_000, default: 29 }) * 3600
}

const sessionOf = ({ claims }: Principal) => ownMember(claims, 'sid')

/** Its middle part is in no user's key: an `id` may equal a `sid`. */
function keyOfSession(tenantId: unknown, sessionId: unknown): string | undefined {
  return keyOf(tenantId, 'sid', sessionId)
}

/** GUIDs are case-insensitive. */
function keyOf(...parts: readonly unknown[]): string | undefined {
  const isText = parts.every((part) => typeof part === 'string' && part !== '')
  return isText
    ? JSON.stringify(parts.map((part) => (guid.test(String(part)) ? String(part).toLowerCase() : part)))
    : undefined
}
