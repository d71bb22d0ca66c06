import Fastify from 'fastify'
import t from 'tap'
import entra, { requireScope } from '../../src/plugin/index.js'
import { clientId, startTestTenant, tenantId } from '../support/tenant.js'

t.test('smoke', async (t) => {
  const tenant = await startTestTenant()
  t.teardown(() => tenant.close())
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(entra, { tenantId, clientId, authority: tenant.origin })
  app.get('/me', { preHandler: requireScope('access_as_user') }, async (request) => request.principal)
  for (const token of [
    await tenant.userToken(),
    await tenant.appToken(),
    await tenant.v1Token(),
    'x',
    await tenant.userToken({ exp: 1 }),
    await tenant.userToken({}, { kid: 'zz' }),
    await tenant.userToken({ aud: '00000003-0000-0000-c000-000000000000' })
  ]) {
    const r = await app.inject({ url: '/me', headers: { authorization: `Bearer ${token}` } })
    console.error(r.statusCode, r.headers['www-authenticate'], r.body)
  }
  console.error((await app.inject('/nope')).body)
  console.error(tenant.requests, app.entra)
  t.pass()
})
