/** Refusal → response, once: status, `WWW-Authenticate`, problem details. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Audit } from '../audit/audit.js'
import { routeOf } from '../authorization/guard.js'
import type { Principal } from '../claims/principal.js'
import { type ChallengeContext, challengeOf, problemMediaType, toProblem } from '../refusals/challenge.js'
import type { Refusal } from '../refusals/refusal.js'
import { isAnswered, isBegun, isRefused, letGo, sendOnly } from './answered.js'
import { exposeRefusal } from './expose.js'
import { RequestOccasion } from './request-occasion.js'
import { principalOf } from './request-principal.js'

/** Where a refusal comes from. */
export interface RefusalOrigin {
  /** True if an error handler decides. Default: false */
  readonly fromErrorHandler?: boolean
  /** True if the audit has it already. Default: false */
  readonly isRecorded?: boolean
}

/** Sends a refusal; nothing if the response to the request was sent already. */
export type Refuse = (request: FastifyRequest, reply: FastifyReply, why: Refusal, origin?: RefusalOrigin) => void

const refusedTooLate = 'a guard refused a request whose response had begun; await the guard before anything is sent'

/** The constant part of a refusal's response, built once: a flood of bad tokens gets few different ones. */
interface Prepared {
  readonly challenge: string | undefined
  /** The body up to the request ID, which is its last member. */
  readonly bodyStart: string
}

/**
 * Sends refusals. They must not be cached: the next response may differ (RFC 9111 §5.2.2.5).
 *
 * A request gets one response and one audit record: later refusals are neither sent nor recorded.
 *
 * @param context what every challenge says
 * @param complete adds to a challenge what only the issuer of the caller knows
 */
export function refusalSender(
  context: ChallengeContext,
  audit: Audit,
  complete: (why: Refusal, principal: Principal | null) => Refusal = (why) => why
): Refuse {
  const prepared = new WeakMap<Refusal, Prepared>()
  const prepare = (refusal: Refusal): Prepared => {
    const { requestId: _, ...said } = toProblem('', refusal)
    const challenge = refusal.status > 403 ? undefined : challengeOf(refusal, context)
    const made = { challenge, bodyStart: `${JSON.stringify(said).slice(0, -1)},"requestId":` }
    prepared.set(refusal, made)
    return made
  }
  const send = (request: FastifyRequest, reply: FastifyReply, why: Refusal): void => {
    const refusal = complete(why, principalOf(request))
    const { status, retryAfterSeconds } = refusal
    const statusBefore = reply.statusCode
    const { challenge, bodyStart } = prepared.get(refusal) ?? prepare(refusal)
    letGo(reply)
    if (isUpgrade(request.raw)) endAfter(request, reply)
    if (request.routeOptions.handlerTimeout) cancelHandlerTimeout(reply)
    reply.code(status).header('cache-control', 'no-store').header('content-type', problemMediaType)
    if (challenge !== undefined) reply.header('www-authenticate', challenge)
    if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds)
    exposeRefusal(reply)
    const isSent = sendOnly(request, reply, `${bodyStart}${JSON.stringify(String(request.id))}}`)
    if (!isSent) reply.code(statusBefore).removeHeader('www-authenticate').removeHeader('retry-after')
  }
  return (request, reply, refusal, { fromErrorHandler = false, isRecorded = false } = {}) => {
    if (isBegun(request, reply)) request.log.error({ route: routeOf(request) }, refusedTooLate)
    if (isAnswered(request, reply, fromErrorHandler)) return
    // Before anything is sent, so that no refusal is without its record.
    if (isRecorded) request[isRefused] = true
    if (!request[isRefused]) audit.refused(new RequestOccasion(request), refusal)
    request[isRefused] = true
    if (reply.raw.headersSent) cutOff(request, reply)
    else send(request, reply, refusal)
  }
}

/** The application began a response by itself, on `reply.raw`: no other can be sent, so this one is cut off. */
function cutOff(request: FastifyRequest, reply: FastifyReply): void {
  const fix = 'await the guard before anything is written to reply.raw'
  request.log.error({ route: routeOf(request) }, `a guard refused a request after its response had begun; ${fix}`)
  reply.raw.destroy()
}

/** Node.js sets it for a request that it gave to an `upgrade` listener; its types do not have it. */
export const isUpgrade = (raw: FastifyRequest['raw'] & { readonly upgrade?: boolean }) => raw.upgrade === true

/**
 * Node.js leaves the socket of an upgrade to the listener that gets it (`upgrade` of `http.Server`), and such a listener may pass the request on to
 * Fastify and forget it: anybody could fill a server with sockets of refused upgrades.
 */
function endAfter({ raw }: FastifyRequest, reply: FastifyReply): void {
  reply.raw.once('finish', () => raw.socket.destroySoon())
}

/**
 * Even where an error handler's answer is on its way, `handlerTimeout` would begin a second one. Only `hijack()` stops its timer: on an object
 * of its own, so that the reply itself stays Fastify's.
 */
function cancelHandlerTimeout(reply: FastifyReply): void {
  Object.create(reply).hijack()
}
