/** fastify-entra with as many guarded routes, or trusted tenants, as the settings say; the last of each is asked for. */
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import entra, { requireScope } from '../../dist/plugin/index.js'
import { serveFastify } from './on-fastify.js'

/** @typedef {import('../types.js').ServerSettings} ServerSettings */

/**
 * The tokens' own tenant comes last. One is given as ever, so that the first step needs no option that may be absent.
 *
 * @param {ServerSettings} settings
 * @returns {import('../../dist/plugin/index.js').EntraOptions}
 */
function trusted({ tenantId, clientId, origin, options }) {
  const one = { tenantId, clientId, authority: origin }
  const count = Number(options.tenants ?? 1)
  if (count === 1) return one
  const others = Array.from({ length: count - 1 }, () => ({ ...one, tenantId: randomUUID() }))
  return /** @type {never} */ ({ tenants: [...others, one] })
}

/** @type {import('fastify').FastifyInstance | undefined} */
let grown

/** Of a thousand tenants' documents some still come when the server listens, and would be part of what a request costs. */
async function settled() {
  while (grown?.entra.issuers.some(({ state }) => state !== 'fresh')) await setTimeout(20)
}

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {ServerSettings} settings
 */
async function protect(app, settings) {
  grown = app
  await app.register(entra, trusted(settings))
  const routes = Number(settings.options.routes ?? 0)
  for (let n = 1; n <= routes; n += 1) {
    app.get(`/routes/${n}`, { preHandler: requireScope('access_as_user') }, async () => ({ ok: true }))
  }
}

await serveFastify(protect, {}, settled)
