/** When a connection ends: while the server closes, and after a refused upload. */
import { finished } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Shutdown } from './process/shutdown.js'

/** How much of a refused body is read and discarded. A client that sends more is cut off, with its refusal. */
const mostDiscardedBytes = 16 * 1024 * 1024

/**
 * Closes a connection after its response while the server closes, as a kept-alive connection would delay that. After a response that did not
 * read the body, the body is read, up to a bound.
 *
 * @returns the shutdown of the app's server, also the decorator `shutdown`
 */
export function endConnections(app: FastifyInstance): Shutdown {
  const shutdown = new Shutdown(app.server)
  app.decorate('shutdown', shutdown)
  let closing = false
  app.addHook('preClose', async () => {
    closing = true
  })
  app.addHook('onSend', async ({ raw }, reply) => {
    if (!raw.complete && hasBody(raw)) discardBody(raw, reply, closing)
    else if (closing || shutdown.isDraining) reply.header('connection', 'close')
  })
  return shutdown
}

/** RFC 9112 §6.3. Node.js completes a request without a body only after its hooks, if none of these is asynchronous. */
const hasBody = ({ headers }: FastifyRequest['raw']) =>
  headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined

/**
 * A connection that is closed while its client still sends is reset, and the client may lose the response (RFC 9112 §9.6). So Node.js must not
 * close it, also if the client or Fastify wants that, until the body is read. The time is bounded by `requestTimeout`.
 */
function discardBody(raw: FastifyRequest['raw'], reply: FastifyReply, closing: boolean): void {
  const end = () => raw.socket.destroySoon()
  let bytes = 0
  raw.on('data', (part: Buffer) => {
    bytes += part.length
    if (bytes > mostDiscardedBytes) end()
  })
  const isLast = closing || !reply.raw.shouldKeepAlive
  reply.header('connection', 'keep-alive')
  if (isLast) raw.once('end', () => finished(reply.raw, end))
}
