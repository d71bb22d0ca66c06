/** MSAL's token cache in Redis, which instances of the server share. */

/** The part of the connection that is used. */
interface Connection {
  get(key: string): Promise<string | null>
  set(key: string, value: string, unit: 'EX', seconds: number): Promise<unknown>
}

/** Options: key prefix and lifetime. */
export interface CacheOptions {
  /** Lifetime of an entry in seconds, from its last write: no longer than its token is usable. */
  readonly ttlSeconds: number
  /** Prefix of the keys, before MSAL's own key. */
  readonly keyPrefix: string
}

/** `ICacheClient` of @azure/msal-node, for its `DistributedCachePlugin`. */
export interface CacheClient {
  /** Returns the entry, or an empty string, which MSAL treats as none. Rejects if Redis does not respond. */
  get(key: string): Promise<string>
  /** Writes the entry, and returns it. Rejects if Redis does not confirm. */
  set(key: string, value: string): Promise<string>
}

/** Entries hold access and refresh tokens: docs/revocation.md describes the requirements for Redis. */
export function cacheClient(redis: Connection, { ttlSeconds, keyPrefix }: CacheOptions): CacheClient {
  return {
    get: async (key) => (await redis.get(keyPrefix + key)) ?? '',
    async set(key, value) {
      await redis.set(keyPrefix + key, value, 'EX', ttlSeconds)
      return value
    }
  }
}
