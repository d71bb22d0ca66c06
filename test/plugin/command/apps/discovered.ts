/** An app that clients discover by its URL, and one of them that its own people use. */
import Fastify from 'fastify'
import entra, { requireScope } from '../../../../src/plugin/index.js'
import { options } from './options.js'

export const permissions = {
  preAuthorizedApplications: { 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee': ['access_as_user'] }
}

const app = Fastify()
await app.register(entra, { ...options, resource: { publicUrl: 'https://api.example.com/mcp' } })
app.get('/', { preHandler: requireScope('access_as_user') }, async () => 'ok')

export default app
