/** The package is loaded after the app was created, as by `fastify.register(require('fastify-entra'))`. */
import Fastify from 'fastify'
import t from 'tap'

const app = Fastify()
const { buildApi, optionsFor } = await import('../../support/api.js')
const { requireScope } = await import('../../../src/plugin/index.js')
const { startTestTenant } = await import('../../support/tenant.js')

t.test('a guard in config.auth outside the plugin’s scope stops the start also then', async (t) => {
  const options = optionsFor(await startTestTenant(t))
  await app.register(async (child) => void (await buildApi(t, { app: child, options, routes: {} })))
  app.get('/x', { config: { auth: requireScope('Orders.Read') } }, async () => 'ok')
  await t.rejects(async () => app.ready(), {
    name: 'EntraConfigurationError',
    message: /^GET \/x has a guard in config\.auth where fastify-entra is not registered/
  })
})
