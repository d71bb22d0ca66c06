/** Words for the mistakes that are made most, on tokens of which nothing is proven. */
import { foreignAudienceHint, versionHint } from './audience.js'
import type { DecodedToken } from './decode.js'
import type { Refusal } from './errors.js'
import type { TrustedIssuers } from './trusted-issuers.js'

interface Trust {
  readonly issuers: TrustedIssuers
  /** What scopes of this API begin with, where tokens for Microsoft's own APIs may come by mistake. */
  readonly scopeBase: string | undefined
}

/** A fixed sentence in place of the usual one, where it helps more; nothing of the token is in it. */
export function withHint(why: Refusal, { payload }: DecodedToken, { scopeBase, issuers }: Trust): Refusal {
  const { code } = why
  const hintable = code === 'invalid_signature' || code === 'unknown_key' || code === 'wrong_issuer'
  if (!hintable) return why
  const hint =
    (scopeBase === undefined ? undefined : foreignAudienceHint(payload.aud, scopeBase)) ??
    (code === 'wrong_issuer' ? versionHint(payload.iss, (name) => issuers.named(name) !== undefined) : undefined)
  return hint ? { ...why, detail: hint } : why
}
