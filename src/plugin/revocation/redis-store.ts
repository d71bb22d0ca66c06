/** Revocations in a Redis or Valkey that several instances share. */

import type { Principal } from '../claims/principal.js'
import { perCallerEachRequest, subjectOf } from '../lib/bounded-calls.js'
import { systemClock } from '../lib/clock.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { LookupCache } from '../lib/lookup-cache.js'
import { inTime } from '../lib/outages.js'
import { ownProperties } from '../lib/own.js'
import { withoutCommand } from '../lib/redis-error.js'
import { matching, rejectUnknown, within } from '../lib/validate.js'
import { formerKeysOf, isTakenBack, keptSeconds, keyOfRevoked, keysOf, type Revoked } from './record.js'

/**
 * The part of a client that is used: `ioredis` and `iovalkey` have it, for one server, Sentinel and Cluster. The application connects and
 * closes it.
 */
export interface RedisClient {
  /** The state of the connection. */
  readonly status: string
  get(key: string): Promise<string | null>
  eval(script: string, keyCount: number, ...keysAndValues: string[]): Promise<unknown>
}

/** Settings of {@link RedisRevocations}. All instances must use the same. */
export interface RedisRevocationsOptions {
  /**
   * Hours for which a revocation is kept: at least the longest lifetime of a token. Default: 29, as Entra's tokens live up to 28
   * (continuous access evaluation); other providers can be configured to issue longer ones. From 1 to 10000.
   */
  readonly keptHours?: number
  /** Prefix of the keys; APIs with the same prefix share revocations. Default: `fastify-entra:revoked:`. */
  readonly keyPrefix?: string
  /** Deadline of one response of Redis, in seconds. Default: 1. From 0.01 to 60. */
  readonly timeoutSeconds?: number
  /**
   * Seconds for which a result is cached, and a revocation by another instance may go unnoticed. Default: 0, no caching: a revocation
   * applies to every later request. Up to 60.
   */
  readonly freshSeconds?: number
}

/**
 * One clock for all instances: that of Redis, to the microsecond, as `TIME` gives it. An earlier time, from a clock that was set back,
 * never replaces a later one. A script is atomic, and runs on Redis 5 and later (effects are replicated).
 */
const revokeScript = `
local now = redis.call('TIME')
local at = string.format('%010d.%06d', now[1], now[2])
local before = redis.call('GET', KEYS[1]) or ''
if #before == #at and before:find('^%d+%.%d+$') and before > at then at = before end
redis.call('SET', KEYS[1], at, 'EX', ARGV[1])
return at`

/** What {@link revokeScript} writes. */
const time = /^\d{10}\.\d{6}$/

/** States in which a command would wait for a lost connection without a limit. A new or lazy client may still connect. */
const lost: ReadonlySet<string> = new Set(['close', 'reconnecting', 'disconnecting', 'end'])

/**
 * A store for {@link IsRevoked} that several instances share: revokes all tokens of a user, service principal or session that were issued
 * until a time.
 *
 *     const revocations = new RedisRevocations(new Redis('rediss://…'))
 *     await app.register(entra, { …, isRevoked: revocations.isRevoked })
 *     await revocations.revoke({ tenantId, id })
 *
 * It compares with the token's `iat`: if the issuer's clock is ahead of that of Redis, a token issued within that difference passes; if the
 * issuer backdates tokens, new ones are refused for as long. Revocations that Redis loses, by eviction or a restart without persistence, no
 * longer apply.
 */
export class RedisRevocations {
  readonly #client: RedisClient
  readonly #keyPrefix: string
  readonly #keptSeconds: string
  readonly #timeoutSeconds: number
  readonly #freshSeconds: number
  readonly #answers: LookupCache<readonly (number | undefined)[]>

  /**
   * @param client the application's own; give it a listener for `error`
   * @throws EntraConfigurationError when it is not such a client, or an option is out of its bounds
   */
  constructor(client: RedisClient, options: RedisRevocationsOptions = {}) {
    rejectUnknown('RedisRevocations', options, ['keptHours', 'keyPrefix', 'timeoutSeconds', 'freshSeconds'])
    const { keptHours, keyPrefix = 'fastify-entra:revoked:', timeoutSeconds, freshSeconds } = ownProperties(options)
    if (typeof client?.get !== 'function' || typeof client.eval !== 'function')
      throw new EntraConfigurationError('RedisRevocations got no Redis client; give a client of ioredis or iovalkey')
    this.#client = client
    this.#keyPrefix = matching('keyPrefix', keyPrefix, /./, 'a non-empty string')
    this.#keptSeconds = String(keptSeconds(keptHours))
    this.#timeoutSeconds = within('timeoutSeconds', timeoutSeconds, { least: 0.01, most: 60, default: 1 })
    this.#freshSeconds = within('freshSeconds', freshSeconds, { least: 0, most: 60, default: 0 })
    const limits = { perCaller: perCallerEachRequest, perDirectory: Number.POSITIVE_INFINITY }
    this.#answers = new LookupCache('Redis', { timeoutSeconds: this.#timeoutSeconds, clock: systemClock, ...limits })
  }

  /**
   * Revokes the tokens that were issued until now, by the clock of Redis. Call it again to revoke those issued since.
   *
   * @param who a user or service principal by `tenantId` and `id`, or a session by `tenantId` and `sessionId` (its `sid`)
   * @returns the time until which issued tokens are revoked
   * @throws EntraConfigurationError when one of them is missing, not a string or empty; an error when Redis refuses, cannot be reached or
   * takes longer than `timeoutSeconds`: then the revocation may or may not be stored; call it again
   */
  async revoke(who: Revoked): Promise<Date> {
    const key = this.#keyPrefix + keyOfRevoked(who)
    const written = this.#asked(() => this.#client.eval(revokeScript, 1, key, this.#keptSeconds))
    try {
      return new Date(Number(timeOf(await inTime('Redis', this.#timeoutSeconds, written))) * 1000)
    } finally {
      this.#answers.forget()
    }
  }

  /**
   * For the option `isRevoked`. A token without `iat` counts as issued before. Rejects if Redis does not respond: at once if it is not
   * connected, or was too slow for several callers in a row.
   */
  readonly isRevoked = async (principal: Principal): Promise<boolean> => {
    const keys = [...keysOf(principal), ...formerKeysOf(principal)]
    const { value } = await this.#answers.get(
      { about: keys.join(' '), ...subjectOf(principal) },
      this.#freshSeconds,
      () => this.#timesOf(keys)
    )
    return isTakenBack(principal, value)
  }

  /** All commands are sent before the first response: one round trip, also to a Cluster, which refuses MGET for keys of several slots. */
  async #timesOf(keys: readonly string[]): Promise<readonly (number | undefined)[]> {
    const answers = await this.#asked(() => Promise.all(keys.map((key) => this.#client.get(this.#keyPrefix + key))))
    return answers.map((answer) => (answer === null ? undefined : timeOf(answer)))
  }

  async #asked<T>(command: () => Promise<T>): Promise<T> {
    const { status } = this.#client
    if (lost.has(status)) throw new Error(`Redis is not connected: ${status}`)
    try {
      return await command()
    } catch (error) {
      throw new Error(`Redis failed: ${withoutCommand(error)}`)
    }
  }
}

function timeOf(answer: unknown): number {
  if (typeof answer === 'string' && time.test(answer)) return Number(answer)
  throw new Error('Redis did not return the time of a revocation')
}
