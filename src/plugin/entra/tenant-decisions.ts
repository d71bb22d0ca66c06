/** Which directories may call, as a function of the application decides: its results, shared and cached for a while. */
import { createHash } from 'node:crypto'
import type { Claims } from '../claims/principal.js'
import type { Clock } from '../lib/clock.js'
import { type Answer, LookupCache } from '../lib/lookup-cache.js'

/**
 * Decides whether tokens of a directory are accepted. Return `true`, or a promise of it, to accept them. If it throws, or takes longer than
 * `keysTimeoutSeconds`, the plugin responds with 503. A result is cached for 60 seconds and shared as {@link SharedTenantPolicy.sharedBy}
 * defines.
 *
 * @param tenantId `tid` of a verified token, a lower-case GUID
 * @param claims the whole payload of that token, frozen
 */
export type TenantPolicy = (tenantId: string, claims: Claims) => boolean | Promise<boolean>

/** A {@link TenantPolicy}, and which tokens share its results. */
export interface SharedTenantPolicy {
  readonly decide: TenantPolicy
  /**
   * `tenant`: one result applies to the whole directory, and the function gets no claims. `claims`: it applies to tokens with the same
   * claims.
   */
  readonly sharedBy: 'tenant' | 'claims'
}

/** Seconds for which a result is cached, allowed or denied. */
export const answerSeconds = 60

/** Calls a {@link TenantPolicy}, and caches its results. */
export class TenantDecisions {
  readonly #policy: SharedTenantPolicy
  readonly #answers: LookupCache<boolean>

  constructor(policy: SharedTenantPolicy, timeoutSeconds: number, clock: Clock) {
    this.#policy = policy
    this.#answers = new LookupCache('allowedTenants', { timeoutSeconds, clock, keyOf: ({ directory }) => directory })
  }

  /**
   * The function's result, which may be a cached one.
   *
   * @throws any error of the function; an error when it takes too long, or while the circuit breaker is open
   */
  decide(tenantId: string, claims: Claims): Promise<Answer<boolean>> {
    const { decide, sharedBy } = this.#policy
    const isShared = sharedBy === 'tenant'
    const { oid, sub } = claims
    const caller = isShared ? tenantId : JSON.stringify([tenantId, oid ?? sub])
    const about = isShared ? tenantId : `${tenantId} ${digestOf(claims)}`
    // A shared result must not depend on one token.
    const seen = isShared ? {} : claims
    return this.#answers.get(
      { about, caller, directory: tenantId },
      answerSeconds,
      async () => (await decide(tenantId, seen)) === true
    )
  }
}

/** Keeping the claims themselves would take a token's worth of memory for each result. */
function digestOf(claims: Claims): string {
  return createHash('sha256').update(JSON.stringify(claims)).digest('base64')
}
