/** Calls to functions of the application, or to services, that may hang: with a deadline, limited per caller, behind a circuit breaker. */
import { CircuitBreaker, type Subject } from './circuit-breaker.js'
import type { Clock } from './clock.js'
import { systemClock } from './clock.js'
import { ConcurrencyLimit } from './concurrency.js'
import { lookups } from './lookup-channels.js'
import { OutageError, tooLate } from './outages.js'
import { traced } from './traced.js'

/** The limits of calls. */
export interface Bounds {
  /** Deadline of one call in seconds, unless it sets its own; waiting for a place counts. */
  readonly timeoutSeconds: number
  readonly clock: Clock
  /** Concurrent calls about one caller. */
  readonly perCaller: number
  /** Concurrent calls about one directory. */
  readonly perDirectory: number
  /** What the circuit breaker counts. Default: callers. */
  readonly keyOf?: (subject: Subject) => string
  /** What metrics and traces call the function or service: one of a few. Default: its name */
  readonly kind?: string
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
  constructor(name: string, { timeoutSeconds, clock, perCaller, perDirectory, keyOf = callerOf, kind = name }: Bounds) {
    this.#name = name
    this.#timeoutSeconds = timeoutSeconds
    this.#clock = clock
    this.#callers = new ConcurrencyLimit(perCaller)
    this.#directories = new ConcurrencyLimit(perDirectory)
    this.#breaker = new CircuitBreaker({ name, kind }, clock, keyOf)
  }

  /**
   * Makes a call, once there is a place among those about its caller and its directory.
   *
   * @param call gets a signal that is aborted at the deadline; its result is then ignored
   * @throws any error of `call`; an {@link OutageError} when it takes too long, a {@link CircuitOpenError} while the circuit breaker is
   * open
   */
  async call<T>(
    subject: Subject,
    call: (signal: AbortSignal) => T | Promise<T>,
    timeoutSeconds = this.#timeoutSeconds
  ): Promise<T> {
    this.#breaker.check(subject) // calls that wait for a place would only wait for this error
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
   * A call waits for a place for half of its time. If all calls about one caller hang, the next ones give up first and are never made:
   * otherwise calls that ignore their signal would accumulate.
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

/** The key that identifies the holder of a token. */
export interface Holder {
  readonly tenantId: string
  readonly id: string
}

/** The subject of a call about the holder of a token. */
export function subjectOf({ tenantId, id }: Holder): Subject {
  return { caller: JSON.stringify([tenantId, id]), directory: tenantId }
}

function untilAborted<T>(call: (signal: AbortSignal) => T | Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason))
    const called = async () => call(signal) // so that a synchronous error counts like a rejection
    called().then(resolve, reject)
  })
}

/**
 * For calls at every request: a busy service that uses one token must not wait for itself. There is no limit per directory: an API with one
 * directory would be limited as a whole.
 */
export const perCallerEachRequest = 64

/**
 * State of the functions that have not always returned synchronously. A function that several apps share has one state, as it is down for
 * all of them.
 */
const slow = new WeakMap<object, BoundedCalls>()

/** A function of the application. */
interface Called {
  /** The function, or the object that represents it. */
  readonly what: object
  /** For errors. */
  readonly name: string
  /** As {@link Bounds.kind}. */
  readonly kind?: string
  readonly timeoutSeconds: number
}

/**
 * Calls a function of the application about the holder of a token. A function that has always returned `true` or `false` synchronously
 * needs neither a timer nor a promise.
 *
 * @throws as {@link BoundedCalls.call}; rejects if the function is asynchronous
 */
export function callAbout(
  holder: Holder,
  { what, name, kind = name, timeoutSeconds }: Called,
  call: () => unknown
): unknown {
  const known = slow.get(what)
  const begin = (calls: BoundedCalls, make: () => unknown) =>
    traced(lookups, { name: kind }, () => calls.call(subjectOf(holder), make, timeoutSeconds))
  if (known) return begin(known, call)
  const answer = call()
  if (typeof answer === 'boolean') return answer
  const bounds = {
    kind,
    timeoutSeconds,
    clock: systemClock,
    perCaller: perCallerEachRequest,
    perDirectory: Number.POSITIVE_INFINITY
  }
  const calls = new BoundedCalls(name, bounds)
  slow.set(what, calls)
  return begin(calls, () => answer)
}
