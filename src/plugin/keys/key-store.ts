/**
 * Stage 2b: returns the public key of a `kid` and an `alg`. The whole set is fetched at startup and in the background; requests only read it. An unknown
 * `kid` triggers at most one refresh per cooldown, and a `kid` that left the set one more. An invalid response never replaces a valid set. During an outage, the last valid set is
 * used for up to `maxStaleSeconds`. A preloaded set counts as one that is stale since it was fetched.
 *
 * Timers stand still in a frozen process (a machine that sleeps, a serverless function between requests), so requests also look at the wall clock: a
 * refresh that is overdue by it begins at once.
 */

import { retrySeconds } from '../lib/back-off.js'
import { type Clock, millisecondsSince, never } from '../lib/clock.js'
import { reasonOf } from '../lib/json-client.js'
import { type Refusal, refusal } from '../refusals/refusal.js'
import { Departures } from './departures.js'
import { HeldKeys } from './held-keys.js'
import { type KeySet, maxKeys, reuseUnchangedKeys, type VerificationKey } from './jwks.js'
import type { KeyNews, KeyStoreStatus } from './key-events.js'
import { KeyIndex } from './key-index.js'
import type { KeyTimings } from './timings.js'

const unknownKey = refusal('unknown_key')
const otherAlgorithm = refusal('wrong_algorithm')
const unreadKey = refusal('unknown_key', {
  detail: `The token is signed with a key that is not among the first ${maxKeys} of its issuer, which are all that this API reads. Get a new token.`
})
const noKeyFits = refusal('unknown_key', {
  detail:
    'The token does not identify the key that signed it (its header has no "kid"), and its issuer publishes no key for its "alg". Get a new token.'
})
const severalFit = refusal('unknown_key', {
  detail:
    'The token does not identify the key that signed it: its header has no "kid", and its issuer publishes several keys for its "alg". Configure the issuer to send one.'
})

/** A timer that is late by more than this has slept; less is a busy process. */
const sleptMs = 1000

/** The keys of one issuer: when to fetch them, and how to refuse while there are none. */
export class KeyStore {
  readonly #load: () => Promise<KeySet>
  readonly #timings: KeyTimings
  readonly #clock: Clock
  readonly #news: KeyNews
  #held: HeldKeys | undefined
  readonly #departures = new Departures()
  #askedAt = never
  #nextTryAt = 0
  /** When the next refresh in the background is overdue, by the wall clock. */
  #overdueAt = Number.POSITIVE_INFINITY
  #refreshing: Promise<void> | undefined
  /** A refresh that the process slept through; see {@link KeyStore.#wake}. */
  #waking: Promise<void> | undefined
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

  /** Uses a set that another process fetched, until the first fetch. Before {@link KeyStore.start}. */
  preload(set: KeySet, fetchedAt: number): void {
    this.#held = new HeldKeys(new KeyIndex(set), this.#clock, fetchedAt)
    this.#news.preloaded(set, Math.floor(this.#ageSeconds))
  }

