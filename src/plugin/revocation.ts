/** Tokens that are taken back before they expire: a function of the application says which, and its answer is asked for at every request. */
import type { FastifyBaseLogger } from 'fastify'
import { LRUCache } from 'lru-cache'
import { inTime } from './answers.js'
import { EntraConfigurationError, type Refusal, refusal } from './errors.js'
import { guid, wholeNumber } from './option-checks.js'
import { revokedRefusal } from './step-up.js'
import type { Principal } from './types.js'

/**
 * Says whether a valid token is taken back. `true`, or a promise of it, refuses the request with 401; Entra's clients that understand it
 * (`cp1`) are challenged to get a newer token (Microsoft: "Continuous access evaluation"). Anything but `false` or `true`, what it
 * throws, and what takes longer than `keysTimeoutSeconds`, is a 503: a token that may be taken back opens nothing. Called at every request, so it should be fast.
 */
export type IsRevoked = (principal: Principal) => boolean | Promise<boolean>

const unknown = refusal('admission_unavailable', {
  detail: 'Whether the token was taken back cannot be said at the moment. Try again later.',
  retryAfterSeconds: 1
})

/** Whom to ask, and for how long to wait. */
export interface Revocation {
  readonly isRevoked: IsRevoked
  readonly keysTimeoutSeconds: number
}

/** Why a token that was taken back is refused; `undefined` where it was not. At once, where the function answers at once. */
export function revocationRefusal(
  { isRevoked, keysTimeoutSeconds }: Revocation,
  principal: Principal,
  log: FastifyBaseLogger
): Refusal | undefined | Promise<Refusal | undefined> {
  const failed = (error: unknown) => {
    log.error({ err: error }, 'isRevoked failed')
    return unknown
  }
  const told = (answer: unknown) => {
    if (typeof answer !== 'boolean') return failed(new Error('isRevoked gave neither true nor false'))
    return answer ? revokedRefusal(principal) : undefined
  }
  try {
    const answer = isRevoked(principal)
    if (!(answer instanceof Promise)) return told(answer)
    return inTime('isRevoked', keysTimeoutSeconds, answer).then(told).catch(failed)
  } catch (error) {
    return failed(error)
  }
}

/** Whose tokens are taken back: of a user or service principal, or of one session (`sid`). */
export type Revoked = { readonly tenantId: string; readonly id: string } | { readonly sessionId: string }

/** Bounds of {@link Revocations}. */
export interface RevocationsOptions {
  /**
   * Hours for which it is known that somebody's tokens were taken back: no less than the longest lifetime of a token. Default: 29, as Entra's
   * have up to 28 (continuous access evaluation); other providers can be told to make longer ones.
   */
  readonly keptHours?: number
  /** How many users and sessions. Default: 100000. */
  readonly maxRevoked?: number
}

/**
 * A store for {@link IsRevoked}, in the memory of this process: all tokens of somebody, or of a session, that were issued until now. With
 * several instances, each must be told.
 *
 *     const revocations = new Revocations()
 *     await app.register(entra, { …, isRevoked: revocations.isRevoked })
 *     revocations.revoke({ tenantId, id })
 *
 * It compares with the token's `iat`: where the issuer's clock is ahead of this one, a token of those seconds passes; where it dates tokens
 * back, a new one is refused for as long.
 */
export class Revocations {
  readonly #before: LRUCache<string, number>
  readonly #max: number

  constructor({ keptHours = 29, maxRevoked = 100_000 }: RevocationsOptions = {}) {
    const bounds = (most: number) => ({ least: 1, most, default: Number.NaN })
    this.#max = wholeNumber('maxRevoked', maxRevoked, bounds(10_000_000))
    const hours = wholeNumber('keptHours', keptHours, bounds(10_000))
    this.#before = new LRUCache({ max: this.#max, ttl: hours * 3_600_000 })
  }

  /**
   * Takes back the tokens that were issued until now.
   *
   * @param who a user or service principal by `tenantId` and `id`, or a session by its `sid`
   * @throws EntraConfigurationError when one of them is no text or empty, or when there is no room: an older entry is not forgotten for it
   */
  revoke(who: Revoked): void {
    const key = 'sessionId' in who ? keyOf(who.sessionId) : keyOf(who.tenantId, who.id)
    if (!key) throw new EntraConfigurationError('revoke takes a tenantId and an id, or a sessionId, none of them empty')
    if (!this.#before.has(key) && this.#before.size >= this.#max && !this.#before.purgeStale())
      throw new EntraConfigurationError(`there is no room for more than ${this.#max} revocations; raise maxRevoked`)
    this.#before.set(key, Date.now() / 1000)
  }

  /** For the option `isRevoked`. A token that does not say when it was issued counts as older. */
  readonly isRevoked = ({ tenantId, id, claims: { sid, iat } }: Principal): boolean => {
    const keys = [keyOf(tenantId, id), keyOf(sid)]
    const issuedAt = typeof iat === 'number' ? iat : 0
    return keys.some((key) => issuedAt <= (this.#before.get(key ?? '') ?? Number.NEGATIVE_INFINITY))
  }
}

/** GUIDs have no case. */
function keyOf(...parts: readonly unknown[]): string | undefined {
  const isText = parts.every((part) => typeof part === 'string' && part !== '')
  return isText
    ? JSON.stringify(parts.map((part) => (guid.test(String(part)) ? String(part).toLowerCase() : part)))
    : undefined
}
