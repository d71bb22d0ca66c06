/** fastify-entra with streams that stay open: over sockets, or held in the process, with the signal of their caller or without. */
import { setTimeout } from 'node:timers/promises'
import entra, { Revocations } from '../../dist/plugin/index.js'
import { serveFastify } from './on-fastify.js'

/** @typedef {import('../types.js').ServerSettings} ServerSettings */

/** @type {() => Promise<void>} */
let open = async () => {}

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {ServerSettings} settings
 */
async function protect(app, { tenantId, clientId, origin, options }) {
  const { isRevoked } = new Revocations()
  await app.register(entra, { tenantId, clientId, authority: origin, isRevoked })
  /** Without a socket nothing else would hold them. @type {import('fastify').FastifyReply[]} */
  const opened = []
  app.get('/stream', (request, reply) => {
    if (options.signals) request.principalSignal.addEventListener('abort', () => reply.raw.end())
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
    reply.raw.write('data: open\n\n')
    opened.push(reply)
  })
  open = async () => {
    const held = Number(options.held ?? 0)
    const headers = { authorization: `Bearer ${options.token}` }
    for (let n = 0; n < held; n += 1) {
      void app.inject({ url: '/stream', headers })
      if (n % 1000 === 0) await setTimeout(1)
    }
    while (opened.length < held) await setTimeout(20)
  }
}

await serveFastify(protect, {}, () => open())
