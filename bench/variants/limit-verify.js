/** One RSA verify a request by node:crypto, and nothing else that a token must stand. */
import { createPublicKey, verify } from 'node:crypto'
import { bearer, refuse, serveFastify } from './on-fastify.js'

await serveFastify((app, { publicPem }) => {
  const key = createPublicKey(publicPem)
  app.addHook('onRequest', async (request, reply) => {
    const token = bearer(request)
    const end = token.lastIndexOf('.')
    const signature = Buffer.from(token.slice(end + 1), 'base64url')
    if (!verify('RSA-SHA256', Buffer.from(token.slice(0, end)), key, signature)) return refuse(reply)
  })
})
