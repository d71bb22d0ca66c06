/** `request.user`: free for others, unless the option `userDecorator` asks for the verified claims there. */
import t, { type Test } from 'tap'
import entra from '../../../src/plugin/index.js'
import { get, listen, makeApp } from '../../support/http.js'
import { clientId, startTestTenant, tenantId } from '../../support/tenant.js'

const tenant = await startTestTenant(t)
const options = { tenantId, clientId, authority: tenant.origin }
type WithUser = { user: unknown }

async function start(t: Test, more: object, declare: (made: ReturnType<typeof makeApp>) => void = () => {}) {
  const made = makeApp(t)
  declare(made)
  await made.app.register(entra, { ...options, ...more })
  made.app.get('/any', { config: { auth: 'optional' } }, async (request) => ({
    user: (request as unknown as WithUser).user
  }))
  made.app.get('/assigns', async (request) => {
    ;(request as unknown as WithUser).user = { roles: ['Admin'] }
    return (request as unknown as WithUser).user as object
  })
  const { origin } = await listen(made)
  return origin
}

t.test('with userDecorator: the verified claims, which nobody else sets', async (t) => {
  const origin = await start(t, { userDecorator: true })
  const token = await tenant.userToken()
  t.match(JSON.parse((await get(`${origin}/any`, token)).body), { user: { aud: clientId, scp: 'access_as_user' } })
  t.same(JSON.parse((await get(`${origin}/any`)).body), { user: null })
  t.equal((await get(`${origin}/assigns`, token)).status, 500)
})

t.test('without it the name is free', async (t) => {
  const origin = await start(t, {})
  const token = await tenant.userToken()
  t.same(JSON.parse((await get(`${origin}/any`, token)).body), {})
  t.same(JSON.parse((await get(`${origin}/assigns`, token)).body), { roles: ['Admin'] })
  const own = await start(t, {}, ({ app }) => app.decorateRequest('user'))
  t.equal((await get(`${own}/any`, token)).status, 200)
})

t.test('a name that is taken, and a value that is none', async (t) => {
  const { app } = makeApp(t)
  app.decorateRequest('user')
  await t.rejects(async () => app.register(entra, { ...options, userDecorator: true }), {
    message: 'request.user is decorated already; this plugin needs the name'
  })
  for (const userDecorator of ['true', 1, null])
    await t.rejects(async () => makeApp(t).app.register(entra, { ...options, userDecorator } as never), {
      message: /^userDecorator/
    })
})
