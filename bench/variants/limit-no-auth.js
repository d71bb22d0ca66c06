/** The limit: nobody looks at the token. */
import { serveFastify } from './on-fastify.js'

await serveFastify(() => {})
