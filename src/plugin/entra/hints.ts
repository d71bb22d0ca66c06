/** Messages for the most common mistakes, for tokens that are not verified. */

import type { TrustedIssuers } from '../issuers/trusted-issuers.js'
import type { Refusal } from '../refusals/refusal.js'
import type { DecodedToken } from '../verification/decode.js'
import { clouds } from './clouds.js'
import { microsoftApiOf } from './microsoft-apis.js'

interface Trust {
  readonly issuers: TrustedIssuers
  /** The App ID URI before the scopes of this API, for issuers that also issue tokens for Microsoft's own APIs. */
  readonly scopeBase: string | undefined
}

/** A fixed sentence in place of the usual one, if it helps more; it contains nothing of the token. */
export function withHint(why: Refusal, { payload }: DecodedToken, { scopeBase, issuers }: Trust): Refusal {
  const { code } = why
  const hintable = code === 'invalid_signature' || code === 'unknown_key' || code === 'wrong_issuer'
  if (!hintable) return why
  const hint =
    (scopeBase === undefined ? undefined : foreignAudienceHint(payload.aud, scopeBase)) ??
    (code === 'wrong_issuer' ? versionHint(payload.iss, (name) => issuers.named(name) !== undefined) : undefined)
  return hint ? { ...why, detail: hint } : why
}

/** The message for an `aud` of another API: for Microsoft's own APIs, and for v1 tokens with an App ID URI, a more specific one. */
export function audienceDetail({ scopeBase, version, clientId }: Own) {
  return (aud: unknown, mismatch: string): string | undefined => {
    const [first] = Array.isArray(aud) ? aud : [aud]
    if (first === clientId) return `${mismatch} ${replaced}`
    const isAppIdUri = version === '1.0' && typeof first === 'string' && first.includes('://')
    return foreignAudienceHint(aud, scopeBase) ?? (isAppIdUri ? `${mismatch} ${v1Advice}` : undefined)
  }
}

/** The names of this API, and the version of its tokens. */
interface Own {
  readonly scopeBase: string
  readonly version: string
  readonly clientId: string
}

const replaced =
  'That is the client ID of this API, which the option audience has replaced. The operator of this API should add the client ID to audience, or leave the option out.'

/** Microsoft: "Access tokens", token formats and ownership; the API's manifest decides, whatever the client requests. */
const v1Advice =
  'If it is meant for this API, it is a v1.0 token that names the App ID URI: set requestedAccessTokenVersion to 2 in the manifest of ' +
  'the API, or add that URI to its audiences.'

/**
 * A fixed sentence for a v1 token when only v2 ones are trusted; safe for an unverified `iss`, which it does not echo.
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
  'This is a v1.0 token of the right tenant, but v2.0 tokens are expected: set requestedAccessTokenVersion to 2 in the manifest of the API.'

/**
 * A fixed sentence for a token of a well-known other API; safe also for an unverified `aud`, which it does not echo. Only Graph can verify the
 * signature of a Graph token, so this is often the only information about it.
 */
export function foreignAudienceHint(aud: unknown, scopeBase: string): string | undefined {
  const api = microsoftApiOf(aud)
  return api && `This token is for ${api}; ask for a scope of this API, such as ${scopeBase}/access_as_user.`
}
