/** The same as hosts.ts, but one route is open. */
import Fastify from 'fastify'
import entra, { requireRole } from '../../../../src/plugin/index.js'
import { options } from './options.js'

const app = Fastify()
await app.register(entra, options)
app.get('/', { constraints: { host: /^admin/ }, config: { auth: 'none' } }, async () => 'admin')
app.get('/', { constraints: { host: /^www/ }, config: { auth: 'none' } }, async () => 'www')
app.get('/\u202ea\u009b', { preHandler: requireRole('Admin') }, async () => 'invisible')

export default app
