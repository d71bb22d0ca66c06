/** What it means that tokens were taken back, wherever it is kept: under which keys, for how long, and which tokens it is about. */
import { EntraConfigurationError } from './errors.js'
import { guid, wholeNumber } from './option-checks.js'
import type { Principal } from './types.js'

/** Whose tokens are taken back: of a user or service principal, or of one session (`sid`). */
export type Revoked = { readonly tenantId: string; readonly id: string } | { readonly sessionId: string }

/**
 * The key under which it is kept that tokens were taken back.
 *
 * @throws EntraConfigurationError when what names them is no text, or empty: it would never match
 */
export function keyOfRevoked(who: Revoked): string {
  const key = 'sessionId' in who ? keyOf(who.sessionId) : keyOf(who.tenantId, who.id)
  if (key) return key
  throw new EntraConfigurationError('revoke takes a tenantId and an id, or a sessionId, none of them empty')
}

/** The keys under which a token may have been taken back: the caller's, and its session's where it names one. */
export function keysOf({ tenantId, id, claims: { sid } }: Principal): readonly string[] {
  return [keyOf(tenantId, id), keyOf(sid)].filter((key) => key !== undefined)
}

/**
 * Whether a token was issued no later than one of the times until which tokens were taken back. One that does not say when it was
 * issued counts as older.
 *
 * @param times seconds, as `iat`; `undefined` where nothing was taken back
 */
export function isTakenBack({ claims: { iat } }: Principal, times: readonly (number | undefined)[]): boolean {
  const issuedAt = typeof iat === 'number' ? iat : 0
  return times.some((time) => time !== undefined && issuedAt <= time)
}

/**
 * The option `keptHours`, in seconds. Default: 29 hours, as Entra's tokens live up to 28 (Microsoft: "Continuous access evaluation").
 *
 * @throws EntraConfigurationError when it is no whole number from 1 to 10000
 */
export function keptSeconds(keptHours?: number): number {
  return wholeNumber('keptHours', keptHours, { least: 1, most: 10_000, default: 29 }) * 3600
}

/** GUIDs have no case. */
function keyOf(...parts: readonly unknown[]): string | undefined {
  const isText = parts.every((part) => typeof part === 'string' && part !== '')
  return isText
    ? JSON.stringify(parts.map((part) => (guid.test(String(part)) ? String(part).toLowerCase() : part)))
    : undefined
}
