/** The limit of what is free: a hook that reads the header, and believes it. */
import { bearer, refuse, serveFastify } from './on-fastify.js'

await serveFastify((app) => {
  app.addHook('onRequest', async (request, reply) => {
    if (bearer(request) === '') return refuse(reply)
  })
})
