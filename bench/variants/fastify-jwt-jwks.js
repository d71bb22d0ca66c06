/** fastify-jwt-jwks, as its README shows it. */
import { fastifyJwtJwks } from 'fastify-jwt-jwks'
import { serveFastify } from './on-fastify.js'

await serveFastify(async (app, { jwksUri, issuer, clientId }) => {
  await app.register(fastifyJwtJwks, { jwksUrl: jwksUri, issuer, audience: clientId })
  return { preValidation: app.authenticate }
})
