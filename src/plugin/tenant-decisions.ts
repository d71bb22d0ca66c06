/** Which directories may call, where a function of the application says so: its answers, shared and remembered for a while. */
import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Claims, Clock } from './types.js'

/**
 * Decides whether the tokens of a directory are accepted; only `true`, or a promise of it, says yes. When it throws, or takes longer
 * than `keysTimeoutSeconds`, the answer is 503. An answer counts for 60 seconds: for the whole directory where the function takes one
 * parameter, and for tokens with the same claims where it looks at these.
 *
 * @param tenantId `tid` of a verified token, a lower-case GUID
 * @param claims the whole payload of that token, frozen
 */
export type TenantPolicy = (tenantId: string, claims: Claims) => boolean | Promise<boolean>

/** Seconds for which an answer counts, yes or no. */
export const answerSeconds = 60
const maxAnswers = 10_000

/** An answer, and until when it counts. */
export interface TenantDecision {
  readonly allowed: boolean
  /** Seconds, as `exp`. */
  readonly until: number
}

/** Asks a {@link TenantPolicy}, and remembers what it said. */
export class TenantDecisions {
  readonly #policy: TenantPolicy
  readonly #timeoutSeconds: number
  readonly #clock: Clock
  readonly #answers = new LRUCache<string, { readonly allowed: Promise<boolean>; readonly until: number }>({
    max: maxAnswers
  })

  constructor(policy: TenantPolicy, timeoutSeconds: number, clock: Clock) {
    this.#policy = policy
    this.#timeoutSeconds = timeoutSeconds
    this.#clock = clock
  }

  /**
   * What the function says, or said of late. Those who ask meanwhile share one call.
   *
   * @throws whatever the function throws, or an error when it takes too long: neither is remembered
   */
  async decide(tenantId: string, claims: Claims): Promise<TenantDecision> {
    const subject = this.#policy.length === 1 ? tenantId : `${tenantId} ${digestOf(claims)}`
    const now = Date.now() / 1000
    let answer = this.#answers.get(subject)
    if (!answer || now >= answer.until) {
      answer = { allowed: this.#ask(tenantId, claims), until: now + answerSeconds }
      this.#answers.set(subject, answer)
    }
    try {
      return { allowed: await answer.allowed, until: answer.until }
    } catch (error) {
      if (this.#answers.get(subject) === answer) this.#answers.delete(subject)
      throw error
    }
  }

  #ask(tenantId: string, claims: Claims): Promise<boolean> {
    const ask = async () => (await this.#policy(tenantId, claims)) === true
    return new Promise((resolve, reject) => {
      const late = () => reject(new Error(`allowedTenants took longer than ${this.#timeoutSeconds} seconds`))
      const cancel = this.#clock.after(this.#timeoutSeconds * 1000, late)
      void ask().then(resolve, reject).finally(cancel)
    })
  }
}

/** The claims themselves would keep a token's worth of memory for each answer. */
function digestOf(claims: Claims): string {
  return createHash('sha256').update(JSON.stringify(claims)).digest('base64')
}
