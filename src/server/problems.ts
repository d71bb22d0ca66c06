/** The server's own refusals as problem details (RFC 9457), in the same form as the plugin's. */
import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { loggedText, problemMediaType, toProblem } from '../plugin/index.js'
import { securityHeaders } from './security-headers.js'

/** What the client may know about a status; the rest is only logged. */
const answers: Readonly<Record<number, { code: string; detail: string }>> = {
  400: { code: 'bad_request', detail: 'The request is malformed.' },
  404: { code: 'not_found', detail: 'There is no route for this path and method.' },
  408: { code: 'request_timeout', detail: 'The request took too long to arrive.' },
  413: { code: 'content_too_large', detail: 'The body of the request is too large.' },
  415: { code: 'unsupported_media_type', detail: 'The body has a media type that this route does not read.' },
  429: { code: 'rate_limited', detail: 'Too many requests. Try again after as many seconds as Retry-After says.' },
  431: { code: 'headers_too_large', detail: 'The headers of the request are too large.' },
  500: { code: 'internal_error', detail: 'The server failed. Give its operator the request ID.' }
}

/** Node's error codes for unreadable requests; any other is a 400. */
const clientErrors: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }

/** An error whose message is written for the client. */
export class ServerProblem extends Error {
  override readonly name = 'ServerProblem'
  readonly statusCode: 403 | 404 | 502 | 503
  readonly code: string

  constructor(statusCode: 403 | 404 | 502 | 503, code: string, detail: string) {
    super(detail)
    this.statusCode = statusCode
    this.code = code
  }
}

/** Sets the error and not-found handlers. */
export function setProblemHandlers(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) => sendProblem(request, reply, 404))
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    if (error instanceof ServerProblem) {
      request.log.warn({ code: error.code, reason: loggedText(String(error.cause)) }, 'another service failed')
      return sendProblem(request, reply, error.statusCode, { code: error.code, detail: error.message })
    }
    const { statusCode = 500 } = error
    if (statusCode >= 400 && statusCode < 500) return sendProblem(request, reply, statusCode)
    request.log.error({ err: error }, 'a route failed')
    return sendProblem(request, reply, 500)
  })
}

/** Fastify's `frameworkErrors`: errors before routing, such as a path that cannot be decoded. */
export function answerFrameworkError(_error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(request, reply.headers(securityHeaders), 400)
}

/** Fastify's `clientErrorHandler`: responds on the raw socket to data that is not an HTTP request, and closes it. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  // After earlier bytes, a response could land inside another one; and a client that is gone needs none.
  if (socket.bytesWritten === 0 && socket.writable) socket.write(clientErrorAnswer(String(error.code)))
  socket.destroySoon() // not end(): a client that keeps its side open would keep the socket
}

function clientErrorAnswer(code: string): string {
  const status = clientErrors[code] ?? 400
  const body = JSON.stringify(toProblem(randomUUID(), { status, ...answerOf(status) }))
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${problemMediaType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    ...Object.entries(securityHeaders).map(([name, value]) => `${name}: ${value}`),
    'connection: close'
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  answer = answerOf(status)
): FastifyReply {
  reply.code(status).header('cache-control', 'no-store').type(problemMediaType)
  if (status === 503) reply.header('retry-after', 5)
  return reply.send(JSON.stringify(toProblem(request.id, { status, ...answer })))
}

function answerOf(status: number): { code: string; detail: string } {
  return answers[status] ?? { code: 'request_refused', detail: 'The request cannot be answered.' }
}
