/** Repeated member names in JSON. RFC 7519 §4: claim names MUST be unique; RFC 8259 §4: what a parser makes of others varies. */

const backslash = 0x5c
const colon = 0x3a

/**
 * True where an object, at any depth, names a member twice: two readers could then see two different tokens.
 *
 * @param json text that is JSON
 * @param value what the text was parsed to: it has a name once, so it has fewer members than the text if one is repeated
 */
export function hasRepeatedMember(json: string, value: unknown): boolean {
  return membersWritten(json) !== membersOf(value)
}

/** Strings with a colon behind them are names, and no other strings are. */
function membersWritten(json: string): number {
  let members = 0
  for (let start = json.indexOf('"'); start !== -1; start = json.indexOf('"', start)) {
    start = endOfString(json, start) + 1
    while (isSpace(json.charCodeAt(start))) start += 1
    if (json.charCodeAt(start) === colon) members += 1
  }
  return members
}

/** Where the string that begins here ends: at a quote that is not escaped. */
function endOfString(json: string, start: number): number {
  let end = json.indexOf('"', start + 1)
  while (isEscaped(json, end)) end = json.indexOf('"', end + 1)
  return end
}

/** After an odd number of backslashes. */
function isEscaped(json: string, at: number): boolean {
  let first = at
  while (json.charCodeAt(first - 1) === backslash) first -= 1
  return (at - first) % 2 === 1
}

/** RFC 8259 §2: space, tab, line feed, carriage return. */
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d
}

/** Without recursion: a token can nest deeper than the stack. */
function membersOf(value: unknown): number {
  let members = 0
  const open = [value]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== 'object' || next === null) continue
    const values = Object.values(next)
    if (!Array.isArray(next)) members += values.length
    for (const each of values) if (typeof each === 'object' && each !== null) open.push(each)
  }
  return members
}
