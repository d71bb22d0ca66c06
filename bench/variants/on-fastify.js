/** A Fastify server with one route, the same for every variant on Fastify. */
import Fastify from 'fastify'
import { serve } from './serve.js'

/** @typedef {import('fastify').FastifyInstance} App */
/** @typedef {import('fastify').RouteShorthandOptions} RouteOptions */
/** @typedef {import('../types.js').ServerSettings} ServerSettings */

/**
 * @param {(app: App, settings: ServerSettings) => RouteOptions | void | Promise<RouteOptions | void>} protect what
 *   protects the app, and the options that its route needs for that
 * @param {import('fastify').FastifyServerOptions} [options]
 * @param {() => Promise<void>} [settled] resolves when the server, which listens, has all that it fetches
 */
export function serveFastify(protect, options = {}, settled = undefined) {
  return serve(async (settings) => {
    const app = Fastify(options)
    const routeOptions = await protect(app, settings)
    app.get('/', routeOptions ?? {}, async () => ({ ok: true }))
    await app.listen({ host: '127.0.0.1', port: 0 })
    return app.server
  }, settled)
}

/**
 * What hooks around a bare verifier answer; the same words for all of them.
 *
 * @param {import('fastify').FastifyReply} reply
 */
export function refuse(reply) {
  return reply.code(401).header('www-authenticate', 'Bearer error="invalid_token"').send({ error: 'invalid_token' })
}

/**
 * The token of a request as the documentation of bare verifiers takes it.
 *
 * @param {import('fastify').FastifyRequest} request
 */
export function bearer({ headers: { authorization } }) {
  return authorization?.startsWith('Bearer ') ? authorization.slice(7) : ''
}
