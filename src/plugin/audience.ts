/** `aud`: that a token is for this API (RFC 7519 §4.1.3), and words for who sent one that is for another. Pure. */
import { type Refusal, refusal } from './errors.js'

/**
 * Why a signed token is for another API, or `undefined` when it is for this one.
 *
 * @param aud as received: one value or several, of which one must be this API
 * @param audiences what this API is called, for the answer
 * @param accepts compares one value
 * @param scopeBase what scopes of this API begin with, where tokens for Microsoft's own APIs may come by mistake
 */
export function audienceRefusal(
  aud: unknown,
  audiences: readonly string[],
  accepts: (value: string) => boolean,
  scopeBase?: string
): Refusal | undefined {
  const received = Array.isArray(aud) ? aud : [aud]
  if (received.some((value) => typeof value === 'string' && accepts(value))) return undefined
  const hint = scopeBase === undefined ? undefined : foreignAudienceHint(aud, scopeBase)
  if (hint) return refusal('wrong_audience', { detail: hint })
  return refusal('wrong_audience', {
    detail: `The token is for ${shown(received[0])}, and this API is ${audiences.join(' or ')}. Ask for a scope of this API.`
  })
}

/** APIs of Microsoft's that tokens are asked for by mistake, by the `aud` that their tokens carry. */
const microsoftApis: ReadonlyMap<unknown, string> = new Map([
  ['00000003-0000-0000-c000-000000000000', 'Microsoft Graph'],
  ['https://graph.microsoft.com', 'Microsoft Graph'],
  ['https://graph.microsoft.com/', 'Microsoft Graph'],
  ['https://management.azure.com', 'Azure Resource Manager'],
  ['https://management.azure.com/', 'Azure Resource Manager'],
  ['https://management.core.windows.net', 'Azure Resource Manager'],
  ['https://management.core.windows.net/', 'Azure Resource Manager']
])

/**
 * A fixed sentence for a token of a well-known other API; safe also for an unproven `aud`, as nothing of it is echoed.
 * A Graph token's signature cannot be verified by anyone else, so this is often all that can be said of it.
 */
export function foreignAudienceHint(aud: unknown, scopeBase: string): string | undefined {
  const api = microsoftApis.get(aud)
  return api && `This token is for ${api}; ask for a scope of this API, such as ${scopeBase}/access_as_user.`
}

/** A received value, fit to be shown: short, printable, on one line. */
function shown(value: unknown): string {
  if (typeof value !== 'string') return 'no API that can be named'
  return `"${value.slice(0, 100).replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?')}"`
}
