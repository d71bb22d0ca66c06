/** Tokens that were taken back, in the memory of one process. */
import { LRUCache } from 'lru-cache'
import type { Principal } from '../claims/principal.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownProperties } from '../lib/own.js'
import { rejectUnknown, wholeNumber } from '../lib/validate.js'
import { isTakenBack, keptSeconds, keyOfRevoked, keysOf, type Revoked } from './record.js'

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
 * several instances, each must be told, or all share a {@link RedisRevocations}.
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

  /** @throws EntraConfigurationError when an option is unknown, or out of its bounds */
  constructor(options: RevocationsOptions = {}) {
    rejectUnknown('Revocations', options, ['keptHours', 'maxRevoked'])
    const { keptHours, maxRevoked } = ownProperties(options)
    this.#max = wholeNumber('maxRevoked', maxRevoked, { least: 1, most: 10_000_000, default: 100_000 })
    this.#before = new LRUCache({ max: this.#max, ttl: keptSeconds(keptHours) * 1000 })
  }

  /**
   * Takes back the tokens that were issued until now.
   *
   * @param who a user or service principal by `tenantId` and `id`, or a session by `tenantId` and `sessionId` (its `sid`)
   * @throws EntraConfigurationError when one of them is missing, no text or empty, or when there is no room: an older entry is not forgotten for it
   */
  revoke(who: Revoked): void {
    const key = keyOfRevoked(who)
    const before = this.#before.get(key)
    if (before === undefined && this.#before.size >= this.#max && !this.#before.purgeStale())
      throw new EntraConfigurationError(`there is no room for more than ${this.#max} revocations; raise maxRevoked`)
    this.#before.set(key, Math.max(Date.now() / 1000, before ?? 0)) // a clock that was set back gives nobody a token back
  }

  /** For the option `isRevoked`. A token that does not say when it was issued counts as older. */
  readonly isRevoked = (principal: Principal): boolean =>
    isTakenBack(
      principal,
      keysOf(principal).map((key) => this.#before.get(key))
    )
}
