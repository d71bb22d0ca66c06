/** A place for the tokens that MSAL keeps, in Redis: what instances of the server share. */

/** What is used of the connection. */
interface Connection {
  get(key: string): Promise<string | null>
  set(key: string, value: string, unit: 'EX', seconds: number): Promise<unknown>
}

/** Where, and for how long. */
export interface CacheOptions {
  /** Seconds after which an entry is gone, from when it was last written: no more than a token in it is of use. */
  readonly ttlSeconds: number
  /** What the keys begin with. What MSAL calls an entry comes after it. */
  readonly keyPrefix: string
}

/** `ICacheClient` of @azure/msal-node, for its `DistributedCachePlugin`. */
export interface CacheClient {
  /** The entry, or an empty text, which MSAL takes for none. Rejects when Redis does not say. */
  get(key: string): Promise<string>
  /** Writes the entry, and returns it. Rejects when Redis does not say that it is written. */
  set(key: string, value: string): Promise<string>
}

/** Entries hold access and refresh tokens: docs/revocation.md says what that asks of the Redis. */
export function cacheClient(redis: Connection, { ttlSeconds, keyPrefix }: CacheOptions): CacheClient {
  return {
    get: async (key) => (await redis.get(keyPrefix + key)) ?? '',
    async set(key, value) {
      await redis.set(keyPrefix + key, value, 'EX', ttlSeconds)
      return value
    }
  }
}
