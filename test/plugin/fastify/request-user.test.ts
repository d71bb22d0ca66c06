/** `request.user`: free for others, unless the option `userDecorator` asks for the verified claims there. */
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { buildApi, optionsFor, startApi } from '../../support/api.js'
import { clientId, startTestTenant } from '../../support/tenant.js'

const tenant = await startTestTenant(t)
const options = optionsFor(tenant)
type WithUser = { user: unknown }

/** @param before what the app has before the plugin */
const start = (t: Test, options: object, before?: (app: FastifyInstance) => unknown) =>
  startApi(t, {
    tenant,
    options,
    ...(before && { before }),
    routes: (app) => {
      app.get('/any', { config: { auth: 'optional' } }, async (request) => ({
        user: (request as unknown as WithUser).user
      }))
      app.get('/assigns', async (request) => {
        ;(request as unknown as WithUser).user = { roles: ['Admin'] }
        return (request as unknown as WithUser).user as object
      })
    }
  })

t.test('with userDecorator: the verified claims, which the app cannot assign', async (t) => {
  const { get } = await start(t, { userDecorator: true })
  const token = await tenant.userToken()
  t.match(JSON.parse((await get('/any', token)).body), { user: { aud: clientId, scp: 'access_as_user' } })
  t.same(JSON.parse((await get('/any')).body), { user: null })
  t.equal((await get('/assigns', token)).status, 500)
})

t.test('without it the name is free', async (t) => {
  const { get } = await start(t, {})
  const token = await tenant.userToken()
  t.same(JSON.parse((await get('/any', token)).body), {})
  t.same(JSON.parse((await get('/assigns', token)).body), { roles: ['Admin'] })
  const own = await start(t, {}, (app) => app.decorateRequest('user'))
  t.equal((await own.get('/any', token)).status, 200)
})

t.test('a name that is taken, and values that are not allowed', async (t) => {
  const before = (app: FastifyInstance) => app.decorateRequest('user')
  await t.rejects(buildApi(t, { before, options: { ...options, userDecorator: true } }), {
    message: 'request.user is decorated already, and this plugin needs the name; rename the other decorator'
  })
  for (const userDecorator of ['true', 1, null])
    await t.rejects(buildApi(t, { options: { ...options, userDecorator } }), {
      message: /^userDecorator/
    })
})
