/** A segment of a token that holds a JSON object (RFC 7519 §7.2), not verified yet: decoded within bounds, and read in one way only. */
import { isUtf8 } from 'node:buffer'
import { withoutPrototype } from '../lib/own.js'
import { withoutStackTraces } from '../lib/quiet.js'
import { hasRepeatedMember, membersIn } from './json-members.js'

/** The members of an object, which has no prototype. */
export type Members = Readonly<Record<string, unknown>>

/** A segment whose text is within the bounds, and may be an object. */
export interface SegmentText {
  readonly bytes: Buffer
  readonly json: string
  /** The number of members in the text, by {@link membersIn}. */
  readonly members: number
}

/**
 * An object begins with `{` or white space (RFC 8259 §2, §4), so its base64url begins with one of these characters. Most garbage is not
 * even decoded.
 */
const objectStart = /^[CDIe]/

/** The text of a segment; `null` for text that must not be parsed, as that would take too long. */
export function textOf(segment: string): SegmentText | undefined | null {
  if (!objectStart.test(segment)) return undefined
  const bytes = Buffer.from(segment, 'base64url')
  const json = bytes.toString()
  const members = membersIn(json)
  return members === undefined ? null : { bytes, json, members }
}

/** RFC 7519 §7.2, steps 3 and 10: the JSON object in the text. */
export function objectIn({ json }: SegmentText): Members | undefined {
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

/**
 * RFC 7519 §4, §7.2 step 10: UTF-8, and no name twice.
 *
 * @param value the object in the text
 */
export function hasOneReading({ bytes, members }: SegmentText, value: Members): boolean {
  return isUtf8(bytes) && !hasRepeatedMember(members, value)
}
