import Fastify from 'fastify'
import entra from '../../../../src/plugin/index.js'
import { options } from './options.js'

const app = Fastify()
app.register(entra, { ...options, clientId: '' })

export default app
