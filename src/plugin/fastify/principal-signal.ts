/** `request.principalSignal`: made when it is read, and forgotten when the response or the socket is closed. */
import type { Duplex } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { routeOf } from '../authorization/guard.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import type { PrincipalSignals } from '../lifetimes/principal-signals.js'
import { principalOf } from './request-principal.js'
import { isUpgrade } from './send-refusal.js'

const reply = Symbol('fastify-entra.reply')
const signal = Symbol('fastify-entra.principalSignal')

type WithSlots = FastifyRequest & { [reply]: FastifyReply; [signal]: AbortSignal | undefined }

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Fires when the caller's token is no longer valid: it expires (by the allowed clock skew later, as requests are accepted until then), it is
     * revoked, or its key is withdrawn (both within about 10 seconds); and when the app closes. For responses that outlive the check of their
     * request: server-sent events, WebSockets, long polls.
     *
     * `reason` is a `TokenRefusedError` with the `code` that a request with this token would get, or a `DOMException` named `AbortError` when the
     * app closes. While it cannot be determined whether the token is revoked, the signal does not fire. Once the response or the upgraded socket
     * is closed it does not fire either.
     *
     * @throws EntraConfigurationError on an unauthenticated request, as {@link FastifyRequest.principal} does
     */
    readonly principalSignal: AbortSignal
  }
}

/** Decorates requests, and fires their signals before the app waits for its connections to end. */
export function decoratePrincipalSignal(app: FastifyInstance, signals: PrincipalSignals): void {
  app.decorateRequest(reply, undefined)
  app.decorateRequest(signal, undefined)
  app.decorateRequest('principalSignal', {
    getter(this: FastifyRequest) {
      const request = this as WithSlots
      const made = request[signal] ?? watch(request, signals)
      request[signal] = made
      return made
    }
  })
  app.addHook('preClose', async () => signals.close())
}

/** A request does not know its reply, whose end is the end of its signal. */
export function noteReply(request: FastifyRequest, its: FastifyReply): void {
  ;(request as WithSlots)[reply] = its
}

function watch(request: WithSlots, signals: PrincipalSignals): AbortSignal {
  const principal = principalOf(request)
  if (!principal)
    throw new EntraConfigurationError(
      `${routeOf(request)} reads request.principalSignal, and its caller is not verified; read it only where request.principalOrNull is no null`
    )
  const watched = signals.watch(principal)
  const stream = isUpgrade(request.raw) ? request.raw.socket : streamOf(request[reply].raw)
  if (stream.destroyed) watched.release()
  stream.once('close', () => watched.release())
  return watched.signal
}

/** A response over HTTP/2 does not say whether it was destroyed; its stream does (Node.js: `http2.Http2ServerResponse`). */
const streamOf = (raw: FastifyReply['raw'] & { readonly stream?: Duplex }) => raw.stream ?? raw
