/** Calls to functions of the application, or to services, that may hang: in time, bounded for each caller, behind a circuit breaker. */
import { CircuitBreaker, type Subject } from './circuit-breaker.js'
import type { Clock } from './clock.js'
import { systemClock } from './clock.js'
import { ConcurrencyLimit } from './concurrency.js'
import { OutageError, tooLate } from './outages.js'

/** What bounds calls. */
export interface Bounds {
  /** Seconds for one call, unless it says otherwise, from when it was asked for: waiting for a place counts. */
  readonly timeoutSeconds: number
  readonly clock: Clock
  /** Calls about one caller that are under way at once. */
  readonly perCaller: number
  /** Calls about one directory that are under way at once. */
  readonly perDirectory: number
  /** What the circuit breaker counts. Default: callers. */
  readonly keyOf?: (subject: Subject) => string
}

/** Calls to one function or service. */
export class BoundedCalls {
  readonly #name: string
  readonly #timeoutSeconds: number
  readonly #clock: Clock
  readonly #callers: ConcurrencyLimit
  readonly #directories: ConcurrencyLimit
  readonly #breaker: CircuitBreaker

  /** @param name of the function or service, for errors */
  constructor(name: string, { timeoutSeconds, clock, perCaller, perDirectory, keyOf = callerOf }: Bounds) {
    this.#name = name
    this.#timeoutSeconds = timeoutSeconds
    this.#clock = clock
    this.#callers = new ConcurrencyLimit(perCaller)
    this.#directories = new ConcurrencyLimit(perDirectory)
    this.#breaker = new CircuitBreaker(name, clock, keyOf)
  }

  /**
   * Makes a call, once it has a place among those about its caller and its directory.
   *
   * @param call gets a signal that is aborted when its time is over: what it still does then is for nobody
   * @throws whatever `call` throws; an {@link OutageError} when it takes too long, a {@link CircuitOpenError} while the circuit breaker is open
   */
  async call<T>(
    subject: Subject,
    call: (signal: AbortSignal) => T | Promise<T>,
    timeoutSeconds = this.#timeoutSeconds
  ): Promise<T> {
    this.#breaker.check(subject) // those who wait for a place would only wait for this
    const deadline = new AbortController()
    const { signal } = deadline
    const late = () => deadline.abort(tooLate(this.#name, timeoutSeconds))
    const cancel = this.#clock.after(timeoutSeconds * 1000, late)
    const leave: (() => void)[] = []
    try {
      leave.push(await this.#enter(subject, signal, timeoutSeconds))
      leave.push(await this.#directories.enter(subject.directory, signal))
      return await this.#breaker.watch(subject, () => untilAborted(call, signal))
    } finally {
      cancel()
      for (const each of leave) each()
    }
  }

  /**
   * A place is waited for during half of the time. Where all calls about one caller hang, the next ones give up before these do, and are never
   * made: what does not end with its signal would otherwise pile up.
   */
  async #enter({ caller }: Subject, signal: AbortSignal, timeoutSeconds: number): Promise<() => void> {
    if (!this.#callers.isFull(caller)) return this.#callers.enter(caller, signal)
    const patience = new AbortController()
    const busy = () => patience.abort(new OutageError(`${this.#name} is busy with other calls about one caller`))
    const cancel = this.#clock.after(timeoutSeconds * 500, busy)
    try {
      return await this.#callers.enter(caller, patience.signal)
    } finally {
      cancel()
    }
  }
}

const callerOf = ({ caller }: Subject) => caller

/** What tells the holder of a token from all others. */
export interface Holder {
  readonly tenantId: string
  readonly id: string
}

/** Whom a call is about, where it is about the holder of a token. */
export function subjectOf({ tenantId, id }: Holder): Subject {
  return { caller: JSON.stringify([tenantId, id]), directory: tenantId }
}

function untilAborted<T>(call: (signal: AbortSignal) => T | Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
    const called = async () => call(signal) // so that what is thrown at once counts like what is rejected
    called().then(resolve, reject)
  })
}

/**
 * At every request: a busy service that calls with one token must not wait for itself. There is no limit for a directory, as there would be
 * one for the whole API where it has one.
 */
export const perCallerEachRequest = 64

/** Of the functions that turned out not to answer at once. One that several apps have is one function, and one that is down is so for all. */
const slow = new WeakMap<object, BoundedCalls>()

/**
 * Calls a function of the application about the holder of a token. One that answers `true` or `false` at once, and always did, costs neither a timer nor a
 * promise.
 *
 * @param what the function, or the object that stands for it
 * @throws as {@link BoundedCalls.call}; rejects with it where the function is a slow one
 */
export function callAbout(
  holder: Holder,
  { what, name, timeoutSeconds }: { what: object; name: string; timeoutSeconds: number },
  call: () => unknown
): unknown {
  const known = slow.get(what)
  if (known) return known.call(subjectOf(holder), call, timeoutSeconds)
  const answer = call()
  if (typeof answer === 'boolean') return answer
  const bounds = {
    timeoutSeconds,
    clock: systemClock,
    perCaller: perCallerEachRequest,
    perDirectory: Number.POSITIVE_INFINITY
  }
  const calls = new BoundedCalls(name, bounds)
  slow.set(what, calls)
  return calls.call(subjectOf(holder), () => answer)
}