  /**
   * Fetches the set, and refreshes it from then on. Resolves after the first attempt, or at once if preloaded keys can be used. Never
   * rejects.
   */
  async start(): Promise<void> {
    const attempt = this.#refreshInBackground()
    if (!this.#usable()) await attempt
  }

  /** Stops the background refresh. */
  close(): void {
    this.#closed = true
    this.#cancelTimer()
  }

  /**
   * The key that a token names: at once if it is known, or known not to exist; otherwise after one shared refresh.
   *
   * @param kid `undefined` of a token without one: then the only key that fits its `alg` (OpenID Connect Core §10.1)
   * @param alg as received
   */
  find(kid: string | undefined, alg: unknown): VerificationKey | Refusal | Promise<VerificationKey | Refusal> {
    this.#wake()
    const held = this.#usable()
    if (!held) return this.#waking?.then(() => this.#settled(kid, alg)) ?? this.#unavailable()
    // Of several keys that fit a token without `kid` all but one may be gone by now, so that counts as unknown, too.
    return held.find(kid, alg) ?? this.#ask(kid, alg)?.then(() => this.#settled(kid, alg)) ?? this.#missing(kid, alg)
  }

  /**
   * For a token without `kid` that the only fitting key did not sign: it may be signed with the next one, which a refresh shows.
   *
   * @param tried the key that did not sign it
   * @returns another key; `undefined` if there is none, so that the signature is invalid; a refusal while that is unknown
   */
  findAnother(
    alg: unknown,
    tried: VerificationKey
  ): VerificationKey | Refusal | undefined | Promise<VerificationKey | Refusal | undefined> {
    const another = () => {
      const found = this.#settled(undefined, alg)
      if (found !== tried) return found
      return this.#lastError === undefined ? undefined : this.#missing(undefined, alg)
    }
    return this.peek(undefined, alg) === tried ? (this.#ask(undefined, alg)?.then(another) ?? another()) : another()
  }

  /** The key that a token names, if it is held. Waits for nothing. */
  peek(kid: string | undefined, alg: unknown): VerificationKey | undefined {
    this.#wake()
    return this.#usable()?.find(kid, alg)
  }

  /** A key of this name, whatever it verifies, if one is held. Fetches nothing. */
  peekNamed(kid: string): VerificationKey | undefined {
    return this.#usable()?.first(kid)
  }

  /** The refusal while there is no usable set: none yet, or the last valid one is too old. Otherwise `undefined`. */
  get outage(): Refusal | undefined {
    return this.#usable() ? undefined : this.#unavailable()
  }

  get status(): KeyStoreStatus {
    const usable = this.#usable()
    const isPreloaded = usable !== undefined && this.#held?.isPreloaded === true
    const isFresh = this.#lastError === undefined && !isPreloaded
    return {
      state: usable ? (isFresh ? 'fresh' : 'stale') : 'cold',
      keys: usable?.set.keys.length ?? 0,
      ...(this.#held && { ageSeconds: Math.floor(this.#ageSeconds) }),
      ...(isPreloaded && { preloaded: true }),
      ...(this.#lastError !== undefined && { lastError: this.#lastError })
    }
  }

  /** The keys that are used now, and when they were fetched. */
  get held(): HeldKeys | undefined {
    return this.#usable() && this.#held
  }

  #usable(): KeyIndex | undefined {
    return this.#ageSeconds <= this.#timings.maxStaleSeconds ? this.#held?.index : undefined
  }

  /** Begins the refresh that the process slept through. Requests wait for it, but only while no usable keys are held. */
  #wake(): void {
    if (this.#clock.wall() < this.#overdueAt || this.#closed) return
    // Where the monotonic clock went on, the timer fires by itself; only requests that have no keys to be served with come first.
    if (this.#clock.now() >= this.#nextTryAt && this.#usable()) return
    this.#waking = this.#refreshInBackground().finally(() => {
      this.#waking = undefined
    })
  }

  /** A refresh to wait for: the pending one, or a new one unless the last was triggered within the cooldown. A key that left may ask sooner. */
  #ask(kid: string | undefined, alg: unknown): Promise<void> | undefined {
    if (this.#refreshing) return this.#refreshing
    const now = this.#clock.now()
    const isTime = millisecondsSince(this.#askedAt, this.#clock) >= this.#timings.cooldownSeconds * 1000
    if (!isTime && !this.#departures.mayAsk(kid, alg, now)) return undefined
    if (isTime) this.#noteAsked()
    return this.#refresh().then(() => {
      // Whether the kid is new stays unknown until the tenant responds: this does not wait for the next hourly refresh.
      if (this.#lastError !== undefined) this.#schedule(this.#retrySeconds)
    })
  }

  #settled(kid: string | undefined, alg: unknown): VerificationKey | Refusal {
    return this.peek(kid, alg) ?? this.#missing(kid, alg)
  }

  /** While the state of the keys is unknown the answer is 503; once it is known, 401. */
  #missing(kid: string | undefined, alg: unknown): Refusal {
    const nextAskAt = this.#askedAt.now + this.#timings.cooldownSeconds * 1000
    if (this.#lastError !== undefined) return this.#unavailable(Math.min(this.#nextTryAt, nextAskAt))
    if (kid === undefined) return this.#held?.index.isAmbiguous(alg) ? severalFit : noKeyFits
    if (this.peekNamed(kid)) return otherAlgorithm
    return this.#held?.index.set.unread ? unreadKey : unknownKey
  }

  #unavailable(until = this.#nextTryAt): Refusal {
    const seconds = Math.ceil((until - this.#clock.now()) / 1000)
    return refusal('tenant_unavailable', { retryAfterSeconds: Math.max(1, seconds) })
  }

  #noteAsked(): void {
    this.#askedAt = { now: this.#clock.now(), wall: this.#clock.wall() }
  }

  async #refreshInBackground(): Promise<void> {
    this.#overdueAt = Number.POSITIVE_INFINITY
    if (this.#failures > 0) this.#noteAsked() // a retry resolves unknown kids as well
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
    this.#overdueAt = this.#clock.wall() + seconds * 1000 + sleptMs
    this.#cancelTimer = this.#clock.after(seconds * 1000, () => void this.#refreshInBackground())
  }

  get #ageSeconds(): number {
    return this.#held?.ageSeconds ?? Number.POSITIVE_INFINITY
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
    const before = this.#held?.index
    const index = new KeyIndex(reuseUnchangedKeys(set, before?.set))
    if (before) this.#departures.note(before, index)
    this.#held = new HeldKeys(index, this.#clock)
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
