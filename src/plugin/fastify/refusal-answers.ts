/** Refusals that application code throws or passes on: sent like all others, with a challenge if one helps. */
import type { FastifyInstance, RouteOptions } from 'fastify'
import { refusalIn } from '../refusals/refusal-error.js'
import { letErrorHandlersAnswer } from './answered.js'
import type { Refuse } from './send-refusal.js'

/** The request whose audit has a refusal already: one decision is one record, also when its error becomes the response. */
export const recordedFor = new WeakMap<object, object>()

type ErrorHandler = NonNullable<RouteOptions['errorHandler']>

/**
 * Responds to a `DownstreamError`, `TokenRefusedError` or `TooManyRequestsError` from a route declared after the plugin, before any error handler of the
 * application is called.
 */
export function answerRefusalErrors(app: FastifyInstance, refuse: Refuse): void {
  app.addHook('onRoute', (route) => {
    route.errorHandler = answering(route.errorHandler, refuse)
  })
}

/**
 * A handler that rejects passes the error to the next one: of the route's scope, and finally Fastify's. It must not throw: a value that is
 * thrown synchronously and is not an `Error` would be sent as a response with 200.
 */
function answering(own: ErrorHandler | undefined, refuse: Refuse): ErrorHandler {
  return function (error, request, reply) {
    letErrorHandlersAnswer(request, reply)
    const why = refusalIn(error)
    if (why)
      return refuse(request, reply, why, { fromErrorHandler: true, isRecorded: recordedFor.get(error) === request })
    if (own) return own.call(this, error, request, reply)
    return Promise.reject(error)
  }
}
