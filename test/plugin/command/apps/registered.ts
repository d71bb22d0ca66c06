/** An app of the embedded tenant, by the environment: it reads its own registration. */
import Fastify from 'fastify'
import entra, { guardsFor, requireScope } from '../../../../src/plugin/index.js'

export const permissions = {
  apiName: 'Orders',
  optionalClaims: ['sid'],
  scopes: {
    access_as_user: {
      displayName: 'Call the API for a user',
      description: 'Allows the app to call the API for the user who is signed in.',
      forUsers: { displayName: 'Call the API for you', description: 'Allows the app to call the API for you.' }
    }
  },
  roles: ['Admin'],
  appPermissions: { 'Orders.Write.All': { description: 'Write orders', id: '77777777-7777-4777-8777-777777777777' } }
} as const

const { requireRole, requireAppPermission } = guardsFor(permissions)

const app = Fastify()
const { ENTRA_AUTHORITY = 'http://127.0.0.1:9', ENTRA_CLIENT_SECRET } = process.env
await app.register(entra, {
  authority: ENTRA_AUTHORITY,
  tenantId: '10000000-0000-4000-8000-000000000001',
  clientId: '20000000-0000-4000-8000-000000000001',
  ...(ENTRA_CLIENT_SECRET && { downstream: { clientSecret: ENTRA_CLIENT_SECRET } })
})
app.get('/me', { preHandler: requireScope('access_as_user') }, async () => 'me')
app.get('/admin', { config: { auth: requireRole('Admin') } }, async () => 'an admin')
app.post('/orders', { onRequest: requireAppPermission('Orders.Write.All') }, async () => 'an order')
app.get('/health', { config: { auth: 'none' } }, async () => 'ok')

export default app
