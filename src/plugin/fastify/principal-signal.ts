/** `request.principalSignal`: made when it is read, and forgotten when the response or the socket is closed. */
import type { Duplex } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { routeOf } from '../authorization/guard.js'
import type { Principal } from '../claims/principal.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import type { PrincipalSignals, WatchedSignal } from '../lifetimes/principal-signals.js'
import { principalOf } from './request-principal.js'
import { isUpgrade } from './send-refusal.js'

const reply = Symbol('fastify-entra.reply')
const watched = Symbol('fastify-entra.principalSignal')

type WithSlots = FastifyRequest & { [reply]: FastifyReply; [watched]: WatchedSignal | undefined }

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Fires when the caller's token is no longer valid: it expires (by the allowed clock skew later, as requests are accepted until then), it is
     * revoked, or its key is withdrawn (both within about 10 seconds); and when the app closes. For responses that outlive the check of their
     * request: server-sent events, WebSockets, long polls.
     *
     * `reason` is a `TokenRefusedError` with the `code` that a request with this token would get, or a `DOMException` named `AbortError` when the
     * app closes. While it cannot be determined whether the token is revoked, the signal does not fire. Once the response or the upgraded socket
     * is closed it does not fire either. A connection that is to outlive the token renews it: {@link FastifyRequest.renewPrincipal}.
     *
     * @throws EntraConfigurationError on an unauthenticated request, as {@link FastifyRequest.principal} does
     */
    readonly principalSignal: AbortSignal
  }
}

/** Decorates requests, and fires their signals before the app waits for its connections to end. */
export function decoratePrincipalSignal(app: FastifyInstance, signals: PrincipalSignals): void {
  app.decorateRequest(reply, undefined)
  app.decorateRequest(watched, undefined)
  app.decorateRequest('principalSignal', {
    getter(this: FastifyRequest) {
      const request = this as WithSlots
      const made = request[watched] ?? watch(request, signals)
      request[watched] = made
      return made.signal
    }
  })
  app.addHook('preClose', async () => signals.close())
}

/** A request does not know its reply, whose end is the end of its signal. */
export function noteReply(request: FastifyRequest, its: FastifyReply): void {
  ;(request as WithSlots)[reply] = its
}

/** Why the signal of a request fired, if it was read and has fired. */
export function firedReason(request: FastifyRequest): Error | undefined {
  return (request as WithSlots)[watched]?.signal.reason
}

/** From now on the signal of a request, if it was read, fires for this principal. */
export function renewSignal(request: FastifyRequest, principal: Principal): void {
  ;(request as WithSlots)[watched]?.renew(principal)
}

function watch(request: WithSlots, signals: PrincipalSignals): WatchedSignal {
  const principal = principalOf(request)
  if (!principal)
    throw new EntraConfigurationError(
      `${routeOf(request)} reads request.principalSignal, and its caller is not verified; read it only where request.principalOrNull is no null`
    )
  const made = signals.watch(principal)
  const stream = isUpgrade(request.raw) ? request.raw.socket : streamOf(request[reply].raw)
  if (stream.destroyed) made.release()
  stream.once('close', () => made.release())
  return made
}

/** A response over HTTP/2 does not say whether it was destroyed; its stream does (Node.js: `http2.Http2ServerResponse`). */
const streamOf = (raw: FastifyReply['raw'] & { readonly stream?: Duplex }) => raw.stream ?? raw
