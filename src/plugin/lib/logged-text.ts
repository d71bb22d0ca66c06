/** Formats text of other sources for logs: tokens are masked, invisible characters are escaped, and the length is bounded. */

/** Replaces a token. */
const mask = '[masked]'

/** Characters. Text beyond is neither searched nor logged. */
const maxSearched = 65_536

/** A separator between a name and its value, also percent-encoded, or in JSON inside of JSON. */
const space = String.raw`(?:\s|%20|\+)`
const equals = String.raw`\\?["']?${space}*(?:[:=]|%3[ad])(?:${space}|\\?["'])*`

/** The patterns that are masked, in this order. The first group is the text before the secret. */
const secrets: readonly RegExp[] = [
  // A header, whatever its scheme (RFC 9110 §11.6.2).
  new RegExp(String.raw`(authorization${equals})(?:[a-z]+(?:[\t ]|%20|\+)+)?[^\s"'\\,;]+`, 'gi'),
  // Credentials (RFC 6750 §2.1), but no challenge: `Bearer error="…"`.
  new RegExp(String.raw`((?<![a-z])(?:bearer|dpop)(?:${space}|:)+\\?["']?)(?![a-z_]+=\\?["'])[\w.~+/%-]+=*`, 'gi'),
  // The password in a URL (RFC 3986 §3.2.1), a proxy's or a store's.
  /(:\/\/[^\s"'/@:]*:)[^\s"'@/]+(?=@)/g,
  // Members of a request for a token, and of its answer (RFC 6749, RFC 7523, RFC 8693).
  new RegExp(
    String.raw`((?:(?:access|refresh|id|subject|actor)_token|client_(?:assertion|secret))${equals})[^\s"'\\&,;]+`,
    'gi'
  ),
  // A header among those that Node lists (`rawHeaders`).
  /(authorization\\?["']\s*,\s*)\\?["'][^"'\\]*/gi,
  // A JWT, or a part of one: each part that is JSON begins so. In the middle of a word (`keyJson`) only if it is long. Also with a space
  // behind the brace, and across lines, as PEM is wrapped.
  /((?:(?<![\w-])|(?<=%[\dA-Fa-f]{2}))(?=eyJ[\w-]{5})|(?=(?:ey[AJ]|ew[0ko])[\w-]{16}))e[\w-]+(?:(?:\.|%(?:25)*2[Ee]|(?<=[\w.-]{60})\r?\n(?=[\w.-]{8}))[\w-]*)*/g,
  // A single part, such as the signature: at least as long as the shortest (HMAC with SHA-256), and too mixed for a word.
  /((?<![\w-])(?=[A-Z_a-z-]*\d)(?=[\d_a-z-]*[A-Z])(?=[\dA-Z_-]*[a-z]))[\w-]{43,}/g
]

/** Masks text in the form, or in the place, of a token. */
function maskTokens(text: string): string {
  return secrets.reduce((masked, secret) => masked.replace(secret, `$1${mask}`), text)
}

/** Control and format characters (bidirectional, zero-width), line and paragraph separators, halves of surrogate pairs (Unicode: General_Category). */
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/**
 * Writes invisible characters as `\u202e`, so that the reader of a log sees its actual content in its actual order (Unicode TR 36,
 * "Bidirectional text spoofing").
 */
export function escapeInvisible(text: string): string {
  return text.replace(invisible, (character) => {
    const code = Number(character.codePointAt(0)).toString(16)
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`
  })
}

/** Applies {@link escapeInvisible} to all strings of a flat record, and of lists in it. */
export function escapeTexts<T extends object>(record: T): T {
  return mapTexts(record, escapeInvisible) as T
}

/**
 * Formats text of another source for the log: masks tokens, escapes invisible characters, and cuts text that is too long.
 *
 * @param maxLength in UTF-16 code units. Default: 1000
 */
export function loggedText(text: string, maxLength = 1000): string {
  return bounded(escapeInvisible(maskTokens(searched(text))), maxLength)
}

/** Applies {@link loggedText} to all strings of a flat record, and of lists in it. */
export function loggedTexts(record: object): object {
  return mapTexts(record, loggedText)
}

/** Keeps strings, numbers and lists, and drops other values. */
function mapTexts(record: object, change: (text: string) => string): object {
  const changed = (value: unknown): unknown => {
    if (typeof value === 'string') return change(value)
    if (Array.isArray(value)) return value.map(changed)
    return typeof value === 'object' ? undefined : value
  }
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, changed(value)]))
}

/** As {@link loggedText}, preserving the lines of a stack trace (V8: "Stack trace API"). Default of `maxLength`: 8000. */
export function loggedStack(stack: string, maxLength = 8000): string {
  const lines = maskTokens(searched(stack)).split(/\n(?=[^\S\n]+at )/)
  return bounded(lines.map(escapeInvisible).join('\n'), maxLength)
}

/** Masks before cutting: the rest of a token that was cut would no longer match. */
function searched(text: string): string {
  return text.length > maxSearched ? text.slice(0, maxSearched).replace(/(?<![\w.%-])[\w.%-]+$/, '') : text
}

function bounded(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text
}
