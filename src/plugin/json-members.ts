/** Repeated member names in JSON. RFC 7519 §4: claim names MUST be unique; RFC 8259 §4: what a parser makes of others varies. */

const quote = 0x22
const backslash = 0x5c
const colon = 0x3a
const openBrace = 0x7b
const closeBrace = 0x7d

/**
 * True where an object, at any depth, names a member twice: two readers could then see two different tokens.
 *
 * @param json text that is JSON
 */
export function hasRepeatedMember(json: string): boolean {
  const objects: Set<unknown>[] = []
  let string = ''
  for (let at = 0; at < json.length; at += 1) {
    const code = json.charCodeAt(at)
    if (code === quote) {
      const end = endOfString(json, at)
      string = json.slice(at, end + 1)
      at = end
    } else if (code === openBrace) objects.push(new Set())
    else if (code === closeBrace) objects.pop()
    else if (code === colon && !isNew(objects.at(-1), string)) return true
  }
  return false
}

/** Outside of strings a colon comes after a member's name, and nowhere else. Names are compared without their escapes. */
function isNew(names: Set<unknown> | undefined, string: string): boolean {
  const name: unknown = JSON.parse(string)
  const size = names?.size
  return names?.add(name).size !== size
}

function endOfString(json: string, start: number): number {
  let at = start + 1
  while (json.charCodeAt(at) !== quote) at += json.charCodeAt(at) === backslash ? 2 : 1
  return at
}
