import Fastify from 'fastify'
import entra, { anyOf, requireAppPermission, requireRole, requireScope } from '../../../../src/plugin/index.js'
import { options } from './options.js'

export default async function makeApp() {
  const app = Fastify()
  await app.register(entra, options)
  const preHandler = requireScope('Orders.Read')
  app.get('/orders/:id', { preHandler }, async () => 'an order')
  app.get('/health', { config: { auth: 'none' } }, async () => 'ok')
  const write = anyOf(requireRole('Admin'), requireAppPermission('Orders.Write.All'))
  app.post('/orders', { preHandler: write, constraints: { version: '2.0' } }, async () => 'an order')
  process.stdout.write('the app says something\n')
  setInterval(() => {}, 1000) // and leaves something running
  return app
}
