/**
 * Stage 2b: returns the public key of a `kid`. The whole set is fetched at startup and in the background; requests only read it. An unknown
 * `kid` triggers at most one refresh per cooldown. An invalid response never replaces a valid set. During an outage, the last valid set is
 * used for up to `maxStaleSeconds`.
 */

import { retrySeconds } from '../lib/back-off.js'
import type { Clock } from '../lib/clock.js'
import { reasonOf } from '../lib/json-client.js'
import { type Refusal, refusal } from '../refusals/refusal.js'
import { type KeySet, reuseUnchangedKeys, type VerificationKey } from './jwks.js'
import type { KeyNews, KeyStoreStatus } from './key-events.js'
import type { KeyTimings } from './timings.js'

const unknownKey = refusal('unknown_key')

/** The keys of one issuer: when to fetch them, and how to refuse while there are none. */
export class KeyStore {
  readonly #load: () => Promise<KeySet>
  readonly #timings: KeyTimings
  readonly #clock: Clock
  readonly #news: KeyNews
  #set: KeySet | undefined
  #loadedAt = Number.NEGATIVE_INFINITY
  #askedAt = Number.NEGATIVE_INFINITY
  #nextTryAt = 0
  #refreshing: Promise<void> | undefined
  #lastError: string | undefined
  #failures = 0
  #cancelTimer = () => {}
  #closed = false

  /** @param load fetches and validates the whole set; rejects when it cannot */
  constructor(load: () => Promise<KeySet>, timings: KeyTimings, clock: Clock, news: KeyNews) {
    this.#load = load
    this.#timings = timings
    this.#clock = clock
    this.#news = news
  }

  /** Fetches the set, and refreshes it from then on. Resolves after the first attempt, and never rejects. */
  start(): Promise<void> {
    return this.#refreshInBackground()
  }

  /** Stops the background refresh. */
  close(): void {
    this.#closed = true
    this.#cancelTimer()
  }

  /** The key named `kid`: at once if it is known, or known not to exist; otherwise after one shared refresh. */
  find(kid: string): VerificationKey | Refusal | Promise<VerificationKey | Refusal> {
    const known = this.#usable()
    if (!known) return this.#unavailable()
    return known.keys.get(kid) ?? this.#ask()?.then(() => this.#settled(kid)) ?? this.#missing()
  }

  /** The key named `kid`, if it is held. Fetches nothing. */
  peek(kid: string): VerificationKey | undefined {
    return this.#usable()?.keys.get(kid)
  }

  /** The refusal while there is no usable set: none yet, or the last valid one is too old. Otherwise `undefined`. */
  get outage(): Refusal | undefined {
    return this.#usable() ? undefined : this.#unavailable()
  }

  get status(): KeyStoreStatus {
    const usable = this.#usable()
    return {
      state: usable ? (this.#lastError === undefined ? 'fresh' : 'stale') : 'cold',
      keys: usable?.keys.size ?? 0,
      ...(this.#set && { ageSeconds: Math.floor(this.#ageSeconds) }),
      ...(this.#lastError !== undefined && { lastError: this.#lastError })
    }
  }

  #usable(): KeySet | undefined {
    return this.#ageSeconds <= this.#timings.maxStaleSeconds ? this.#set : undefined
  }

  /** A refresh to wait for: the pending one, or a new one unless the last was triggered within the cooldown. */
  #ask(): Promise<void> | undefined {
    if (this.#refreshing) return this.#refreshing
    const { cooldownSeconds } = this.#timings
    const now = this.#clock.now()
    if (now - this.#askedAt < cooldownSeconds * 1000) return undefined
    this.#askedAt = now
    return this.#refresh().then(() => {
      // Whether the kid is new stays unknown until the tenant responds: this does not wait for the next hourly refresh.
      if (this.#lastError !== undefined) this.#schedule(this.#retrySeconds)
    })
  }

  #settled(kid: string): VerificationKey | Refusal {
    return this.#usable()?.keys.get(kid) ?? this.#missing()
  }

  /** While the state of the keys is unknown the answer is 503; once it is known, 401. */
  #missing(): Refusal {
    const nextAskAt = this.#askedAt + this.#timings.cooldownSeconds * 1000
    return this.#lastError === undefined ? unknownKey : this.#unavailable(Math.min(this.#nextTryAt, nextAskAt))
  }

  #unavailable(until = this.#nextTryAt): Refusal {
    const seconds = Math.ceil((until - this.#clock.now()) / 1000)
    return refusal('tenant_unavailable', { retryAfterSeconds: Math.max(1, seconds) })
  }

  async #refreshInBackground(): Promise<void> {
    if (this.#failures > 0) this.#askedAt = this.#clock.now() // a retry resolves unknown kids as well
    const startedAt = this.#clock.now()
    await this.#refresh()
    const { refreshSeconds, maxStaleSeconds } = this.#timings
    // Well before the set is too old to be used, whatever the two options are.
    const regular = Math.min(refreshSeconds, maxStaleSeconds / 2)
    // From the start of the attempt: one that hung until its deadline has waited already.
    const spentSeconds = (this.#clock.now() - startedAt) / 1000
    this.#schedule(this.#failures === 0 ? regular : Math.max(0, this.#retrySeconds - spentSeconds))
  }

  get #retrySeconds(): number {
    const { cooldownSeconds, maxStaleSeconds } = this.#timings
    return retrySeconds(this.#failures, cooldownSeconds, maxStaleSeconds - this.#ageSeconds)
  }

  #schedule(seconds: number): void {
    this.#cancelTimer()
    if (this.#closed) return
    this.#nextTryAt = this.#clock.now() + seconds * 1000
    this.#cancelTimer = this.#clock.after(seconds * 1000, () => void this.#refreshInBackground())
  }

  get #ageSeconds(): number {
    return (this.#clock.now() - this.#loadedAt) / 1000
  }

  /** One fetch at a time, shared by all who wait. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#load()
      .then(
        (set) => this.#install(set),
        (error: unknown) => this.#keep(error)
      )
      .finally(() => {
        this.#refreshing = undefined
      })
    return this.#refreshing
  }

  #install(set: KeySet): void {
    this.#set = reuseUnchangedKeys(set, this.#set)
    this.#loadedAt = this.#clock.now()
    this.#lastError = undefined
    this.#failures = 0
    this.#news.fetched(set)
  }

  #keep(error: unknown): void {
    this.#lastError = reasonOf(error)
    this.#failures += 1
    if (!this.#closed) this.#news.failed(error, this.status.state)
  }
}
