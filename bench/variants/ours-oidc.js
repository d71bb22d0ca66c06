/** fastify-entra for any OpenID provider, as it is built, with the options that the variant names. */
import entra from '../../dist/plugin/index.js'
import { serveFastify } from './on-fastify.js'

await serveFastify(async (app, { issuer, clientId, options }) => {
  await app.register(entra, { issuer, audience: clientId, ...options })
})
