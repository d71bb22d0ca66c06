/**
 * Stops calls to a function or service that is down. One caller can make calls fail at will, for example by a group lookup that hangs for
 * this user only, and must not open the circuit breaker for others. Three rules prevent that:
 *
 * - Distinct keys are counted (mostly callers), never calls: one key counts once, however often it fails.
 * - A failure counts only if no other call succeeded since its call began: a service that responds to others is not down.
 * - Each directory has a circuit of its own. The common circuit needs failures from several directories, so the users of one, whom its
 *   administrator can create at will, cannot open it for another; if all users are in one directory, its own circuit opens.
 */
import { Circuit, dropOldest, failuresBeforeOpening } from './circuit.js'
import type { Clock } from './clock.js'
import { publishCircuit } from './lookup-channels.js'
import { CircuitOpenError, OutageError, ThrottledError } from './outages.js'

/** The most keys of one directory that count for the common circuit: more than one directory must be affected. */
const maxOfOneDirectory = 3
const maxDirectories = 1000

/** The subject of a call. */
export interface Subject {
  /** A user or service principal, never one of its tokens. */
  readonly caller: string
  readonly directory: string
}

/** The circuits of one function or service. */
export class CircuitBreaker {
  readonly #name: string
  readonly #kind: string
  readonly #clock: Clock
  readonly #keyOf: (subject: Subject) => string
  readonly #all = new Circuit(maxOfOneDirectory)
  readonly #directories = new Map<string, Circuit>()

  /**
   * @param named `name` of the function or service, for errors; `kind`, for metrics
   * @param keyOf what is counted: callers, or directories when a call is about a whole directory
   */
  constructor(
    { name, kind }: { readonly name: string; readonly kind: string },
    clock: Clock,
    keyOf: (subject: Subject) => string
  ) {
    this.#name = name
    this.#kind = kind
    this.#clock = clock
    this.#keyOf = keyOf
  }

  /** @throws CircuitOpenError while calls about this subject may not begin */
  check(subject: Subject): void {
    const key = this.#keyOf(subject)
    const now = this.#clock.now()
    const seconds = Math.max(...this.#circuitsOf(subject).map((circuit) => circuit.secondsToWait(key, now)))
    if (seconds > 0) throw new CircuitOpenError(`${this.#name}: the circuit breaker is open`, Math.ceil(seconds))
  }

  /**
   * Makes a call, and records its outcome.
   *
   * @throws CircuitOpenError as {@link CircuitBreaker.check}; any error of the call
   */
  async watch<T>(subject: Subject, call: () => Promise<T>): Promise<T> {
    this.check(subject)
    const attempts = this.#circuitsOf(subject).map((circuit) => ({ circuit, attempt: circuit.begin() }))
    try {
      const value = await call()
      for (const { circuit } of attempts) if (circuit.answered()) this.#tell(circuit, 0)
      return value
    } catch (error) {
      const failure = isOutage(error) && {
        ...this.#failureOf(subject),
        retryAfterSeconds: error.retryAfterSeconds ?? 0
      }
      for (const { circuit, attempt } of attempts)
        if (failure) this.#failed(circuit, attempt, failure)
        else circuit.ended(attempt)
      throw error
    }
  }

  #failed(circuit: Circuit, ...failed: Parameters<Circuit['failed']>): void {
    const openSeconds = circuit.failed(...failed)
    if (openSeconds > 0) this.#tell(circuit, openSeconds)
  }

  #tell(circuit: Circuit, openSeconds: number): void {
    publishCircuit({ name: this.#kind, circuit, openSeconds })
  }

  #failureOf(subject: Subject) {
    return { key: this.#keyOf(subject), directory: subject.directory, now: this.#clock.now() }
  }

  #circuitsOf({ directory }: Subject): readonly [Circuit, Circuit] {
    const own = this.#directories.get(directory) ?? new Circuit(failuresBeforeOpening)
    this.#directories.set(directory, own)
    dropOldest(this.#directories, maxDirectories)
    return [this.#all, own]
  }
}

/**
 * Other errors may be one caller's fault, and are cheap; 429 is about one caller; behind another open circuit breaker nothing was called.
 */
function isOutage(error: unknown): error is OutageError {
  return error instanceof OutageError && !(error instanceof ThrottledError) && !(error instanceof CircuitOpenError)
}
