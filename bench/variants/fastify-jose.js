/** jose in a hook: its remote key set and `jwtVerify`, as its documentation shows them. */
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { bearer, refuse, serveFastify } from './on-fastify.js'

await serveFastify((app, { jwksUri, issuer, clientId }) => {
  const keys = createRemoteJWKSet(new URL(jwksUri))
  app.addHook('onRequest', async (request, reply) => {
    try {
      await jwtVerify(bearer(request), keys, { issuer, audience: clientId, algorithms: ['RS256'] })
    } catch {
      return refuse(reply)
    }
  })
})
