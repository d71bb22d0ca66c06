/** Which directories may call, where a function of the application says so: its answers, shared and remembered for a while. */
import { createHash } from 'node:crypto'
import type { Claims } from '../claims/principal.js'
import type { Clock } from '../lib/clock.js'
import { type Answer, Answers } from '../lib/lookup-cache.js'

/**
 * Decides whether the tokens of a directory are accepted; only `true`, or a promise of it, says yes. When it throws, or takes longer
 * than `keysTimeoutSeconds`, the answer is 503. An answer counts for 60 seconds, for whom {@link SharedTenantPolicy.sharedBy} says.
 *
 * @param tenantId `tid` of a verified token, a lower-case GUID
 * @param claims the whole payload of that token, frozen
 */
export type TenantPolicy = (tenantId: string, claims: Claims) => boolean | Promise<boolean>

/** A {@link TenantPolicy}, and for whom its answers count. */
export interface SharedTenantPolicy {
  readonly decide: TenantPolicy
  /** `tenant`: one answer is for the whole directory, and no claims are seen. `claims`: it is for tokens with the same claims. */
  readonly sharedBy: 'tenant' | 'claims'
}

/** Seconds for which an answer counts, yes or no. */
export const answerSeconds = 60

/** Asks a {@link TenantPolicy}, and remembers what it said. */
export class TenantDecisions {
  readonly #policy: SharedTenantPolicy
  readonly #answers: Answers<boolean>

  constructor(policy: SharedTenantPolicy, timeoutSeconds: number, clock: Clock) {
    this.#policy = policy
    this.#answers = new Answers('allowedTenants', { timeoutSeconds, clock, keyOf: ({ directory }) => directory })
  }

  /**
   * What the function says, or said recently.
   *
   * @throws whatever the function throws, or an error when it takes too long, or while the circuit breaker is open
   */
  decide(tenantId: string, claims: Claims): Promise<Answer<boolean>> {
    const { decide, sharedBy } = this.#policy
    const isShared = sharedBy === 'tenant'
    const { oid, sub } = claims
    const caller = isShared ? tenantId : JSON.stringify([tenantId, oid ?? sub])
    const about = isShared ? tenantId : `${tenantId} ${digestOf(claims)}`
    // What is shared must not hang on one token.
    const seen = isShared ? {} : claims
    return this.#answers.get(
      { about, caller, directory: tenantId },
      answerSeconds,
      async () => (await decide(tenantId, seen)) === true
    )
  }
}

/** The claims themselves would keep a token's worth of memory for each answer. */
function digestOf(claims: Claims): string {
  return createHash('sha256').update(JSON.stringify(claims)).digest('base64')
}
