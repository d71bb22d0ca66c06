/** `aud`: that a token is for this API (RFC 7519 §4.1.3). Pure. */
import { type Refusal, refusal } from '../refusals/refusal.js'

/**
 * The refusal of a signed token for another API, or `undefined` when it is for this API.
 *
 * @param aud as received: one value or several, of which one must be this API
 * @param audiences the audiences of this API, for the message
 * @param accepts compares one value
 * @param detailOf a more specific message, if there is one
 */
export function audienceRefusal(
  aud: unknown,
  audiences: readonly string[],
  accepts: (value: string) => boolean,
  detailOf?: (aud: unknown, mismatch: string) => string | undefined
): Refusal | undefined {
  const received: unknown[] = Array.isArray(aud) ? aud : [aud]
  if (received.some((value) => typeof value === 'string' && accepts(value))) return undefined
  const mismatch = `The token is for ${shown(received[0])}, and this API is ${audiences.join(' or ')}.`
  return refusal('wrong_audience', { detail: detailOf?.(aud, mismatch) ?? `${mismatch} Ask for a scope of this API.` })
}

/** Accepted `aud` values, with the URL of the resource as the last one: a client requests a token for it by that name (RFC 8707 §2). */
export function withResource(audiences: readonly string[], publicUrl: string | undefined): readonly string[] {
  return publicUrl === undefined || audiences.includes(publicUrl) ? audiences : Object.freeze([...audiences, publicUrl])
}

/** A received value for display: short, printable, on one line. */
function shown(value: unknown): string {
  if (typeof value !== 'string') return 'an audience that is not a string'
  return `"${value.slice(0, 100).replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?')}"`
}
