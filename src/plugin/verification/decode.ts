/**
 * The beginning of stage 2: splits a token into its parts (RFC 7515 §7.1), none of which is verified yet. Returns refusals instead of
 * throwing, as a flood of garbage ends here.
 */
import { type Refusal, refusal } from '../refusals/refusal.js'
import { hasOneReading, type Members, objectIn, type SegmentText, textOf } from './json-segment.js'
import type { KnownHeaders } from './known-headers.js'

/** The parts of a token, before its payload is parsed. */
export interface SplitToken {
  readonly header: Members
  /** The segments, as sent. */
  readonly segments: readonly [header: string, payload: string, signature: string]
  /** `undefined` of a known header, which has one reading. */
  readonly headerText: SegmentText | undefined
  readonly payloadText: SegmentText
}

/** The parts of a token. */
export interface DecodedToken extends SplitToken {
  readonly payload: Members
}

const malformed = refusal('token_malformed')
const tooComplex = refusal('token_malformed', {
  detail: 'The token is nested too deeply, or has too many claims and values. Configure its issuer to put less into it.'
})
/** What a client sends in place of a token that it does not have. */
const noTokens: ReadonlyMap<string, Refusal> = new Map(
  ['undefined', 'null', 'NaN', 'true', 'false'].map((word) => [
    word,
    refusal('token_malformed', {
      detail: `The token is the word "${word}": the client has put a variable without a token into the header.`
    })
  ])
)
/** RFC 7516 §7.1: five segments, of which the second may be empty. */
const encryptedForm = /^[\w-]+\.[\w-]*\.[\w-]*\.[\w-]*\.[\w-]*$/
const encrypted = refusal('token_malformed', {
  detail:
    'The token is encrypted (JWE, RFC 7516), and this API reads signed tokens. Turn token encryption off for this API in the registration or provider.'
})
/** Three segments of base64url without padding (RFC 7515 §2, §7.1). An empty signature is refused by the algorithm. */
const compactForm = /^([\w-]+)\.([\w-]+)\.([\w-]*)$/

/** The parts of a token in compact form, or the refusal. */
export function decodeToken(token: string): DecodedToken | Refusal {
  const split = splitToken(token)
  return 'payloadText' in split ? parsePayload(split) : split
}

/**
 * The parts of a token in compact form, without parsing its payload. The header comes first: it is short, and most garbage ends there.
 *
 * @param known headers that need not be decoded again. Default: none
 */
export function splitToken(token: string, known?: KnownHeaders): SplitToken | Refusal {
  const segment = token.slice(0, Math.max(token.indexOf('.'), 0))
  const knownHeader = known?.find(segment)
  const headerText = knownHeader ? undefined : textOf(segment)
  if (headerText === null) return tooComplex
  const header = knownHeader ?? (headerText && objectIn(headerText))
  if (!header) return noTokens.get(token) ?? malformed
  const [, first, second, signature] = compactForm.exec(token) ?? []
  if (first === undefined || second === undefined || signature === undefined)
    return encryptedForm.test(token) ? encrypted : malformed
  const payloadText = textOf(second)
  if (!payloadText) return payloadText === null ? tooComplex : malformed
  return { header, segments: [first, second, signature], headerText, payloadText }
}

/** Parses the payload of a token. */
export function parsePayload(split: SplitToken): DecodedToken | Refusal {
  const payload = objectIn(split.payloadText)
  return payload ? withPayload(split, payload) : malformed
}

/** @param payload the object in the token's payload */
export function withPayload({ header, segments, headerText, payloadText }: SplitToken, payload: Members): DecodedToken {
  return { header, payload, segments, headerText, payloadText }
}

/**
 * The refusal of a decoded token that is ambiguous, or has a second encoding that would be accepted as well: fast-jwt does not check for
 * these. Separate from decoding, as it is needed only for a token whose key is known.
 */
export function ambiguityRefusal(token: DecodedToken): Refusal | undefined {
  const { header, payload, segments, headerText, payloadText } = token
  const [, , signature] = segments
  const isClearHeader = headerText === undefined || hasOneReading(headerText, header)
  return isCanonical(signature) && isClearHeader && hasOneReading(payloadText, payload) ? undefined : malformed
}

/** The last characters without unused bits (RFC 4648 §3.5), by the number of characters after whole groups of four: three bytes each. */
const lastCharacters = [undefined, '', 'AQgw', 'AEIMQUYcgkosw048'] as const

/**
 * base64url has one canonical encoding for each value (RFC 4648 §3.5): that whose unused bits are zero.
 *
 * @param segment of characters of base64url
 */
function isCanonical(segment: string): boolean {
  const allowed = lastCharacters[segment.length % 4]
  return allowed === undefined || allowed.includes(segment.slice(-1))
}
