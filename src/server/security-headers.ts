/** The security headers of every response: those of helmet, computed once. @fastify/helmet would build the same policy for each request. */
import { IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import helmet from 'helmet'

/** What helmet, with its defaults, sets on a response: for answers that no hook sees. */
export const securityHeaders: OutgoingHttpHeaders = Object.freeze(byHelmet())

function byHelmet(): OutgoingHttpHeaders {
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  helmet()(response.req, response, () => {})
  return { ...response.getHeaders() }
}

/** Adds them before any other hook responds. A route may replace one by a header of the same name. */
export function setSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(securityHeaders)
    done()
  })
}
