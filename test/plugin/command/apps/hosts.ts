/** Routes that differ in what JSON does not have, and one with an invisible character. */
import Fastify from 'fastify'
import entra, { requireRole } from '../../../../src/plugin/index.js'
import { options } from './options.js'

const app = Fastify()
await app.register(entra, options)
app.get('/', { constraints: { host: /^admin/ }, preHandler: requireRole('Admin') }, async () => 'admin')
app.get('/', { constraints: { host: /^www/ }, config: { auth: 'none' } }, async () => 'www')
app.get('/\u202ea\u009b', { preHandler: requireRole('Admin') }, async () => 'invisible')

export default app
