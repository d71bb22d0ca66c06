/** One verify a request through @fastify/jwt with a key that is known from the start. */
import jwt from '@fastify/jwt'
import { serveFastify } from './on-fastify.js'

await serveFastify(async (app, { publicPem, issuer, clientId }) => {
  await app.register(jwt, {
    secret: { public: publicPem },
    verify: { algorithms: ['RS256'], allowedIss: issuer, allowedAud: clientId }
  })
  app.addHook('onRequest', async (request) => {
    await request.jwtVerify()
  })
})
