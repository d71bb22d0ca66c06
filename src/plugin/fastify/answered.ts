/** A refusal is the only response to its request: a handler that runs on, or fails while hooks of the application wait, begins no other. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { loggedError } from '../lib/logged-error.js'

/** True once this plugin sends the response. */
export const isRefused: unique symbol = Symbol('fastify-entra.isRefused')

/** The media type of a response that has begun, if watched; empty without one. Fastify removes it from a response that is abandoned. */
const begun: unique symbol = Symbol('fastify-entra.begun')

/** True once Fastify calls error handlers: instead of a handler, after an abandoned response, or after `handlerTimeout`. */
export const isFailing: unique symbol = Symbol('fastify-entra.isFailing')

declare module 'fastify' {
  interface FastifyRequest {
    [isRefused]: boolean
    [isFailing]: boolean
    [begun]: string | undefined
  }
}

/** Stores on requests the state that this file reads. */
export function decorateAnswers(app: FastifyInstance): void {
  app.decorateRequest(isRefused, false)
  app.decorateRequest(isFailing, false)
  app.decorateRequest(begun, undefined)
  app.addHook('onError', (request, reply, _error, done) => {
    letErrorHandlersAnswer(request, reply)
    done()
  })
}

/**
 * The response that was begun is abandoned: error handlers respond. Also called by the first of them, as a failing hook keeps later hooks
 * from being called.
 */
export function letErrorHandlersAnswer(request: FastifyRequest, reply: FastifyReply): void {
  request[isFailing] = true
  request[begun] = undefined
  letGo(reply)
  watchAnswers(request, reply)
}

/**
 * Tracks when the application begins a response of its own, even while hooks delay it, and lets none begin after a refusal. For guards that
 * application code calls, and for error handlers: Fastify itself waits for guards that are hooks.
 */
export function watchAnswers(request: FastifyRequest, reply: FastifyReply): void {
  if (Object.hasOwn(reply, 'send')) return
  const { send } = reply
  reply.send = (payload) => {
    if (request[isRefused] && hasBegun(request, reply)) return ignored(request, reply, payload)
    request[begun] = payload instanceof Error ? undefined : ''
    send.call(reply, payload)
    if (request[begun] === '') request[begun] = mediaTypeOf(reply)
    return reply
  }
}

const hasBegun = ({ [begun]: type }: FastifyRequest, reply: FastifyReply) =>
  type === '' || (type !== undefined && type === mediaTypeOf(reply))

const mediaTypeOf = (reply: FastifyReply) => String(reply.getHeader('content-type') ?? '')

/** As Fastify does with an error after the response: it is logged, and nothing is sent. */
function ignored(request: FastifyRequest, reply: FastifyReply, payload: unknown): FastifyReply {
  if (payload instanceof Error)
    request.log.error({ err: loggedError(payload) }, 'an error occurred after the response had begun')
  return reply
}

/** Whether a response of the application has begun, so that a refusal is too late. */
export const isBegun = (request: FastifyRequest, reply: FastifyReply) => hasBegun(request, reply) && !request[isRefused]

/**
 * Whether a response is sent or has begun.
 *
 * @param fromErrorHandler true for a decision within an error handler, which may respond unless it has begun to
 */
export function isAnswered(request: FastifyRequest, reply: FastifyReply, fromErrorHandler: boolean): boolean {
  if (reply.sent || hasBegun(request, reply)) return true
  return request[isFailing] || isTimedOut(request) ? !fromErrorHandler : request[isRefused]
}

/** Whether it is too late to refuse, as a response has begun. */
export function isTooLate(request: FastifyRequest, reply: FastifyReply): boolean {
  return reply.sent || hasBegun(request, reply) || (request[isRefused] && !request[isFailing])
}

/** Recorded at once, as error hooks of the application may run before this plugin's. */
function isTimedOut(request: FastifyRequest): boolean {
  if (!request.routeOptions.handlerTimeout) return false // `signal` creates an `AbortController`
  const { aborted, reason } = request.signal
  return aborted && Object(reason).code === 'FST_ERR_HANDLER_TIMEOUT'
}

/** Undoes {@link hold}. */
export function letGo(reply: FastifyReply): void {
  for (const name of ['sent', 'code', 'status']) if (Object.hasOwn(reply, name)) Reflect.deleteProperty(reply, name)
}

const asItIs = function (this: FastifyReply) {
  return this
}

function hold(request: FastifyRequest, reply: FastifyReply): void {
  if (!request[isFailing]) Object.defineProperty(reply, 'sent', { value: true, configurable: true })
  Object.assign(reply, { code: asItIs, status: asItIs })
}

/**
 * Sends a response and makes it the only one. While hooks delay it, `reply.sent` would be false, and a value that a handler returns or
 * throws meanwhile would be sent as well: two heads on one response end the process. The response of an error handler is only watched: if a
 * hook abandoned that one as well, no code of this plugin would be called to release it.
 *
 * @returns false while error hooks are running, and an error handler will respond
 */
export function sendOnly(request: FastifyRequest, reply: FastifyReply, body: string): boolean {
  try {
    reply.send(body)
  } catch (error) {
    request[begun] = undefined
    if (Object(error).code === 'FST_ERR_SEND_INSIDE_ONERR') return false
    throw error
  }
  if (!reply.sent) hold(request, reply)
  return true
}
