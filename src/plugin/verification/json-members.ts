/**
 * JSON, looked at before anybody parses it, and its repeated member names. RFC 7519 §4: claim names MUST be unique; RFC 8259 §4: what a parser
 * makes of others varies; §9: a parser may limit depth and size.
 */

const [quote, comma, colon, backslash] = [0x22, 0x2c, 0x3a, 0x5c]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]

/**
 * How deep objects and arrays may be in each other, the outermost counted. Entra's tokens have 3, Keycloak's 5; a chain of actors (RFC 8693
 * §4.1) has one for each.
 */
const maxDepth = 32

/**
 * How many members all objects may have together. They cost most, above all many in one object. A token of Keycloak has two for each client
 * whose roles it lists, and one with 235 such clients hardly fits into the 16 KiB of headers that Node takes by default.
 */
const maxMembers = 500

/**
 * How many of the structural characters that begin or part something (RFC 8259 §2: `{`, `[`, `:`, `,`) there may be: about one for each name
 * and each value. 200 groups, the most that Entra sends, and 1,500 roles stay below.
 */
const maxStructural = 2000

/**
 * True where an object, at any depth, names a member twice: two readers could then see two different tokens.
 *
 * @param json text that is JSON
 * @param value what the text was parsed to: it has a name once, so it has fewer members than the text if one is repeated
 */
export function hasRepeatedMember(json: string, value: unknown): boolean {
  return membersIn(json) !== membersOf(value)
}

/**
 * Counts the members of all objects in one pass over the text, which ends where the text nests too deep or has too much in it: parsing such a
 * text costs many times what another one of its length does, and nobody has proven yet that it comes from an issuer.
 *
 * @param json text that may be JSON
 * @returns how many members it has, if it is JSON; `undefined` where it is over a bound
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

/** Without recursion: it may be given what nests deeper than the stack. */
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
