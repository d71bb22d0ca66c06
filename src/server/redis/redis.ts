/** The connection to Redis, or Valkey, which instances of the server share. */
import type { FastifyBaseLogger } from 'fastify'
import type { Redis } from 'ioredis'
import type { RedisAddress } from '../../plugin/environment/redis-address.js'
import { loggedError } from '../../plugin/index.js'

/** Deadline of one command, from the call to its response; callers may have a shorter one of their own. */
const commandTimeoutMs = 2000
/** A connection that is silent while a response is due is replaced: a dead one would otherwise be detected only minutes later. */
const socketTimeoutMs = 5000

/**
 * Connects in the background, and reconnects without limit. Commands fail at once while there is no connection, as requests wait for them.
 * The package is loaded here, so that a server without Redis does not load it.
 */
export async function connectRedis(address: RedisAddress): Promise<Redis> {
  const { Redis } = await import('ioredis')
  return new Redis({
    ...address,
    connectTimeout: socketTimeoutMs,
    socketTimeout: socketTimeoutMs,
    commandTimeout: commandTimeoutMs,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true // its user then needs one permission less
  })
}

/** Logs when Redis becomes available or unavailable, and why, once per change. */
export function logRedis(redis: Redis, log: Pick<FastifyBaseLogger, 'info' | 'error'>): Redis {
  let said: string | undefined
  const tell = (reason: string) => {
    if (reason !== said) log.error({ reason }, 'Redis cannot be used')
    said = reason
  }
  redis.on('ready', () => {
    said = undefined
    log.info('Redis is connected')
  })
  redis.on('reconnecting', () => tell(said ?? 'the connection was lost'))
  redis.on('error', (error) => tell(reasonOf(error)))
  return redis
}

/**
 * Why Redis cannot be used, in a few words. Not the whole error: it contains the failed command, possibly the one with the password, which
 * an old server's message repeats.
 */
export function reasonOf(error: NodeJS.ErrnoException): string {
  const { code, message } = loggedError(error)
  return String(code ?? message.replace(/[,.] .*/s, ''))
}
