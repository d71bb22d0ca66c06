/** Signals that fire when the token of a caller is no longer valid: for streams, which outlive the check of their request. */
import type { Principal } from '../claims/principal.js'
import type { Clock } from '../lib/clock.js'
import { type Refusal, refusal } from '../refusals/refusal.js'
import { TimerWheel } from './timer-wheel.js'

/** Seconds after which each signal's token is checked again for what has no time of its own: its key, and `isRevoked`. */
const checkSeconds = 10

/** What signals depend on. */
export interface SignalDependencies {
  /** Of the timer; when a token expires, the wall clock says. */
  readonly clock: Clock
  readonly clockToleranceSeconds: number
  /** The refusal that a request with the token would get now. Never rejects. */
  readonly lapseOf: (principal: Principal) => Promise<Refusal | undefined>
  /** The reason of a signal that fires for a refusal. */
  readonly toReason: (why: Refusal, principal: Principal) => Error
}

/** A signal that is watched. */
interface Watched {
  /** Another one after a renewal, with another {@link Watched.dueAt}. */
  principal: Principal
  dueAt: number
  readonly controller: AbortController
  /** The signals that are checked in the same second. */
  readonly group: Set<Watched>
  isBeingChecked: boolean
}

/** A signal, and how it is forgotten. */
export interface WatchedSignal {
  readonly signal: AbortSignal
  /** From now on it fires when this principal's token is no longer valid. Has no effect once it has fired or is released. */
  renew(principal: Principal): void
  /** From now on it does not fire, and nothing holds it. */
  release(): void
}

const closed = () => new DOMException('the app is closing', 'AbortError')

/** All signals of one app. They have one timer, of a second, and only while there are any. */
export class PrincipalSignals {
  readonly #given: SignalDependencies
  readonly #wheel = new TimerWheel<Watched>(Date.now() / 1000)
  readonly #groups: readonly Set<Watched>[] = Array.from({ length: checkSeconds }, () => new Set())
  #added = 0
  #ticks = 0
  #size = 0
  #cancelTimer: (() => void) | undefined
  #isClosed = false

  constructor(given: SignalDependencies) {
    this.#given = given
  }

  /** How many signals are watched. */
  get size(): number {
    return this.#size
  }

  /** A new signal for a principal that was verified. */
  watch(principal: Principal): WatchedSignal {
    const controller = new AbortController()
    if (this.#isClosed) {
      controller.abort(closed())
      return { signal: controller.signal, renew() {}, release() {} }
    }
    const dueAt = this.#dueAt(principal)
    const group = this.#groups[this.#added % checkSeconds] as Set<Watched>
    const watched: Watched = { principal, dueAt, controller, group, isBeingChecked: false }
    this.#added += 1
    this.#size += 1
    group.add(watched)
    this.#wheel.add(watched)
    this.#cancelTimer ??= this.#schedule()
    return {
      signal: controller.signal,
      renew: (renewed) => this.#renew(watched, renewed),
      release: () => this.#forget(watched)
    }
  }

  #renew(watched: Watched, principal: Principal): void {
    if (!watched.group.has(watched)) return
    this.#wheel.remove(watched)
    Object.assign(watched, { principal, dueAt: this.#dueAt(principal) })
    this.#wheel.add(watched)
  }

  /** The wheel takes only what is due after this second. */
  #dueAt({ expiresAt }: Principal): number {
    const lastSecond = Math.ceil(expiresAt + this.#given.clockToleranceSeconds)
    return Math.max(lastSecond, Math.floor(Date.now() / 1000) + 1)
  }

  /** Fires all signals, and those of requests that come after it at once. */
  close(): void {
    this.#isClosed = true
    for (const group of this.#groups) for (const watched of [...group]) this.#end(watched, closed())
  }

  /** By no more than a second, whatever the lifetime of a token: a timer knows neither a longer delay than 2^31-1 ms nor the wall clock. */
  #schedule(): () => void {
    return this.#given.clock.after(1000, () => {
      this.#cancelTimer = this.#schedule()
      this.#tick()
    })
  }

  #tick(): void {
    for (const watched of this.#wheel.takeDue(Date.now() / 1000))
      this.#end(watched, this.#given.toReason(refusal('token_expired'), watched.principal))
    const group = this.#groups[this.#ticks % checkSeconds] as Set<Watched>
    this.#ticks += 1
    for (const watched of group) if (!watched.isBeingChecked) void this.#check(watched)
  }

  /** While it cannot be determined, as Redis is down, the stream goes on: its request was allowed, and a later check decides. */
  async #check(watched: Watched): Promise<void> {
    const { principal } = watched
    watched.isBeingChecked = true
    const why = await this.#given.lapseOf(principal)
    watched.isBeingChecked = false
    const isRenewed = watched.principal !== principal
    if (why && why.status < 500 && !isRenewed) this.#end(watched, this.#given.toReason(why, principal))
  }

  #end(watched: Watched, reason: Error): void {
    if (this.#forget(watched)) watched.controller.abort(reason)
  }

  /** False if it was forgotten before. */
  #forget(watched: Watched): boolean {
    if (!watched.group.delete(watched)) return false
    this.#wheel.remove(watched)
    this.#size -= 1
    if (this.#size === 0) {
      this.#cancelTimer?.()
      this.#cancelTimer = undefined
    }
    return true
  }
}
