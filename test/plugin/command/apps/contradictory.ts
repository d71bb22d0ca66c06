import Fastify from 'fastify'
import entra, { guardsFor, requireScope } from '../../../../src/plugin/index.js'
import { options } from './options.js'

/** Entra knows a scope and a role of one name as one permission. */
const { requireRole } = guardsFor({ roles: { Read: 'Read as an administrator' } })
const described = guardsFor({ scopes: { Read: 'Read as a user' } })

const app = Fastify()
await app.register(entra, options)
app.get('/one', { preHandler: described.requireScope('Read') }, async () => 'one')
app.get('/two', { preHandler: requireScope('Read') }, async () => 'two')
app.get('/three', { preHandler: requireRole('Read') }, async () => 'three')

export default app
