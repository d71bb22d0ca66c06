/** A refusal is the only answer to its request: what goes on beside it, or fails while hooks of the application wait, begins no other. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** True once this plugin answers a request by itself. */
export const isRefused: unique symbol = Symbol('fastify-entra.isRefused')

/** True once Fastify has error handlers answer: instead of a handler, in place of an answer that was given up, or after `handlerTimeout`. */
export const isFailing: unique symbol = Symbol('fastify-entra.isFailing')

declare module 'fastify' {
  interface FastifyRequest {
    [isRefused]: boolean
    [isFailing]: boolean
  }
}

/** Notes on requests what this file reads. */
export function decorateAnswers(app: FastifyInstance): void {
  app.decorateRequest(isRefused, false)
  app.decorateRequest(isFailing, false)
  app.addHook('onError', (request, reply, _error, done) => {
    request[isFailing] = true
    Reflect.deleteProperty(reply, 'sent')
    done()
  })
}

/**
 * Whether a request is answered already, or is about to be.
 *
 * @param fromErrorHandler true for what an error handler itself decides: it answers, unless it has begun to. Fastify takes the media type away
 * before it calls one
 */
export function isAnswered(request: FastifyRequest, reply: FastifyReply, fromErrorHandler: boolean): boolean {
  if (reply.sent || !(request[isFailing] || isTimedOut(request))) return reply.sent || request[isRefused]
  return !fromErrorHandler || hasBegun(reply)
}

/** Whether it is too late to refuse, as an answer is on its way. */
export function isTooLate(request: FastifyRequest, reply: FastifyReply): boolean {
  return reply.sent || (request[isFailing] ? hasBegun(reply) : request[isRefused])
}

/** Known at once, where hooks of the application for errors run before ours. */
function isTimedOut(request: FastifyRequest): boolean {
  if (!request.routeOptions.handlerTimeout) return false // `signal` makes an `AbortController`
  const { aborted, reason } = request.signal
  return aborted && Object(reason).code === 'FST_ERR_HANDLER_TIMEOUT'
}

/** What was set on `reply.raw` stays there, and says nothing. */
const hasBegun = (reply: FastifyReply) => reply.hasHeader('content-type') && !reply.raw.hasHeader('content-type')

/**
 * Sends an answer and holds the request to it. While hooks wait with it, `reply.sent` would be false, and what a handler beside it throws or
 * returns would be sent as well: two heads on one response end the process. An error handler's answer is not held: if a hook gave that one up
 * as well, nothing of ours would be called to let it go.
 *
 * @returns false where hooks for an error are running, and an error handler will answer
 */
export function sendOnly(request: FastifyRequest, reply: FastifyReply, body: string): boolean {
  try {
    reply.send(body)
  } catch (error) {
    if (Object(error).code === 'FST_ERR_SEND_INSIDE_ONERR') return false
    throw error
  }
  if (!reply.sent && !request[isFailing]) Object.defineProperty(reply, 'sent', { value: true, configurable: true })
  return true
}
