/** What the start of an app waits for, and what it says. */
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { buildApi, optionsFor } from '../support/api.js'
import { startTestTenant } from '../support/tenant.js'

/** A tenant that accepts connections and answers nothing. */
async function hangingTenant(t: Test) {
  const tenant = await startTestTenant(t)
  for (const path of [tenant.paths.discovery, tenant.paths.v1Discovery]) tenant.answers.set(path, () => {})
  return tenant
}

t.test("a tenant that hangs does not stop the start, whatever Fastify's pluginTimeout is", async (t) => {
  const tenant = await hangingTenant(t)
  const starts = [3000, 5000, 0].map(async (pluginTimeout) => {
    const start = performance.now()
    const { app } = await buildApi(t, { app: Fastify({ pluginTimeout }), options: optionsFor(tenant) })
    await app.ready()
    const { statusCode } = await app.inject({
      url: '/me',
      headers: { authorization: `Bearer ${await tenant.userToken()}` }
    })
    t.equal(statusCode, 503)
    return performance.now() - start
  })
  const [short = 0, , none = 0] = await Promise.all(starts)
  t.ok(short < none, `${short} of ${none} ms`)
})
