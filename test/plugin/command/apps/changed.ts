import Fastify from 'fastify'
import entra, { requireRole, requireScope } from '../../../../src/plugin/index.js'
import { options } from './options.js'

const app = Fastify()
await app.register(entra, options)
app.get('/orders/:id', async () => 'an order')
app.delete('/orders/a|b\\', { preHandler: requireScope('Orders.Delete') }, async () => 'gone')
app.entra.declareOperation('orders.cancel', requireRole('Admin'))

export default app
