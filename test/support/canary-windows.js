/** Which eight characters in a row are those of tokens: remembered as numbers, and no more of them than fit. */

const length = 8
/** What stays of a number of eight digits when the next digit comes in: 64 to the power of seven. */
const rest = 64 ** (length - 1)
/** Windows in one of two generations: some hundred tokens. */
const maxWindows = 150_000
/** A window with fewer different characters is in much that is no token, such as one with a signature of nothing but `A`. */
const leastDifferent = 4

/** @type {(number | undefined)[]} */
const digits = []
for (const [value, digit] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].entries())
  digits[digit.charCodeAt(0)] = value

/** @type {Set<number>} */
let older = new Set()
/** @type {Set<number>} */
let newer = new Set()
/** @type {Set<string>} */
let known = new Set()

/**
 * Goes through every eight characters of base64url in a row, until one is the right one.
 *
 * @param {string} text
 * @param {(window: number, end: number) => boolean} isIt gets the window as a number of 48 bits
 */
function find(text, isIt) {
  let window = 0
  let run = 0
  for (let at = 0; at < text.length; at += 1) {
    const digit = digits[text.charCodeAt(at)]
    run = digit === undefined ? 0 : run + 1
    window = digit === undefined ? 0 : (window % rest) * 64 + digit
    if (run >= length && isIt(window, at + 1)) return at + 1 - length
  }
  return -1
}

/** What payloads have in common with other base64, such as that of pictures in a style sheet. */
const commonTexts = ['"http://', '"https://']
/** @type {Set<number>} */
const common = new Set()
for (const text of commonTexts)
  for (const before of [0, 1, 2]) {
    const encoded = Buffer.from(' '.repeat(before) + text).toString('base64url')
    // Without the characters that bytes before and after have a part in.
    const own = encoded.slice(Math.ceil((before * 4) / 3), Math.floor(((before + text.length) * 4) / 3))
    find(own, (window) => {
      common.add(window)
      return false
    })
  }

/** A JWT in compact form, of three parts or, encrypted, of five. @param {string} text */
function tokensIn(text) {
  return [...text.matchAll(/(?<![\w-])([\w-]+)((?:\.[\w-]*){2,4})/g)].filter(([, header = '']) => isJson(header))
}

/** @param {string} header */
function isJson(header) {
  try {
    return typeof JSON.parse(Buffer.from(header, 'base64url').toString()) === 'object'
  } catch {
    return false
  }
}

/** Remembers payload and signature of every JWT in a text. The header is no secret: it is the same in all tokens of one key. @param {string} text */
export function remember(text) {
  for (const [token, , secret = ''] of tokensIn(text)) {
    if (known.has(token)) continue
    if (newer.size > maxWindows) {
      older = newer
      newer = new Set()
      known = new Set()
    }
    known.add(token)
    find(secret, (window) => {
      if (!common.has(window)) newer.add(window)
      return false
    })
  }
}

/**
 * Where a text holds eight characters in a row of a token that is remembered, or -1.
 *
 * @param {string} text
 */
export function findLeak(text) {
  if (newer.size === 0) return -1
  return find(
    text,
    (window, end) =>
      (newer.has(window) || older.has(window)) && new Set(text.slice(end - length, end)).size >= leastDifferent
  )
}
