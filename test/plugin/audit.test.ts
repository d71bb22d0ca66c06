import t, { type Test } from 'tap'
import entra, { type AuditLevel, requireScope } from '../../src/plugin/index.js'
import { get, listen, makeApp } from '../support/http.js'
import { callerId, clientId, startTestTenant, tenantId } from '../support/tenant.js'

const tenant = await startTestTenant()
t.teardown(() => tenant.close())

const who = { kind: 'user', id: callerId, tenantId, clientId: callerId }
const accepted = (route: string) => ({ outcome: 'accepted', route, ...who })
const noToken = { outcome: 'refused', route: 'GET /items/:id', code: 'credentials_missing', status: 401 }
const forged = { outcome: 'refused', route: 'GET /items/:id', code: 'invalid_signature', status: 401 }
const lacking = { outcome: 'refused', route: 'GET /scope', code: 'insufficient_permissions', status: 403, ...who }
const refused = [noToken, forged, lacking]

/** What is written down of the same five requests. */
async function records(t: Test, audit: AuditLevel) {
  const made = makeApp(t)
  await made.app.register(entra, { tenantId, clientId, authority: tenant.origin, audit })
  made.app.get('/items/:id', async () => 'ok')
  made.app.get('/scope', { preHandler: requireScope('Orders.Read') }, async () => 'ok')
  made.app.get('/open', { config: { auth: 'none' } }, async () => 'ok')
  const { origin, logged } = await listen(made)
  const token = await tenant.userToken()
  const bad = `${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(342)}`
  for (const [path, sent] of [
    ['/items/1'],
    ['/items/1', bad],
    [`/items/1?token=${token}`, token],
    ['/scope', token],
    ['/open']
  ])
    await get(origin + path, sent)
  const lines = logged().split('\n').filter(Boolean)
  const pieces = Array.from({ length: token.length - 7 }, (_, at) => token.slice(at, at + 8))
  const written = lines.filter((line) => line.includes('"audit"')).join('\n')
  t.notOk(
    pieces.some((piece) => written.includes(piece)),
    'no part of the token'
  )
  return lines.map((line) => JSON.parse(line).audit).filter(Boolean)
}

t.test('refusals, which is the default: who was refused, where and why', async (t) => {
  t.same(await records(t, 'refusals'), refused)
})

t.test('all: also whose token was accepted', async (t) => {
  t.same(await records(t, 'all'), [noToken, forged, accepted('GET /items/:id'), accepted('GET /scope'), lacking])
})

t.test('off: nothing', async (t) => {
  t.same(await records(t, 'off'), [])
})
