/** A refusal is the only answer to its request: what goes on beside it, or fails while hooks of the application wait, begins no other. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { loggedError } from '../lib/logged-error.js'

/** True once this plugin answers a request by itself. */
export const isRefused: unique symbol = Symbol('fastify-entra.isRefused')

/** The media type of an answer that has begun, where that is watched; empty for one without. Fastify takes it away from one that is given up. */
const begun: unique symbol = Symbol('fastify-entra.begun')

/** True once Fastify has error handlers answer: instead of a handler, in place of an answer that was given up, or after `handlerTimeout`. */
export const isFailing: unique symbol = Symbol('fastify-entra.isFailing')

declare module 'fastify' {
  interface FastifyRequest {
    [isRefused]: boolean
    [isFailing]: boolean
    [begun]: string | undefined
  }
}

/** Notes on requests what this file reads. */
export function decorateAnswers(app: FastifyInstance): void {
  app.decorateRequest(isRefused, false)
  app.decorateRequest(isFailing, false)
  app.decorateRequest(begun, undefined)
  app.addHook('onError', (request, reply, _error, done) => {
    letErrorHandlersAnswer(request, reply)
    done()
  })
}

/** What was begun was given up: error handlers answer. Also called by the first of them, as a hook that fails keeps those behind it from being called. */
export function letErrorHandlersAnswer(request: FastifyRequest, reply: FastifyReply): void {
  request[isFailing] = true
  request[begun] = undefined
  letGo(reply)
  watchAnswers(request, reply)
}

/**
 * From here on it is known when the application begins an answer of its own, though hooks wait with it; and behind a refusal none begins. For
 * guards that are called by hand, and for error handlers: Fastify itself waits for those that are hooks.
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

/** As Fastify does with what comes after an answer: an error is logged, and nothing is sent. */
function ignored(request: FastifyRequest, reply: FastifyReply, payload: unknown): FastifyReply {
  if (payload instanceof Error)
    request.log.error({ err: loggedError(payload) }, 'an error occurred after the response had begun')
  return reply
}

/** Whether an answer of the application's is on its way, so that a refusal comes too late. */
export const isBegun = (request: FastifyRequest, reply: FastifyReply) => hasBegun(request, reply) && !request[isRefused]

/**
 * Whether a request is answered already, or is about to be.
 *
 * @param fromErrorHandler true for what an error handler itself decides: it answers, unless it has begun to
 */
export function isAnswered(request: FastifyRequest, reply: FastifyReply, fromErrorHandler: boolean): boolean {
  if (reply.sent || hasBegun(request, reply)) return true
  return request[isFailing] || isTimedOut(request) ? !fromErrorHandler : request[isRefused]
}

/** Whether it is too late to refuse, as an answer is on its way. */
export function isTooLate(request: FastifyRequest, reply: FastifyReply): boolean {
  return reply.sent || hasBegun(request, reply) || (request[isRefused] && !request[isFailing])
}

/** Known at once, where hooks of the application for errors run before ours. */
function isTimedOut(request: FastifyRequest): boolean {
  if (!request.routeOptions.handlerTimeout) return false // `signal` makes an `AbortController`
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
 * Sends an answer and holds the request to it. While hooks wait with it, `reply.sent` would be false, and what a handler beside it throws or
 * returns would be sent as well: two heads on one response end the process. An error handler's answer is not held in this way, but watched: if
 * a hook gave that one up as well, nothing of ours would be called to let it go.
 *
 * @returns false where hooks for an error are running, and an error handler will answer
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
