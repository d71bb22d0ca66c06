/** Errors that others threw, as a log may show them: HTTP clients keep the request in their errors, with the caller's token in its headers. */
import { loggedStack, loggedText } from './logged-text.js'

/** What is logged of an error that was thrown by others, and nothing else of it. */
export interface LoggedError {
  /** Absent where something was thrown that is no error. */
  readonly name?: string
  readonly message: string
  readonly code?: string | number
  readonly stack?: string
  readonly cause?: LoggedError
  /** Of an `AggregateError`. */
  readonly errors?: readonly LoggedError[]
}

/** In one line: an error, its causes, and theirs. */
const maxErrors = 10

/** Without a constructor: pino's own serializer would call it `Object`, and so takes its name. */
const shape: object = Object.create(Object.prototype, { constructor: { value: undefined } })

/**
 * Name, message, code and stack of an error, and the same of its `cause` and `errors`: at most ten errors in all. Text is bounded, tokens in
 * it are masked, and invisible characters escaped. Never throws, whatever was thrown. A serializer for pino: `serializers: { err: loggedError }`.
 */
export function loggedError(error: unknown): LoggedError {
  return describe(error, new Set())
}

/**
 * The same as an error to throw on: for Fastify, whose error handlers and loggers show all that an error has.
 */
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
