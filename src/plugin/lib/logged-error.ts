/** Formats errors of other code for logs: HTTP clients keep the request in their errors, with the caller's token in its headers. */
import { loggedStack, loggedText } from './logged-text.js'

/** The logged members of an error of other code. */
export interface LoggedError {
  /** Absent when the thrown value is not an error. */
  readonly name?: string
  readonly message: string
  readonly code?: string | number
  readonly stack?: string
  readonly cause?: LoggedError
  /** The errors of an `AggregateError`. */
  readonly errors?: readonly LoggedError[]
}

/** An error and its chain of causes, in one line. */
const maxErrors = 10

/** Without a constructor: otherwise pino's own serializer would log it as `Object` instead of by its name. */
const shape: object = Object.create(Object.prototype, { constructor: { value: undefined } })

/**
 * Name, message, code and stack of an error, and the same of its `cause` and `errors`: at most ten errors in all. Text is bounded, tokens
 * in it are masked, and invisible characters escaped. Never throws, for any value. A serializer for pino: `serializers: { err: loggedError
 * }`.
 */
export function loggedError(error: unknown): LoggedError {
  return describe(error, new Set())
}

/** The same as an error to rethrow: for Fastify, whose error handlers and loggers show all members of an error. */
export function toLoggableError(error: unknown): Error {
  const { message, ...members } = loggedError(error)
  return Object.assign(new Error(message), members)
}

function describe(error: unknown, seen: Set<unknown>): LoggedError {
  seen.add(error)
  const isPrimitive = (typeof error !== 'object' && typeof error !== 'function') || error === null
  if (isPrimitive) return Object.assign(Object.create(shape), { message: loggedText(String(error)) })
  const [name, message, code, stack] = ['name', 'message', 'code', 'stack'].map((member) => read(error, member))
  const next = (value: unknown): LoggedError[] =>
    value === undefined || value === null || seen.has(value) || seen.size >= maxErrors ? [] : [describe(value, seen)]
  const [cause] = next(read(error, 'cause'))
  const errors = elementsOf(read(error, 'errors')).flatMap(next)
  return Object.assign(Object.create(shape), {
    ...(typeof name === 'string' && { name: loggedText(name, 200) }),
    message:
      typeof message === 'string'
        ? loggedText(message)
        : `not an Error was thrown, but a value of type ${typeof error}`,
    ...(typeof code === 'string' && { code: loggedText(code, 200) }),
    ...(typeof code === 'number' && { code }),
    ...(typeof stack === 'string' && { stack: loggedStack(stack) }),
    ...(cause && { cause }),
    ...(errors.length > 0 && { errors })
  })
}

/** A getter may throw, and so may a proxy. */
function read(value: object, member: string): unknown {
  try {
    return Reflect.get(value, member)
  } catch {
    return undefined
  }
}

function elementsOf(list: unknown): readonly unknown[] {
  try {
    return Array.isArray(list) ? list.slice(0, maxErrors) : []
  } catch {
    return []
  }
}
