/** Parses `REDIS_URL`. */
import { EntraConfigurationError } from '../lib/configuration-error.js'

/** The address of a Redis, and the user that connects. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
  readonly db: number
  readonly username?: string
  readonly password?: string
  /** Present for TLS, with a verified certificate. */
  readonly tls?: Record<string, never>
}

/** `redis://` or `rediss://` (TLS). Errors never show the value, as it may contain a password. */
export function toRedis(name: string, text = ''): RedisAddress | undefined {
  if (text === '') return undefined
  try {
    const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(text)
    const [, db = '0'] = /^\/?(\d{1,4})?$/.exec(pathname) ?? ['', '']
    if (/^rediss?:$/.test(protocol) && hostname && db && !search && !hash)
      return {
        host: hostname.replace(/^\[(.+)\]$/, '$1'),
        port: Number(port || 6379),
        db: Number(db),
        ...(username && { username: decodeURIComponent(username) }),
        ...(password && { password: decodeURIComponent(password) }),
        ...(protocol === 'rediss:' && { tls: {} })
      }
  } catch {
    // Not a URL, or an invalid percent-encoding.
  }
  const wanted =
    'give rediss://user:password@host:port/database, with special characters in the password percent-encoded'
  throw new EntraConfigurationError(`${name} cannot be read; ${wanted}`)
}
