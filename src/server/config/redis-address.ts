/** `REDIS_URL` → where Redis is. */
import { EntraConfigurationError } from '../../plugin/index.js'

/** Where a Redis is, and as whom to connect. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
  readonly db: number
  readonly username?: string
  readonly password?: string
  /** Present: by TLS, with the certificate verified. */
  readonly tls?: Record<string, never>
}

/** `redis://` or `rediss://` (TLS). An error never shows the text, as it may hold a password. */
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
    // No URL, or an escape that stands for no character: the answer is the same.
  }
  const wanted =
    'give rediss://user:password@host:port/database, with special characters in the password percent-encoded'
  throw new EntraConfigurationError(`${name} cannot be read; ${wanted}`)
}
