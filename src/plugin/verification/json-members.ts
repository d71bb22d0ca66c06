/**
 * Scans JSON before it is parsed, and detects duplicate member names. RFC 7519 §4: claim names MUST be unique; RFC 8259 §4: parsers treat
 * duplicates differently; §9: a parser may limit depth and size.
 */

const [quote, comma, colon, backslash] = [0x22, 0x2c, 0x3a, 0x5c]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]

/**
 * The maximum nesting depth of objects and arrays, including the outermost. Entra's tokens have 3, Keycloak's 5; a chain of actors (RFC
 * 8693 §4.1) has one level for each.
 */
const maxDepth = 32

/**
 * The maximum number of members of all objects together. Members cost most, above all many in one object. A token of Keycloak has two for
 * each client whose roles it lists, and one with 235 such clients barely fits into the 16 KiB of headers that Node accepts by default.
 */
const maxMembers = 500

/**
 * The maximum number of structural characters that begin or separate elements (RFC 8259 §2: `{`, `[`, `:`, `,`): about one for each name
 * and each value. 200 groups, the most that Entra sends, and 1,500 roles stay below it.
 */
const maxStructural = 2000

/**
 * True if an object, at any depth, has a duplicate member name: two parsers could then read different tokens.
 *
 * @param members how many the text has, by {@link membersIn}
 * @param value the parsed text: it has each name once, so it has fewer members than the text if one is repeated
 */
export function hasRepeatedMember(members: number, value: unknown): boolean {
  return members !== membersOf(value)
}

/**
 * Counts the members of all objects in one pass over the text, which stops if the text nests too deeply or has too many elements: such a
 * text is many times as expensive to parse as another one of its length, and is not verified yet.
 *
 * @param json text that may be JSON
 * @returns the number of members, if it is JSON; `undefined` if it exceeds a limit
 */
export function membersIn(json: string): number | undefined {
  let [members, structural, depth] = [0, 0, 0]
  for (let at = 0; at < json.length; at += 1) {
    switch (json.charCodeAt(at)) {
      case quote:
        at = endOfString(json, at)
        if (at === -1) return members
        break
      case openBrace:
      case openBracket:
        depth += 1
        structural += 1
        break
      case closeBrace:
      case closeBracket:
        depth -= 1
        break
      case colon:
        members += 1
        structural += 1
        break
      case comma:
        structural += 1
    }
    if (depth > maxDepth || members > maxMembers || structural > maxStructural) return undefined
  }
  return members
}

/** The end of the string that begins here: a quote that is not escaped. */
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

/** Without recursion: the value may nest deeper than the stack. */
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
