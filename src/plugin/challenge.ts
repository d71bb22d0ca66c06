/** Refusal → response: status, `WWW-Authenticate` (RFC 6750 §3), problem details (RFC 9457). */
import { STATUS_CODES } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Audit } from './audit.js'
import type { Refusal } from './errors.js'

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

/** True once this plugin answers a request by itself. */
export const isRefused = Symbol('fastify-entra.isRefused')

declare module 'fastify' {
  interface FastifyRequest {
    [isRefused]: boolean
  }
}

/**
 * Sends refusals for an API of this name. They are not to be cached: the next answer may differ (RFC 9111 §5.2.2.5).
 *
 * A request is answered once: a second refusal, and one after Fastify's `handlerTimeout` has answered, is neither sent nor audited.
 *
 * @param replaces true where Fastify gave up the answer that was under way, and asks an error handler for another one
 */
export function refusalSender(realm: string, audit: Audit) {
  const prepared = new WeakMap<Refusal, Prepared>()
  const prepare = (refusal: Refusal): Prepared => {
    const { requestId: _, ...said } = toProblem('', refusal)
    const challenge = refusal.status > 500 ? undefined : challengeOf(refusal, realm)
    const made = { challenge, bodyStart: `${JSON.stringify(said).slice(0, -1)},"requestId":` }
    prepared.set(refusal, made)
    return made
  }
  return (request: FastifyRequest, reply: FastifyReply, refusal: Refusal, replaces = false): void => {
    const { status, retryAfterSeconds } = refusal
    const { handlerTimeout = 0 } = request.routeOptions
    if (reply.sent || (request[isRefused] && !replaces) || (handlerTimeout > 0 && isTimedOut(request))) return
    request[isRefused] = true
    if (handlerTimeout > 0) cancelHandlerTimeout(reply)
    audit.refused(request, refusal)
    const { challenge, bodyStart } = prepared.get(refusal) ?? prepare(refusal)
    reply.code(status).header('cache-control', 'no-store').header('content-type', problemMediaType)
    if (challenge !== undefined) reply.header('www-authenticate', challenge)
    if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds)
    reply.send(`${bodyStart}${JSON.stringify(String(request.id))}}`)
  }
}

/** Fastify has begun to answer 503 by itself; until it is done with the app's `onSend` hooks, `reply.sent` does not say so. */
function isTimedOut({ signal }: FastifyRequest): boolean {
  return signal.aborted && Object(signal.reason).code === 'FST_ERR_HANDLER_TIMEOUT'
}

/**
 * While `onSend` hooks wait, `handlerTimeout` would begin a second answer, whose headers end the process. Only `hijack()` stops its timer: on
 * an object of its own, so that the reply itself stays Fastify's.
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
