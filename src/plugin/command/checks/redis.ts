/** The check of Redis: connects as the server does, and sends PING. */
import { type RedisAddress, toRedis } from '../../environment/redis-address.js'
import { adviceFor } from '../../keys/advice.js'
import { loggedError } from '../../lib/logged-error.js'
import { type Diagnosis, ok, skipped, wrong, wrongBecause } from './diagnosis.js'

/** The part of a client that is used. */
interface Connection {
  connect(): Promise<unknown>
  ping(): Promise<unknown>
  disconnect(): void
  on(event: 'error', listener: (error: unknown) => void): unknown
}

/** The optional package. Not a literal type, so that no compiler and no bundler requires it. */
const redisPackage: string = 'ioredis'
const timeoutMs = 5000

/** Loads the package. */
type Load = () => Promise<{ readonly Redis: new (options: object) => Connection }>

const loadRedis: Load = () => import(/* webpackIgnore: true */ /* @vite-ignore */ redisPackage)

/** @param url `REDIS_URL`, whose password is never shown */
export async function checkRedis(url: string | undefined, load: Load = loadRedis): Promise<Diagnosis> {
  try {
    const address = toRedis('REDIS_URL', url)
    if (!address) return skipped('redis', 'REDIS_URL is not set')
    const package_ = await load().catch(() => undefined)
    if (!package_) return skipped('redis', `the package ${redisPackage} is not installed`, 'install it for this check')
    return await ping(address, package_.Redis)
  } catch (error) {
    return wrongBecause('redis', error)
  }
}

async function ping(address: RedisAddress, Redis: Awaited<ReturnType<Load>>['Redis']): Promise<Diagnosis> {
  const where = `${address.host}:${address.port}`
  const redis = new Redis({
    ...address,
    ...{ lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0, disableClientInfo: true },
    ...{ connectTimeout: timeoutMs, socketTimeout: timeoutMs, commandTimeout: timeoutMs }
  })
  const reasons: string[] = []
  redis.on('error', (error) => void reasons.push(reasonOf(error)))
  try {
    await redis.connect()
    await redis.ping()
    if (reasons.length === 0) return ok('redis', `${where} answers PING`)
  } catch (error) {
    reasons.push(reasonOf(error))
  } finally {
    redis.disconnect()
  }
  const [reason = ''] = reasons
  return wrong('redis', `${where}: ${reason}`, changeFor(reason))
}

/** In a few words: the whole error contains the failed command, possibly the one with the password. */
function reasonOf(error: unknown): string {
  const { code, message } = loggedError(error)
  return String(code ?? message.replace(/[,.] .*/s, ''))
}

function changeFor(reason: string): string {
  if (/WRONGPASS|NOAUTH|invalid password/i.test(reason))
    return 'correct user and password in REDIS_URL, with special characters percent-encoded'
  if (/NOPERM/.test(reason)) return 'allow this user the commands that docs/revocation.md lists, and PING'
  return adviceFor(reason) ?? 'check host, port and TLS (rediss) in REDIS_URL, and that Redis can be reached'
}
