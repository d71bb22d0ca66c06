/** Validates options: each function returns the value, or throws an error with one sentence that says what to change. */
import { EntraConfigurationError } from './configuration-error.js'

/** A GUID, in any case: a directory or application ID. */
export const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Bounds and default of an option that is a number. */
export interface Bounds {
  readonly least: number
  readonly most: number
  readonly default: number
}

/** A number within bounds, or its default. */
export function within(name: string, value: unknown, { least, most, default: byDefault }: Bounds): number {
  if (value === undefined) return byDefault
  if (typeof value === 'number' && value >= least && value <= most) return value
  throw new EntraConfigurationError(
    `${name} ${shown(value)} is not allowed; give a number of seconds from ${least} to ${most}`
  )
}

/** A whole number within bounds, or its default. */
export function wholeNumber(name: string, value: unknown, { least, most, default: byDefault }: Bounds): number {
  if (value === undefined) return byDefault
  if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return Number(value)
  throw new EntraConfigurationError(
    `${name} ${shown(value)} is not allowed; give a whole number from ${least} to ${most}`
  )
}

/** One string or more, each fit for a header. */
export function texts(name: string, values: unknown): readonly string[] {
  if (Array.isArray(values) && values.length > 0 && values.every(isText)) return Object.freeze([...values])
  throw new EntraConfigurationError(
    `${name} ${shown(values)} is not allowed; give one value or more, none of them empty`
  )
}

/** The values of `audience`, which may be given as one. */
export function audienceTexts(audience: unknown): readonly string[] {
  return texts('audience', typeof audience === 'string' ? [audience] : audience)
}

/** Visible ASCII, without what would end a quoted-string of a header (RFC 9110 §5.6.4). */
function isText(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value)
}

/** A string that matches a pattern. */
export function matching(name: string, value: unknown, pattern: RegExp, wanted: string): string {
  if (value === undefined || value === '') throw new EntraConfigurationError(`${name} is missing; give ${wanted}`)
  if (typeof value === 'string' && pattern.test(value)) return value
  throw new EntraConfigurationError(`${name} ${shown(value)} is not allowed; give ${wanted}`)
}

/** A switch, off by default. */
export function isOn(name: string, value: unknown = false): boolean {
  if (typeof value === 'boolean') return value
  throw new EntraConfigurationError(`${name} ${shown(value)} is not allowed; give true or false`)
}

/** An optional function of the application. */
export function functionOf<T>(name: string, given: T | undefined): T | undefined {
  if (given === undefined || typeof given === 'function') return given
  throw new EntraConfigurationError(`${name} ${shown(given)} is not allowed; give a function`)
}

/**
 * Refuses unknown options: a misspelt option would have no effect.
 *
 * @param what the object that has the options, or the beginning of the message
 * @throws EntraConfigurationError with the first unknown option, and all known ones
 */
export function rejectUnknown(
  what: string | ((unknown: string) => string),
  options: object,
  names: readonly string[]
): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name))
  if (unknown === undefined) return
  const [begins, its] =
    typeof what === 'string' ? [`${what} has no option "${unknown}"`, 'its'] : [what(unknown), 'the']
  throw new EntraConfigurationError(`${begins}; ${its} options are ${names.join(', ')}`)
}

/** The first value that occurs twice. */
export function repeated(values: readonly string[]): string | undefined {
  const seen = new Set<string>()
  return values.find((value) => seen.size === seen.add(value).size)
}

/** A value for a message: short, on one line, and without the contents of objects other than plain ones. */
export function shown(value: unknown): string {
  if (typeof value === 'number') return String(value)
  try {
    return (JSON.stringify(plain('', value), plain) ?? String(value)).slice(0, 200)
  } catch {
    return 'an object' // a cyclic object
  }
}

/** For `JSON.stringify`: replaces a request, which holds a token, and a bigint, which JSON cannot represent, by the name of its type. */
function plain(name: string, value: unknown): unknown {
  if (secretNames.test(name)) return 'not shown'
  if (typeof value === 'string') return withoutPassword(value)
  if (typeof value === 'bigint' || typeof value === 'function') return `a ${typeof value}`
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return [Object.prototype, null].includes(Object.getPrototypeOf(value)) ? value : 'an object'
}

/** Members that are, or contain, credentials. */
const secretNames = /^downstream$|secret|password|passphrase|certificate|private_?key|assertion/i

/**
 * Masks possible secrets in a string that may be a URL or a list of URLs (RFC 3986 §3.2.1, §3.4): the text before the last `@`, if it
 * belongs to a URL or contains a colon, as a password that is not percent-encoded may contain any character; without an `@`, which may be
 * behind a comma when a list was split, a port that is not a number; and a query or fragment, which may contain a key.
 */
export function withoutPassword(text: string): string {
  const [scheme = ''] = /^[a-z][a-z0-9+.-]*:[\\/]+/i.exec(text) ?? []
  const rest = text.slice(scheme.length)
  const end = Math.max(rest.lastIndexOf('@'), rest.toLowerCase().lastIndexOf('%40'))
  const isSecret = end > 0 && (scheme !== '' || /:|%3a/i.test(rest.slice(0, end)))
  const shown = isSecret ? `${scheme}…${rest.slice(end)}` : text
  return shown
    .replace(/(:[\\/]+[^\\/?#[\],]*?:)(?!\d{1,5}([\\/?#,\s]|$)).*$/s, '$1…')
    .replace(/(:[\\/]+[^?#]*[?#])[^…].*$/s, '$1…')
}

/**
 * An option that is an origin, and nothing more of a URL.
 *
 * @param isAccepted which URLs are, beside what they must look like
 */
export function secureOrigin(name: string, origin: string, example: string, isAccepted = isSecure): string {
  const url = URL.canParse(String(origin)) ? new URL(origin) : undefined
  if (url?.origin === origin && isAccepted(url)) return origin
  const wanted = `an origin such as ${example}, with https (http on loopback only) and no path`
  throw new EntraConfigurationError(`${name} ${shown(origin)} is not allowed; give ${wanted}`)
}

/** Requires https, or loopback: an attacker who can modify the traffic could sign tokens. */
export function isSecure({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}

/** A host name that leads to this machine and nowhere else, as the WHATWG URL parser writes it. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}
