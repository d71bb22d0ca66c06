/** `aud`: that a token is for this API (RFC 7519 §4.1.3), and words for who sent one that is for another. Pure. */
import { clouds } from './clouds.js'
import { microsoftApiOf } from './common-audiences.js'
import { type Refusal, refusal } from './errors.js'

/** Whose tokens they are, for words that only Microsoft's users can use. */
export interface EntraAudience {
  /** What scopes of this API begin with. */
  readonly scopeBase: string
  /** `ver` of the token. */
  readonly version: string
}

/**
 * Why a signed token is for another API, or `undefined` when it is for this one.
 *
 * @param aud as received: one value or several, of which one must be this API
 * @param audiences what this API is called, for the answer
 * @param accepts compares one value
 * @param entra where tokens for Microsoft's own APIs may come by mistake, and v1 tokens with an App ID URI
 */
export function audienceRefusal(
  aud: unknown,
  audiences: readonly string[],
  accepts: (value: string) => boolean,
  entra?: EntraAudience
): Refusal | undefined {
  const received: unknown[] = Array.isArray(aud) ? aud : [aud]
  if (received.some((value) => typeof value === 'string' && accepts(value))) return undefined
  const hint = entra && foreignAudienceHint(aud, entra.scopeBase)
  if (hint) return refusal('wrong_audience', { detail: hint })
  const [first] = received
  const mismatch = `The token is for ${shown(first)}, and this API is ${audiences.join(' or ')}.`
  const isAppIdUri = entra?.version === '1.0' && typeof first === 'string' && first.includes('://')
  return refusal('wrong_audience', { detail: `${mismatch} ${isAppIdUri ? v1Advice : 'Ask for a scope of this API.'}` })
}

/** Microsoft: "Access tokens", token formats and ownership; the API's manifest decides, whatever the client asks for. */
const v1Advice =
  'If it was meant for this API: it is a v1.0 token, and names the App ID URI; set requestedAccessTokenVersion to 2 in the manifest of ' +
  'the API, or add that URI to its audiences.'

/**
 * A fixed sentence for a v1 token where only v2 ones are trusted; safe for an unproven `iss`, as nothing of it is echoed.
 *
 * @param iss as received
 * @param isTrusted whether tokens of an issuer of this name are trusted
 */
export function versionHint(iss: unknown, isTrusted: (issuer: string) => boolean): string | undefined {
  const [, v1Origin, tenantId] = (typeof iss === 'string' && /^(https:\/\/[^/]+)\/([^/]+)\/$/.exec(iss)) || []
  const authorities = Object.values(clouds).filter(({ v1Issuer }) => v1Issuer !== undefined && v1Issuer === v1Origin)
  return authorities.some(({ authority }) => isTrusted(`${authority}/${tenantId}/v2.0`)) ? v1Expected : undefined
}

const v1Expected =
  'This is a v1.0 token of the right tenant, and v2.0 ones are expected; set requestedAccessTokenVersion to 2 in the manifest of the API.'

/**
 * A fixed sentence for a token of a well-known other API; safe also for an unproven `aud`, as nothing of it is echoed.
 * A Graph token's signature cannot be verified by anyone else, so this is often all that can be said of it.
 */
export function foreignAudienceHint(aud: unknown, scopeBase: string): string | undefined {
  const api = microsoftApiOf(aud)
  return api && `This token is for ${api}; ask for a scope of this API, such as ${scopeBase}/access_as_user.`
}

/** A received value, fit to be shown: short, printable, on one line. */
function shown(value: unknown): string {
  if (typeof value !== 'string') return 'no API that can be named'
  return `"${value.slice(0, 100).replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?')}"`
}
