/** Parses the values of variables, or throws one sentence that says what to change. */
import { isIP } from 'node:net'
import { list } from '../../plugin/environment/values.js'
import { EntraConfigurationError, isSecure, withoutPassword } from '../../plugin/index.js'

/** A whole number, such as a port. */
export function integer(name: string, text: string, most: number, least = 0): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least && value <= most) return value
  throw new EntraConfigurationError(
    `${name} "${withoutPassword(text)}" is not allowed; give a whole number from ${least} to ${most}`
  )
}

/** An origin, and nothing more of a URL. */
export function toOrigin(name: string, text: string): string {
  if (URL.canParse(text) && new URL(text).origin === text) return text
  throw new EntraConfigurationError(
    `${name} "${withoutPassword(text)}" is not allowed; give an origin such as https://app.example`
  )
}

/** Origins, comma-separated; none where it is unset. */
export function origins(name: string, text = ''): readonly string[] {
  if (text.includes('@')) return [toOrigin(name, text)] // no origin contains `@`, and a password may contain a comma
  return (text === '' ? [] : text.split(',')).map((origin) => toOrigin(name, origin.trim()))
}

/** A client ID (RFC 6749 §A.1), none where it is unset; a space is a copying mistake. */
export function toClientId(name: string, text = ''): string | undefined {
  if (/^[!-~]*$/.test(text)) return text || undefined
  throw new EntraConfigurationError(
    `${name} "${withoutPassword(text)}" is not allowed; give the client ID of a single-page application`
  )
}

/** A name or an address to listen on, and nothing more of a URL. */
export function toHost(name: string, text: string): string {
  if (/^[\w.:%-]+$/.test(text)) return text
  throw new EntraConfigurationError(
    `${name} "${withoutPassword(text)}" is not allowed; give a host name, or an IP address such as 0.0.0.0`
  )
}

/** An origin to which tokens are sent. */
export function secure(name: string, origin: string): string {
  if (isSecure(new URL(origin))) return origin
  throw new EntraConfigurationError(
    `${name} "${withoutPassword(origin)}" is not allowed; give one with https (http on loopback only)`
  )
}

/** `off`, `on` (any sender: only behind a proxy that cannot be bypassed), or addresses and networks, comma-separated. */
export function toTrustProxy(text: string): boolean | string[] {
  if (text === 'on' || text === 'off') return text === 'on'
  const addresses = [...list(text)]
  if (addresses.length > 0 && addresses.every(isNetwork)) return addresses
  throw new EntraConfigurationError(
    `TRUST_PROXY "${withoutPassword(text)}" is not allowed; give on, off, or IP addresses and networks`
  )
}

function isNetwork(text: string): boolean {
  const [address = '', bits = '0', ...rest] = text.split('/')
  return (
    isIP(address) !== 0 &&
    /^\d{1,3}$/.test(bits) &&
    Number(bits) <= (isIP(address) === 4 ? 32 : 128) &&
    rest.length === 0
  )
}
