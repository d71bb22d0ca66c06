/** Suppresses stack traces of expected library errors that become refusals: they cost more than verifying a signature. */

/**
 * Runs a synchronous function whose errors get no stack trace.
 *
 * Nothing else runs meanwhile, and the limit is always restored (V8: "Stack trace API", `Error.stackTraceLimit`).
 */
export function withoutStackTraces<T>(work: () => T): T {
  const { stackTraceLimit } = Error
  Reflect.set(Error, 'stackTraceLimit', 0) // if it cannot be set, as in a hardened realm, this is only slower
  try {
    return work()
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  }
}
