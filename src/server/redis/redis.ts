/** The connection to Redis, or Valkey: what instances of the server share. */
import type { FastifyBaseLogger } from 'fastify'
import type { Redis } from 'ioredis'
import { loggedError } from '../../plugin/index.js'
import type { RedisAddress } from '../config/redis-address.js'

/** One command, from the call to its answer; those that wait for less have a deadline of their own. */
const commandTimeoutMs = 2000
/** Nothing on a connection that owes an answer: a new one is made, as a dead one would be noticed only minutes later. */
const socketTimeoutMs = 5000

/**
 * Connects in the background, and again for ever. Commands fail at once while there is no connection: they are answers that
 * requests wait for. The package is loaded here, so that a server without Redis has nothing of it.
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
    disableClientInfo: true // one right less that its user needs
  })
}

/** Tells the log when Redis can be used and when it cannot, and why, once for each change. */
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
 * Why Redis cannot be used, in a word or a few. Not the whole error: it holds the command that failed, which may be the one with the password,
 * and an old server's message repeats it.
 */
export function reasonOf(error: NodeJS.ErrnoException): string {
  const { code, message } = loggedError(error)
  return String(code ?? message.replace(/[,.] .*/s, ''))
}
