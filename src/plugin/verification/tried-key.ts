/**
 * Verifies the signature of a token before its payload is parsed, where that can be done: fast-jwt parses it, so it is parsed once. Which key
 * this is, a guess at the token's `iss` says. It decides nothing: the issuer and its key are then found by the payload, and what was found
 * out here counts for that key alone.
 */
import type { TrustedIssuers } from '../issuers/trusted-issuers.js'
import type { VerificationKey } from '../keys/jwks.js'
import type { SplitToken } from './decode.js'
import { keyNameIn } from './jose-header.js'
import type { Members } from './json-segment.js'
import type { CheckSignature } from './signature.js'

/** What became of a token with a key: its payload, or fast-jwt's error. Both are its own members, so that neither is inherited. */
export type TriedKey = { readonly key: VerificationKey } & (
  | { readonly payload: Members; readonly error: undefined }
  | { readonly payload: undefined; readonly error: unknown }
)

/**
 * Tries the key that the token probably names.
 *
 * @returns `undefined` if none was tried: the header is not that of a valid token, or no such key is held
 */
export function tryProbableKey(
  token: string,
  split: SplitToken,
  issuers: Pick<TrustedIssuers, 'heldKey'>,
  checkSignature: CheckSignature
): TriedKey | undefined {
  if (split.headerText) return undefined
  const iss = probableIssuer(split.payloadText.json)
  const key = iss === undefined ? undefined : issuers.heldKey(iss, keyNameIn(split))
  return key && tryKey(token, key, checkSignature)
}

/** Tries a key. */
export function tryKey(token: string, key: VerificationKey, checkSignature: CheckSignature): TriedKey {
  try {
    return { key, payload: checkSignature(token, key), error: undefined }
  } catch (error) {
    return { key, payload: undefined, error }
  }
}

const member = '"iss":"'

/** The first text that looks like the member `iss`. */
function probableIssuer(json: string): string | undefined {
  const at = json.indexOf(member)
  const start = at + member.length
  return at === -1 ? undefined : json.slice(start, json.indexOf('"', start))
}
