/** The same as hosts.ts, but one route is open. */
import Fastify from 'fastify'
import entra, { requireRole } from '../../../../src/plugin/index.js'
import { byIdentity } from './by-identity.js'
import { options } from './options.js'

const app = Fastify()
app.addConstraintStrategy(byIdentity)
await app.register(entra, options)
app.get('/', { constraints: { host: /^admin/ }, config: { auth: 'none' } }, async () => 'admin')
app.get('/', { constraints: { host: /^www/ }, config: { auth: 'none' } }, async () => 'www')
app.post('/', { constraints: { tier: { paid: true } }, config: { auth: 'none' } }, async () => 'paid')
app.post('/', { constraints: { tier: { paid: false } }, config: { auth: 'none' } }, async () => 'free')
app.get('/\u202ea\u009b', { preHandler: requireRole('Admin') }, async () => 'invisible')

export default app
