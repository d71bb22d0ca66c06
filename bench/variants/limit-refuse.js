/** The limit of refusing: every request gets its 401 at once. */
import { refuse, serveFastify } from './on-fastify.js'

await serveFastify((app) => {
  app.addHook('onRequest', async (_request, reply) => refuse(reply))
})
