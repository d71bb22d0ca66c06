/**
 * Caches verified tokens, so that the next request with one costs a comparison. A hit is as strict as a verification: the whole token is
 * compared, and its times and its key are checked again. Only valid tokens are cached, so that a flood of others evicts none.
 */
import { LRUCache } from 'lru-cache'
import { withFrozenClaims } from '../claims/freeze.js'
import type { Claims, Principal } from '../claims/principal.js'
import type { FoundKey } from '../issuers/trusted-issuers.js'
import { ownString } from '../lib/own-string.js'
import type { DecodedToken } from './decode.js'
import { RecentNumbers } from './recent-numbers.js'

/** Bounds of the cache. The least recently used token is evicted first. */
export interface TokenCacheOptions {
  /** The most tokens that are cached. Default: 10000. From 1 to 1000000. */
  maxTokens?: number
  /** The most memory that they use, in bytes, as estimated from their lengths. Default: 67108864 (64 MiB). From 65536 to 2^40. */
  maxBytes?: number
}

/** A valid token, its key, and the issuer that the key signs for. */
interface Verified extends FoundKey {
  readonly token: string
  readonly decoded: Pick<DecodedToken, 'header'>
  readonly keyOwner?: string | undefined
}

/** A valid token, and the conditions that are checked at every hit. */
interface Entry extends Omit<Verified, 'token' | 'decoded'> {
  /** Whether the token has a `kid`. */
  readonly isNamed: boolean
  readonly alg: unknown
  readonly credentials: string
  readonly principal: Principal
  /** In seconds, as in claims: small enough for V8 to keep them in the entry itself. */
  readonly validFrom: number
  readonly validBefore: number
}

/** The memory of an entry beside its strings: objects, arrays, and its place in the cache. */
const entryBytes = 1024

/** Base64url characters at the end of the signature by which a token is looked up. Hashing the whole token costs ten times as much. */
const fingerprintLength = 12

/** The valid tokens of one instance of the plugin. */
export class TokenCache {
  /** By fingerprint: two valid tokens that collide (among 10,000, in one process of a hundred) evict each other. */
  readonly #entries: LRUCache<number, Entry>
  readonly #toleranceSeconds: number

  readonly #seenOnce: RecentNumbers

  constructor({ maxTokens, maxBytes }: Required<TokenCacheOptions>, clockToleranceSeconds: number) {
    this.#entries = new LRUCache({ max: maxTokens, maxSize: maxBytes, sizeCalculation: bytesOf })
    this.#toleranceSeconds = clockToleranceSeconds
    this.#seenOnce = new RecentNumbers(maxTokens)
  }

  /** Tokens that are held. */
  get size(): number {
    return this.#entries.size
  }

  /**
   * The principal of a cached token that is still valid.
   *
   * @param credentials `Bearer` and the token, as most clients write it; other spellings are left to the parser
   */
  find(credentials: string): Principal | undefined {
    const fingerprint = fingerprintOf(credentials)
    const entry = this.#entries.get(fingerprint)
    if (entry?.credentials !== credentials) return undefined
    if (holds(entry)) return entry.principal
    this.#entries.delete(fingerprint)
    return undefined
  }

  /**
   * Caches a valid token the second time it is verified: many tokens are sent only once.
   *
   * @param until seconds, as `exp`: an expiry beside the token's own times
   */
  add(
    { token, decoded, issuer, issuerName, key, keyOwner }: Verified,
    principal: Principal,
    until = Number.POSITIVE_INFINITY
  ): void {
    const fingerprint = fingerprintOf(token)
    if (!this.#seenOnce.hasOrAdd(fingerprint)) return // of two tokens that collide, one is only cached a request early
    const { exp, nbf = 0, iat = 0 } = principal.claims as { exp: number; nbf?: number; iat?: number } & Claims
    // Written out: in V8, an object built by spreading takes three times the memory.
    this.#entries.set(fingerprint, {
      credentials: ownString(`Bearer ${token}`),
      issuer,
      key,
      isNamed: Object.hasOwn(decoded.header, 'kid'),
      alg: decoded.header.alg,
      keyOwner,
      principal: withFrozenClaims(principal),
      issuerName,
      validFrom: Math.max(nbf, iat) - this.#toleranceSeconds,
      validBefore: Math.min(exp + this.#toleranceSeconds, until)
    })
  }
}

/**
 * A number for a token: FNV-1a over the end of its signature. V8 keeps a numeric key in the table itself; a string needs memory of its own.
 */
function fingerprintOf(token: string): number {
  let hash = 0x811c9dc5 | 0 // V8 needs no heap memory for small signed integers
  for (let at = Math.max(0, token.length - fingerprintLength); at < token.length; at += 1) {
    hash = Math.imul(hash ^ token.charCodeAt(at), 0x01000193)
  }
  return hash
}

/**
 * Whether the issuer still has its name, the same key is in its current set and still the one that the token names, and it signs for the same issuer, and the token's times are valid
 * within the tolerance. While the issuer that the key signs for is unknown, a cached token is treated as any other: caching changes no
 * result.
 */
function holds({ issuer, issuerName, key, isNamed, alg, keyOwner, validFrom, validBefore }: Entry): boolean {
  const now = Date.now() / 1000
  const isInTime = now < validBefore && now >= validFrom
  return (
    isInTime &&
    issuer.name === issuerName &&
    issuer.keys.peek(isNamed ? key.kid : undefined, alg) === key &&
    issuer.namedIssuer(key) === keyOwner
  )
}

function bytesOf({ credentials }: Entry): number {
  return entryBytes + credentials.length * 3 // the token, its claims as parsed, and what the principal repeats of them
}
