/**
 * The beginning of stage 2: splits a token into its parts (RFC 7515 §7.1), none of which is verified yet. Returns refusals instead of
 * throwing, as a flood of garbage ends here.
 */
import { isUtf8 } from 'node:buffer'
import { withoutPrototype } from '../lib/own.js'
import { withoutStackTraces } from '../lib/quiet.js'
import { type Refusal, refusal } from '../refusals/refusal.js'
import { hasRepeatedMember, membersIn } from './json-members.js'

type Members = Readonly<Record<string, unknown>>

/** The parts of a token. */
export interface DecodedToken {
  readonly header: Members
  readonly payload: Members
  /** The segments, as sent. */
  readonly segments: readonly [header: string, payload: string, signature: string]
  /** The first two, decoded from base64url. */
  readonly bytes: readonly [header: Buffer, payload: Buffer]
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

/**
 * An object begins with `{` or white space (RFC 8259 §2, §4), so its base64url begins with one of these characters. Most garbage is not
 * even decoded.
 */
const objectStart = /^[CDIe]/

/** The parts of a token in compact form, or the refusal. The header is decoded first: it is short, and most garbage ends there. */
export function decodeToken(token: string): DecodedToken | Refusal {
  const headerBytes = bytesOf(token.slice(0, Math.max(token.indexOf('.'), 0)))
  const header = headerBytes && toObject(headerBytes)
  if (header === null) return tooComplex
  const [, first, second, signature] = (header && compactForm.exec(token)) ?? []
  if (!header) return noTokens.get(token) ?? malformed
  if (first === undefined || second === undefined || signature === undefined)
    return encryptedForm.test(token) ? encrypted : malformed
  const payloadBytes = bytesOf(second)
  const payload = payloadBytes && toObject(payloadBytes)
  if (!payload) return payload === null ? tooComplex : malformed
  return { header, payload, segments: [first, second, signature], bytes: [headerBytes, payloadBytes] }
}

/**
 * The refusal of a decoded token that is ambiguous, or has a second encoding that would be accepted as well: fast-jwt does not check for
 * these. Separate from decoding, as it costs as much again, and is needed only for a token whose key is known.
 */
export function ambiguityRefusal({ header, payload, segments, bytes }: DecodedToken): Refusal | undefined {
  const [first, second] = bytes
  const [, , signature] = segments
  const isClear = isCanonical(signature) && hasOneReading(first, header) && hasOneReading(second, payload)
  return isClear ? undefined : malformed
}

/** base64url has one canonical encoding for each value (RFC 4648 §3.5). */
function isCanonical(segment: string): boolean {
  return Buffer.from(segment, 'base64url').toString('base64url') === segment
}

/** RFC 7519 §4, §7.2 step 10: UTF-8, and no name twice. */
function hasOneReading(bytes: Buffer, value: Members): boolean {
  return isUtf8(bytes) && !hasRepeatedMember(bytes.toString(), value)
}

/** The decoded text of a segment that may be an object. */
function bytesOf(segment: string): Buffer | undefined {
  return objectStart.test(segment) ? Buffer.from(segment, 'base64url') : undefined
}

/** RFC 7519 §7.2, steps 3 and 10: a JSON object; `null` for text that is not parsed, as that would take too long. */
function toObject(bytes: Buffer): Members | undefined | null {
  const json = bytes.toString()
  if (membersIn(json) === undefined) return null
  const value = parse(json)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? withoutPrototype(value as Members) : undefined
}

function parse(json: string): unknown {
  try {
    return withoutStackTraces(() => JSON.parse(json))
  } catch {
    return undefined
  }
}
