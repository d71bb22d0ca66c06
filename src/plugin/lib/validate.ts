/** The checks of options: each returns the value, or throws one sentence that says what to change. */
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

/** A string of one form. */
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

/** A function of the application, where there is one. */
export function functionOf<T>(name: string, given: T | undefined): T | undefined {
  if (given === undefined || typeof given === 'function') return given
  throw new EntraConfigurationError(`${name} ${shown(given)} is not allowed; give a function`)
}

/**
 * A misspelt option would be without the effect that it promises.
 *
 * @param what they are options of, or how the sentence is to begin
 * @throws EntraConfigurationError with the first that is unknown, and all that there are
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

/** The first value that was there before. */
export function repeated(values: readonly string[]): string | undefined {
  const seen = new Set<string>()
  return values.find((value) => seen.size === seen.add(value).size)
}

/** A value, as it is named in a sentence: short, on one line, and nothing of what an object holds that is no plain one. */
export function shown(value: unknown): string {
  if (typeof value === 'number') return String(value)
  try {
    return (JSON.stringify(plain('', value), plain) ?? String(value)).slice(0, 200)
  } catch {
    return 'an object' // that holds itself
  }
}

/** For `JSON.stringify`: a request, which holds a token, or a bigint, which it cannot write, by the name of its kind. */
function plain(name: string, value: unknown): unknown {
  if (secretNames.test(name)) return 'not shown'
  if (typeof value === 'string') return withoutPassword(value)
  if (typeof value === 'bigint' || typeof value === 'function') return `a ${typeof value}`
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return [Object.prototype, null].includes(Object.getPrototypeOf(value)) ? value : 'an object'
}

/** Members that are credentials, or hold them. */
const secretNames = /^downstream$|secret|password|passphrase|certificate|private_?key|assertion/i

/**
 * A text that may be a URL, or a list of them, without what may be a secret in it (RFC 3986 §3.2.1, §3.4): what is in front of the last `@`, where
 * that is a URL's or has a colon, as a password that was not percent-encoded may have any character; without an `@`, as one may be behind a comma
 * where a list was parted, what stands for a port and is none; and a query or fragment, where a key may be.
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

/** An option that is an origin, and nothing more of a URL. */
export function secureOrigin(name: string, origin: string, example: string): string {
  const url = URL.canParse(String(origin)) ? new URL(origin) : undefined
  if (url?.origin === origin && isSecure(url)) return origin
  const wanted = `an origin such as ${example}, with https (http on loopback only) and no path`
  throw new EntraConfigurationError(`${name} ${shown(origin)} is not allowed; give ${wanted}`)
}

/** Whoever can change what is on its way can sign tokens: https, or loopback. */
export function isSecure({ protocol, hostname }: URL): boolean {
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
  return protocol === 'https:' || (protocol === 'http:' && loopback)
}
