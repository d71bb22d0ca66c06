/** The routes of one metadata document (RFC 9728 §3): public, for scripts of any origin, cacheable. */
import { createHash } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { problemMediaType, toProblem } from '../refusals/challenge.js'
import type { ProtectedResourceMetadata } from '../resource/metadata.js'

/** A document. */
export interface Served {
  /** False where the place has no document at the moment: there is no such path then. */
  readonly isThere: () => boolean
  /** The document; `undefined` while it cannot be built. */
  readonly build: () => ProtectedResourceMetadata | undefined
}

const allowed = ['GET', 'HEAD', 'OPTIONS']

/** In seconds. A client that cached an older document gets the name of a new scope from the challenge (RFC 9728 §5.2). */
const maxAgeSeconds = 3600

/** For seconds: no client needs to ask again whether it may read a public document. */
const preflightSeconds = 86_400

/**
 * Declares a path of the document, for every method that the app has: other methods than these three are answered here (405, RFC 9110 §15.5.6), as their requests
 * would otherwise be refused for a missing token.
 */
export function serveMetadata(app: FastifyInstance, url: string, { isThere, build }: Served): void {
  app.route({
    method: app.supportedMethods,
    url,
    // `cors`: of @fastify/cors, whose origins are those of the API. `hide`: of @fastify/swagger.
    config: { auth: 'none', cors: false } as object,
    schema: { hide: true } as object,
    // Before a body is read.
    onRequest: (request, reply, done) => {
      if (!isThere()) reply.callNotFound()
      else if (request.method === 'OPTIONS') sendOptions(reply)
      else if (!allowed.includes(request.method)) sendNotAllowed(request, reply)
      else return done()
    },
    handler: (request, reply) => sendDocument(request, open(reply), build())
  })
}

/** Fetch standard, CORS protocol: the document is the same for everybody, and no credentials are read. */
function open(reply: FastifyReply): FastifyReply {
  return reply.header('access-control-allow-origin', '*')
}

function sendOptions(reply: FastifyReply): void {
  open(reply)
    .code(204)
    .header('allow', allowed.join(', '))
    .header('access-control-allow-methods', 'GET, HEAD')
    .header('access-control-allow-headers', '*')
    .header('access-control-max-age', preflightSeconds)
    .send()
}

function sendNotAllowed({ id, method }: FastifyRequest, reply: FastifyReply): void {
  const detail = `This document is read with GET or HEAD, not with ${method}.`
  open(reply)
    .code(405)
    .header('allow', allowed.join(', '))
    .header('cache-control', 'no-store')
    .type(problemMediaType)
    .send(JSON.stringify(toProblem(String(id), { status: 405, code: 'method_not_allowed', detail })))
}

function sendDocument(
  { id, headers }: FastifyRequest,
  reply: FastifyReply,
  document: ProtectedResourceMetadata | undefined
): FastifyReply {
  if (!document) return sendUnavailable(String(id), reply)
  const body = JSON.stringify(document)
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  reply.header('cache-control', `public, max-age=${maxAgeSeconds}`).header('etag', etag)
  if (isNamed(headers['if-none-match'], etag)) return reply.code(304).send()
  return reply.type('application/json').send(body)
}

/** RFC 9110 §13.1.2, with weak comparison. */
function isNamed(ifNoneMatch = '', etag: string): boolean {
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes(etag) || tags.includes('*')
}

const unavailable = {
  status: 503,
  code: 'tenant_unavailable',
  detail: 'The name of an issuer is unknown until its discovery document can be fetched. Try again later.'
}

function sendUnavailable(id: string, reply: FastifyReply): FastifyReply {
  return reply
    .code(503)
    .header('retry-after', 1)
    .header('cache-control', 'no-store')
    .type(problemMediaType)
    .send(JSON.stringify(toProblem(id, unavailable)))
}
