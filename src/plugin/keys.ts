/**
 * Stage 2b: `kid` → public key. The whole set is fetched at start and in the background; requests only read it. An
 * unknown `kid` asks for one refresh per cooldown; a bad answer never replaces a good set; the last good one serves an
 * outage for as long as `maxStaleSeconds`.
 */
import { type Refusal, refusal } from './errors.js'
import type { KeySet, VerificationKey } from './jwks.js'
import { MetadataMismatchError } from './metadata.js'
import type { Clock, Logger } from './types.js'

/** How often keys are fetched, in seconds. */
export interface KeyTimings {
  readonly refreshSeconds: number
  readonly cooldownSeconds: number
  readonly maxStaleSeconds: number
}

/** What a store says of itself, for `/readyz`. */
export interface KeyStoreStatus {
  /** `cold`: no set yet, or the last good one is too old. `stale`: the last good one serves, a refresh failed. */
  readonly state: 'cold' | 'fresh' | 'stale'
  readonly keys: number
  /** Seconds since the set was fetched. */
  readonly ageSeconds?: number
  /** Why the last fetch failed. */
  readonly lastError?: string
}

const unknownKey = refusal('unknown_key')
/** Back-off between failed tries, in seconds; without keys no longer than 3, so that recovery shows within 5. */
const firstRetrySeconds = 0.5
const maxRetrySeconds = { cold: 3, warm: 60 }

export class KeyStore {
  readonly #load: () => Promise<KeySet>
  readonly #timings: KeyTimings
  readonly #clock: Clock
  readonly #log: Logger
  #set: KeySet | undefined
  #loadedAt = Number.NEGATIVE_INFINITY
  #askedAt = Number.NEGATIVE_INFINITY
  #nextTryAt = 0
  #refreshing: Promise<void> | undefined
  #lastError: string | undefined
  #failures = 0
  #cancelTimer = () => {}
  #closed = false

  /** @param load fetches and vets the whole set; rejects when there is none to be had */
  constructor(load: () => Promise<KeySet>, timings: KeyTimings, clock: Clock, log: Logger) {
    this.#load = load
    this.#timings = timings
    this.#clock = clock
    this.#log = log
  }

  /** Fetches the set and keeps it fresh from then on. Resolves after the first try, and never rejects. */
  start(): Promise<void> {
    return this.#refreshInBackground()
  }

  /** Stops the background refresh. */
  close(): void {
    this.#closed = true
    this.#cancelTimer()
  }

  /** The key named `kid`: at once where it is known or known not to be, after one shared refresh where not. */
  find(kid: string): VerificationKey | Refusal | Promise<VerificationKey | Refusal> {
    const known = this.#usable()
    if (!known) return this.#unavailable()
    return known.keys.get(kid) ?? this.#ask()?.then(() => this.#settled(kid)) ?? this.#missing()
  }

  get status(): KeyStoreStatus {
    const usable = this.#usable()
    return {
      state: usable ? (this.#lastError === undefined ? 'fresh' : 'stale') : 'cold',
      keys: usable?.keys.size ?? 0,
      ...(this.#set && { ageSeconds: Math.floor((this.#clock.now() - this.#loadedAt) / 1000) }),
      ...(this.#lastError !== undefined && { lastError: this.#lastError })
    }
  }

  #usable(): KeySet | undefined {
    return this.#clock.now() - this.#loadedAt <= this.#timings.maxStaleSeconds * 1000 ? this.#set : undefined
  }

  /** A refresh to wait for: the one under way, or a new one unless the last was asked for within the cooldown. */
  #ask(): Promise<void> | undefined {
    if (this.#refreshing) return this.#refreshing
    const now = this.#clock.now()
    if (now - this.#askedAt < this.#timings.cooldownSeconds * 1000) return undefined
    this.#askedAt = now
    return this.#refresh()
  }

  #settled(kid: string): VerificationKey | Refusal {
    return this.#usable()?.keys.get(kid) ?? this.#missing()
  }

  /** While the state of the keys is unknown the answer is 503; once it is known, 401. */
  #missing(): Refusal {
    return this.#lastError === undefined ? unknownKey : this.#unavailable()
  }

  #unavailable(): Refusal {
    const seconds = Math.ceil((this.#nextTryAt - this.#clock.now()) / 1000)
    return refusal('tenant_unavailable', { retryAfterSeconds: Math.max(1, seconds) })
  }

  async #refreshInBackground(): Promise<void> {
    await this.#refresh()
    if (this.#closed) return
    const seconds = this.#failures === 0 ? this.#timings.refreshSeconds : this.#retrySeconds()
    this.#nextTryAt = this.#clock.now() + seconds * 1000
    this.#cancelTimer = this.#clock.after(seconds * 1000, () => void this.#refreshInBackground())
  }

  #retrySeconds(): number {
    const max = this.#usable() ? maxRetrySeconds.warm : maxRetrySeconds.cold
    const backOff = Math.min(max, firstRetrySeconds * 2 ** (this.#failures - 1))
    return backOff * (0.5 + Math.random() / 2) // jitter: instances that failed together do not come back together
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
    const kids = [...set.keys.keys()]
    const changed = this.#lastError !== undefined || kids.join() !== [...(this.#set?.keys.keys() ?? [])].join()
    this.#set = set
    this.#loadedAt = this.#clock.now()
    this.#lastError = undefined
    this.#failures = 0
    if (changed) this.#log.info({ kids, dropped: set.dropped }, 'the keys of the tenant are fresh')
  }

  #keep(error: unknown): void {
    const reason = reasonOf(error)
    const changed = this.#lastError !== reason
    this.#lastError = reason
    this.#failures += 1
    if (!changed || this.#closed) return
    const details = { reason, state: this.status.state }
    if (error instanceof MetadataMismatchError) this.#log.error(details, 'the authority is not the one configured')
    else this.#log.warn(details, 'the keys of the tenant could not be fetched')
  }
}

/** undici wraps what went wrong; the innermost message says it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message || String((error as { code?: unknown }).code) : reasonOf(error.cause)
}
