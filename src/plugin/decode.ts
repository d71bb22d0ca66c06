/**
 * Stage 2's beginning: token → its parts (RFC 7515 §7.1), of which nothing is proven. fast-jwt decodes as well, before it verifies; what it
 * lets pass is refused here: bytes that are no UTF-8, names twice, twins of a token. And without an `Error`, as most tokens that
 * come here are garbage when anything is.
 */
import { isUtf8 } from 'node:buffer'
import { type Refusal, refusal } from './errors.js'
import { hasRepeatedMember } from './json-members.js'

type Members = Readonly<Record<string, unknown>>

/** The parts of a token. */
export interface DecodedToken {
  readonly header: Members
  readonly payload: Members
}

const malformed = refusal('token_malformed')
/** Three segments of base64url without padding (RFC 7515 §2, §7.1). An empty signature is for the algorithm to refuse. */
const compactForm = /^([\w-]+)\.([\w-]+)\.([\w-]*)$/

/** The parts of a token in compact form, or why it has none. */
export function decodeToken(token: string): DecodedToken | Refusal {
  const [, first = '', second = '', signature = ''] = compactForm.exec(token) ?? []
  if (!isCanonical(signature)) return malformed
  const header = first && toObject(first)
  const payload = header && toObject(second)
  return header && payload ? { header, payload } : malformed
}

/** base64url has one spelling for each value (RFC 4648 §3.5): a token must not have a twin that also passes. */
function isCanonical(segment: string): boolean {
  return Buffer.from(segment, 'base64url').toString('base64url') === segment
}

/** RFC 7519 §7.2, steps 3 and 10: UTF-8 that is a JSON object. Two readers of anything else could see two different ones. */
function toObject(segment: string): Members | undefined {
  const bytes = Buffer.from(segment, 'base64url')
  if (!isUtf8(bytes)) return undefined
  const json = bytes.toString()
  const value = parse(json)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return hasRepeatedMember(json, value) ? undefined : (value as Members)
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
