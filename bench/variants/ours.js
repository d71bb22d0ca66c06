/** fastify-entra as it is built, with the options that the variant names. */
import { createWriteStream } from 'node:fs'
import { devNull } from 'node:os'
import entra from '../../dist/plugin/index.js'
import { serveFastify } from './on-fastify.js'

/** Audit events go through the app's logger, so both sides of that comparison have one. */
const logs = process.argv.includes('--logger')
const logger = { logger: { level: 'info', stream: createWriteStream(devNull) }, disableRequestLogging: true }

await serveFastify(
  async (app, { tenantId, clientId, origin, options }) => {
    await app.register(entra, { tenantId, clientId, authority: origin, ...options })
  },
  logs ? logger : {}
)
