/** An open route: of the server of this repository as it is built, or of bare Fastify with the same route. */
import Fastify from 'fastify'
import { buildApp } from '../../dist/server/app.js'
import { readConfig } from '../../dist/server/config/config.js'
import { serve } from './serve.js'

const response = { 200: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] } }

function bare() {
  const app = Fastify()
  app.get('/unprotected', { schema: { response } }, () => ({ message: 'Anyone may read this.' }))
  return app
}

/** @param {import('../types.js').ServerSettings} settings */
const ours = ({ tenantId, clientId, origin }) =>
  buildApp(
    readConfig({
      ENTRA_TENANT_ID: tenantId,
      ENTRA_CLIENT_ID: clientId,
      ENTRA_AUTHORITY: origin,
      LOG_LEVEL: 'silent'
    })
  )

await serve(async (settings) => {
  const app = settings.options.bare ? bare() : await ours(settings)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server
})
