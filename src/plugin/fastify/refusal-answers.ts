/** Refusals that the application's code throws, or lets through: answered like all others, with a challenge where one helps. */
import type { FastifyInstance, RouteOptions } from 'fastify'
import { refusalIn } from '../refusals/refusal-error.js'
import { letErrorHandlersAnswer } from './answered.js'
import type { Refuse } from './send-refusal.js'

type ErrorHandler = NonNullable<RouteOptions['errorHandler']>

/** Has `DownstreamError` and `TokenRefusedError` out of routes that are declared after the plugin answered before any error handler of the application is called. */
export function answerRefusalErrors(app: FastifyInstance, refuse: Refuse): void {
  app.addHook('onRoute', (route) => {
    route.errorHandler = answering(route.errorHandler, refuse)
  })
}

/**
 * A handler that rejects hands over to the next one: of the route's scope, and in the end Fastify's. It must not throw: what is thrown at once
 * and is no `Error` would be sent as if it were an answer, with 200.
 */
function answering(own: ErrorHandler | undefined, refuse: Refuse): ErrorHandler {
  return function (error, request, reply) {
    letErrorHandlersAnswer(request, reply)
    const why = refusalIn(error)
    if (why) return refuse(request, reply, why, true)
    if (own) return own.call(this, error, request, reply)
    return Promise.reject(error)
  }
}
