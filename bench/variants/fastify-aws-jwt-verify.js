/** aws-jwt-verify's verifier for any identity provider in a hook, hydrated at the start, as its README shows it. */
import { JwtVerifier } from 'aws-jwt-verify'
import { bearer, refuse, serveFastify } from './on-fastify.js'

await serveFastify(async (app, { jwksUri, issuer, clientId }) => {
  const verifier = JwtVerifier.create({ issuer, jwksUri, audience: clientId })
  await verifier.hydrate()
  app.addHook('onRequest', async (request, reply) => {
    try {
      await verifier.verify(bearer(request))
    } catch {
      return refuse(reply)
    }
  })
})
