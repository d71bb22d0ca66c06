/** Routes that differ in what JSON does not have, and one with an invisible character. */
import Fastify from 'fastify'
import entra, { requireRole } from '../../../../src/plugin/index.js'
import { byIdentity } from './by-identity.js'
import { options } from './options.js'

const app = Fastify()
app.addConstraintStrategy(byIdentity)
await app.register(entra, options)
app.get('/', { constraints: { host: /^admin/ }, preHandler: requireRole('Admin') }, async () => 'admin')
app.get('/', { constraints: { host: /^www/ }, config: { auth: 'none' } }, async () => 'www')
app.post('/', { constraints: { tier: { paid: true } }, preHandler: requireRole('Admin') }, async () => 'paid')
app.post('/', { constraints: { tier: { paid: false } }, config: { auth: 'none' } }, async () => 'free')
app.get('/\u202ea\u009b', { preHandler: requireRole('Admin') }, async () => 'invisible')

export default app
