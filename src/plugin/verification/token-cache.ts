/**
 * Verified tokens, so that the next request with one costs a comparison. Nothing that a token proves can change unseen: the whole
 * token is compared, its times and its key are looked at again at every hit, and only valid tokens come in, so that a flood of
 * others pushes none out.
 */
import { LRUCache } from 'lru-cache'
import type { Claims, Principal } from '../claims/principal.js'
import type { FoundKey } from '../issuers/trusted-issuers.js'

/** Bounds of the cache. The token that was not used for the longest goes first. */
export interface TokenCacheOptions {
  /** How many tokens are remembered. Default: 10000. From 1 to 1000000. */
  maxTokens?: number
  /** How much memory they take, in bytes, as estimated from their lengths. Default: 67108864 (64 MiB). From 65536 to 2^40. */
  maxBytes?: number
}

/** A valid token, its key, and who the key signs for. */
interface Verified extends FoundKey {
  readonly token: string
  readonly keyOwner?: string | undefined
}

/** A valid token, and what must still hold when it comes again. */
interface Entry extends Omit<Verified, 'token'> {
  readonly credentials: string
  readonly principal: Principal
  /** In seconds, as numbers of claims are: small enough for V8 to keep them in the entry itself. */
  readonly validFrom: number
  readonly validBefore: number
}

/** What an entry takes beside its strings: objects, arrays, and its place in the cache. */
const entryBytes = 1024

/** Base64url characters of the signature's end that a token is looked up by. Hashing all of a token costs ten times as much. */
const fingerprintLength = 12

/** The tokens that were found valid, by the instance of the plugin that verified them. */
export class TokenCache {
  /** By fingerprint: where two valid tokens meet (of 10,000, in one process of a hundred), they push each other out. */
  readonly #entries: LRUCache<number, Entry>
  readonly #toleranceSeconds: number

  /** Tokens that came once, of late and of a while ago. Two that meet are only remembered a request early. */
  #once = new Set<number>()
  #onceBefore = new Set<number>()
  readonly #maxTokens: number

  constructor({ maxTokens, maxBytes }: Required<TokenCacheOptions>, clockToleranceSeconds: number) {
    this.#entries = new LRUCache({ max: maxTokens, maxSize: maxBytes, sizeCalculation: bytesOf })
    this.#toleranceSeconds = clockToleranceSeconds
    this.#maxTokens = maxTokens
  }

  /**
   * The principal of a token that is as valid now as when it was verified.
   *
   * @param credentials `Bearer` and the token, as most clients write it; other spellings are for the grammar to judge
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
   * Remembers a token that was just found valid, when it was so once before: many a token comes only once.
   *
   * @param until seconds, as `exp`: where something else than its times counts no longer than that
   */
  add(
    { token, issuer, issuerName, key, keyOwner }: Verified,
    principal: Principal,
    until = Number.POSITIVE_INFINITY
  ): void {
    const fingerprint = fingerprintOf(token)
    if (!this.#isBack(fingerprint)) return
    const { exp, nbf = 0, iat = 0 } = principal.claims as { exp: number; nbf?: number; iat?: number } & Claims
    // Written out: V8 gives an object that is spread together three times the memory.
    this.#entries.set(fingerprint, {
      credentials: ownString(`Bearer ${token}`),
      issuer,
      key,
      keyOwner,
      principal,
      issuerName,
      validFrom: Math.max(nbf, iat) - this.#toleranceSeconds,
      validBefore: Math.min(exp + this.#toleranceSeconds, until)
    })
  }

  /** Bounded by two generations, each of as many as there may be tokens. */
  #isBack(fingerprint: number): boolean {
    const isBack = this.#once.has(fingerprint) || this.#onceBefore.has(fingerprint)
    if (this.#once.size >= this.#maxTokens) {
      this.#onceBefore = this.#once
      this.#once = new Set()
    }
    this.#once.add(fingerprint)
    return isBack
  }
}

/** A number for a token: FNV-1a over the end of its signature. As a key it is in the table itself; a string is one more place in memory. */
function fingerprintOf(token: string): number {
  let hash = 0x811c9dc5 | 0 // signed 32-bit numbers take no heap of their own in V8
  for (let at = Math.max(0, token.length - fingerprintLength); at < token.length; at += 1) {
    hash = Math.imul(hash ^ token.charCodeAt(at), 0x01000193)
  }
  return hash
}

/**
 * The issuer still has its name, the same key is in its current set and signs for the same issuer, and no more than the tolerance lies between
 * now and the token's times. While it cannot be known who the key signs for, a token that was verified before is answered as any other:
 * what is remembered changes no answer.
 */
function holds({ issuer, issuerName, key, keyOwner, validFrom, validBefore }: Entry): boolean {
  const now = Date.now() / 1000
  const isInTime = now < validBefore && now >= validFrom
  return (
    isInTime && issuer.name === issuerName && issuer.keys.find(key.kid) === key && issuer.namedIssuer(key) === keyOwner
  )
}

function bytesOf({ credentials }: Entry): number {
  return entryBytes + credentials.length * 3 // the token, its claims as parsed, and what the principal repeats of them
}

/** A copy: a slice would keep the whole header, or the whole token, in memory (V8's sliced strings). */
function ownString(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
