/** Revocations in the memory of one process. */
import { LRUCache } from 'lru-cache'
import type { Principal } from '../claims/principal.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownProperties } from '../lib/own.js'
import { rejectUnknown, wholeNumber } from '../lib/validate.js'
import { isTakenBack, keptSeconds, keyOfRevoked, keysOf, type Revoked } from './record.js'

/** Bounds of {@link Revocations}. */
export interface RevocationsOptions {
  /**
   * Hours for which a revocation is kept: at least the longest lifetime of a token. Default: 29, as Entra's tokens live up to 28
   * (continuous access evaluation); other providers can be configured to issue longer ones.
   */
  readonly keptHours?: number
  /** The most users and sessions. Default: 100000. */
  readonly maxRevoked?: number
}

/**
 * A store for {@link IsRevoked}, in the memory of this process: revokes all tokens of a user, service principal or session that were issued
 * until now. With several instances, revoke in each, or share a {@link RedisRevocations}.
 *
 *     const revocations = new Revocations()
 *     await app.register(entra, { …, isRevoked: revocations.isRevoked })
 *     revocations.revoke({ tenantId, id })
 *
 * It compares with the token's `iat`: if the issuer's clock is ahead of this one, a token issued within that difference passes; if the
 * issuer backdates tokens, new ones are refused for as long.
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
   * Revokes the tokens that were issued until now.
   *
   * @param who a user or service principal by `tenantId` and `id`, or a session by `tenantId` and `sessionId` (its `sid`)
   * @throws EntraConfigurationError when one of them is missing, not a string or empty, or when the store is full: it does not drop an
   * older entry
   */
  revoke(who: Revoked): void {
    const key = keyOfRevoked(who)
    const before = this.#before.get(key)
    if (before === undefined && this.#before.size >= this.#max && !this.#before.purgeStale())
      throw new EntraConfigurationError(`there is no room for more than ${this.#max} revocations; raise maxRevoked`)
    this.#before.set(key, Math.max(Date.now() / 1000, before ?? 0)) // a clock that is set back must not undo a revocation
  }

  /** For the option `isRevoked`. A token without `iat` counts as issued before. */
  readonly isRevoked = (principal: Principal): boolean =>
    isTakenBack(
      principal,
      keysOf(principal).map((key) => this.#before.get(key))
    )
}
