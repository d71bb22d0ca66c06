/** Errors of libraries that are expected, and become refusals: their stack traces cost more than verifying a signature. */

/**
 * Runs a synchronous piece of work whose errors come without a stack trace.
 *
 * Nothing else runs meanwhile, and the limit is put back whatever happens (V8: "Stack trace API", `Error.stackTraceLimit`).
 */
export function withoutStackTraces<T>(work: () => T): T {
  const { stackTraceLimit } = Error
  Reflect.set(Error, 'stackTraceLimit', 0) // where it cannot be set, as in a hardened realm, work is slower, and no less right
  try {
    return work()
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  }
}
