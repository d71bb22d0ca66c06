/** The options in seconds, with their bounds. */
import { within } from '../lib/validate.js'

/** The options in seconds, for any issuer. */
export interface TimeOptions {
  /** Seconds between two background refreshes of the keys. Default: 3600. From 1 to 86400. */
  keysRefreshSeconds?: number
  /**
   * Minimum interval in seconds between JWKS refreshes triggered by an unknown `kid`; one that left the set may trigger one more, at most one in
   * 5 s. Default: 30. From 1 to 3600.
   */
  keysCooldownSeconds?: number
  /** Seconds for which the last valid keys are used during an outage. Default: 86400. From 1 to 2147483. */
  keysMaxStaleSeconds?: number
  /** Seconds for one fetch, from connect to the last byte, and for one refresh of discovery document and keys together. Default: 5. From 0.1 to 60. */
  keysTimeoutSeconds?: number
  /** Accepted clock skew in seconds, for `exp`, `nbf` and `iat` (RFC 7519 §4.1.4). Default: 60. From 0 to 600. */
  clockToleranceSeconds?: number
}

/** How often keys are fetched, in seconds. */
export interface KeyTimings {
  readonly refreshSeconds: number
  readonly cooldownSeconds: number
  readonly maxStaleSeconds: number
}

/** The longest delay of a timer (Node: `setTimeout`, 2^31 - 1 milliseconds). */
const maxSeconds = 2_147_483

/** Bounds and default of each option in seconds. */
const seconds = {
  keysRefreshSeconds: { least: 1, most: 86_400, default: 3600 },
  keysCooldownSeconds: { least: 1, most: 3600, default: 30 },
  keysMaxStaleSeconds: { least: 1, most: maxSeconds, default: 86_400 },
  keysTimeoutSeconds: { least: 0.1, most: 60, default: 5 },
  clockToleranceSeconds: { least: 0, most: 600, default: 60 }
} as const satisfies Record<keyof TimeOptions, object>

/** The names of the options in seconds. */
export const timeNames = Object.keys(seconds)

/** When keys are fetched. */
export function keyTimings(options: TimeOptions): KeyTimings {
  return Object.freeze({
    refreshSeconds: inSeconds('keysRefreshSeconds', options),
    cooldownSeconds: inSeconds('keysCooldownSeconds', options),
    maxStaleSeconds: inSeconds('keysMaxStaleSeconds', options)
  })
}

/** One option in seconds, or its default. */
export function inSeconds(name: keyof typeof seconds, options: TimeOptions): number {
  return within(name, options[name], seconds[name])
}
