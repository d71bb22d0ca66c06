/** Refusal → response: status, `WWW-Authenticate` (RFC 6750 §3), problem details (RFC 9457). */
import { STATUS_CODES } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isAnswered, isRefused, sendOnly } from './answered.js'
import type { Audit } from './audit.js'
import type { Refusal } from './errors.js'
import type { Refuse } from './guard.js'
import { routeOf } from './request-principal.js'

/** The media type of a problem, RFC 9457 §3. */
export const problemMediaType = 'application/problem+json'

/** A body of problem details, RFC 9457 §3.1. */
export interface Problem {
  /** `about:blank` (RFC 9457 §4.2.1): the status says what kind it is, `code` says which. */
  readonly type: 'about:blank'
  readonly title: string
  readonly status: number
  readonly detail: string
  /** Stable, for programs. */
  readonly code: string
  readonly requestId: string
}

/** Builds problem details, for a server that answers everything it refuses in one shape. */
export function toProblem(
  requestId: string,
  { status, code, detail }: { status: number; code: string; detail: string }
): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, code, requestId }
}

/** What a refusal always sends, made once: most are constants, and a flood of bad tokens gets the same few. */
interface Prepared {
  readonly challenge: string | undefined
  /** The body up to the request's ID, which comes last. */
  readonly bodyStart: string
}

/**
 * Sends refusals for an API of this name. They are not to be cached: the next answer may differ (RFC 9111 §5.2.2.5).
 *
 * A request is answered once, and recorded once: what comes later is neither sent nor audited.
 *
 * @param realm the name of the API, for the challenge
 */
export function refusalSender(realm: string, audit: Audit): Refuse {
  const prepared = new WeakMap<Refusal, Prepared>()
  const prepare = (refusal: Refusal): Prepared => {
    const { requestId: _, ...said } = toProblem('', refusal)
    const challenge = refusal.status > 500 ? undefined : challengeOf(refusal, realm)
    const made = { challenge, bodyStart: `${JSON.stringify(said).slice(0, -1)},"requestId":` }
    prepared.set(refusal, made)
    return made
  }
  const send = (request: FastifyRequest, reply: FastifyReply, refusal: Refusal): boolean => {
    const { status, retryAfterSeconds } = refusal
    const statusBefore = reply.statusCode
    const { challenge, bodyStart } = prepared.get(refusal) ?? prepare(refusal)
    if (request.routeOptions.handlerTimeout) cancelHandlerTimeout(reply)
    reply.code(status).header('cache-control', 'no-store').header('content-type', problemMediaType)
    if (challenge !== undefined) reply.header('www-authenticate', challenge)
    if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds)
    const isDone = sendOnly(request, reply, `${bodyStart}${JSON.stringify(String(request.id))}}`)
    if (!isDone) reply.code(statusBefore).removeHeader('www-authenticate').removeHeader('retry-after')
    return isDone
  }
  return (request, reply, refusal, fromErrorHandler = false) => {
    if (isAnswered(request, reply, fromErrorHandler)) return
    const isFirst = !request[isRefused]
    request[isRefused] = true
    const isDone = reply.raw.headersSent ? cutOff(request, reply) : send(request, reply, refusal)
    if (isDone && isFirst) audit.refused(request, refusal)
  }
}

/** The application began an answer by itself, on `reply.raw`: another cannot be given, but this one goes no further. */
function cutOff(request: FastifyRequest, reply: FastifyReply): true {
  const fix = 'await the guard before anything is written to reply.raw'
  request.log.error({ route: routeOf(request) }, `a guard refused a request after its answer had begun; ${fix}`)
  reply.raw.destroy()
  return true
}

/**
 * Even where an error handler's answer is on its way, `handlerTimeout` would begin a second one. Only `hijack()` stops its timer: on an object
 * of its own, so that the reply itself stays Fastify's.
 */
function cancelHandlerTimeout(reply: FastifyReply): void {
  Object.create(reply).hijack()
}

/** `auth-param`s as quoted-strings (RFC 9110 §11.2, §5.6.4); RFC 6750 §3 narrows their alphabet. */
export function challengeOf({ error, detail, scopes, challenge = {} }: Refusal, realm: string): string {
  const parameters = [
    ['realm', realm],
    ['error', error],
    ['error_description', error && detail],
    ['scope', scopes?.join(' ')],
    ...Object.entries(challenge)
  ]
  const pairs = parameters
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}="${quotable(value)}"`)
  return `Bearer ${pairs.join(', ')}`
}

function quotable(text = ''): string {
  return text.replaceAll('"', "'").replace(/[^\x20-\x5b\x5d-\x7e]/g, '?')
}
