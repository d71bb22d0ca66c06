/**
 * Stage 2's beginning: token → its parts (RFC 7515 §7.1), of which nothing is proven. Without an `Error`, as most tokens that come here
 * are garbage when anything is.
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
  /** As sent. */
  readonly segments: readonly [header: string, payload: string, signature: string]
  /** The first two, as they were before base64url. */
  readonly bytes: readonly [header: Buffer, payload: Buffer]
}

const malformed = refusal('token_malformed')
const tooComplex = refusal('token_malformed', {
  detail: 'The token is nested too deeply, or has too many claims and values. Configure its issuer to put less into it.'
})
/** Three segments of base64url without padding (RFC 7515 §2, §7.1). An empty signature is for the algorithm to refuse. */
const compactForm = /^([\w-]+)\.([\w-]+)\.([\w-]*)$/

/** An object begins with `{` or white space (RFC 8259 §2, §4), so its base64url with one of these. Most garbage is not even decoded. */
const objectStart = /^[CDIe]/

/** The parts of a token in compact form, or why it has none. The header comes first: it is short, and most garbage ends there. */
export function decodeToken(token: string): DecodedToken | Refusal {
  const headerBytes = bytesOf(token.slice(0, Math.max(token.indexOf('.'), 0)))
  const header = headerBytes && toObject(headerBytes)
  if (header === null) return tooComplex
  const [, first, second, signature] = (header && compactForm.exec(token)) ?? []
  if (!header || first === undefined || second === undefined || signature === undefined) return malformed
  const payloadBytes = bytesOf(second)
  const payload = payloadBytes && toObject(payloadBytes)
  if (!payload) return payload === null ? tooComplex : malformed
  return { header, payload, segments: [first, second, signature], bytes: [headerBytes, payloadBytes] }
}

/**
 * Why a token that could be decoded has another reading, or a twin that would pass as well: fast-jwt does not look for these.
 * Apart from decoding, as it costs as much again, and only a token whose key is known is worth it.
 */
export function ambiguityRefusal({ header, payload, segments, bytes }: DecodedToken): Refusal | undefined {
  const [first, second] = bytes
  const [, , signature] = segments
  const isClear = isCanonical(signature) && hasOneReading(first, header) && hasOneReading(second, payload)
  return isClear ? undefined : malformed
}

/** base64url has one spelling for each value (RFC 4648 §3.5). */
function isCanonical(segment: string): boolean {
  return Buffer.from(segment, 'base64url').toString('base64url') === segment
}

/** RFC 7519 §4, §7.2 step 10: UTF-8, and no name twice. */
function hasOneReading(bytes: Buffer, value: Members): boolean {
  return isUtf8(bytes) && !hasRepeatedMember(bytes.toString(), value)
}

/** What a segment stands for, where it may be an object. */
function bytesOf(segment: string): Buffer | undefined {
  return objectStart.test(segment) ? Buffer.from(segment, 'base64url') : undefined
}

/** RFC 7519 §7.2, steps 3 and 10: a JSON object; `null` for what is not even parsed, as that would take too long. */
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
