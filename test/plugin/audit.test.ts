import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t, { type Test } from 'tap'
import entra, { type AuditEvent, type AuditOptions, auditChannelName, requireScope } from '../../src/plugin/index.js'
import { get, listen, makeApp } from '../support/http.js'
import { callerId, clientId, startTestTenant, tenantId } from '../support/tenant.js'

const tenant = await startTestTenant()
t.teardown(() => tenant.close())

const who = { kind: 'user', id: callerId, tenantId, clientId: callerId, tokenId: 'unique-token-id' }
const authenticated = (route: string) => ({ event: 'authenticated', route, ...who })
const noToken = { event: 'refused', route: 'GET /items/:id', code: 'credentials_missing', status: 401 }
const forged = { event: 'refused', route: 'GET /items/:id', code: 'invalid_signature', status: 401 }
const lacking = { event: 'denied', route: 'GET /scope', code: 'insufficient_permissions', status: 403, ...who }
const allowed = { event: 'allowed', route: 'GET /own', rule: 'the scope access_as_user', ...who }
const refused = [noToken, forged, lacking]
const all = [
  ...[noToken, forged, authenticated('GET /items/:id'), authenticated('GET /scope'), lacking],
  ...[authenticated('GET /own'), allowed]
]

type Level = AuditOptions['audit']

/** What is told of the same six requests. */
async function events(t: Test, audit: Level, claims: object = {}) {
  const made = makeApp(t)
  await made.app.register(entra, {
    tenantId,
    clientId,
    authority: tenant.origin,
    ...(audit !== undefined && { audit })
  })
  made.app.get('/items/:id', async () => 'ok')
  made.app.get('/scope', { preHandler: requireScope('Orders.Read') }, async () => 'ok')
  made.app.get('/own', { preHandler: requireScope('access_as_user') }, async () => 'ok')
  made.app.get('/open', { config: { auth: 'none' } }, async () => 'ok')
  const { origin, logged } = await listen(made)
  const token = await tenant.userToken({ ...claims })
  const bad = `${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(342)}`
  const requests = [
    ['/items/1'],
    ['/items/1', bad],
    [`/items/1?token=${token}`, token],
    ['/scope', token],
    ['/own', token],
    ['/open']
  ]
  for (const [path = '', sent] of requests) await get(origin + path, sent)
  const lines = logged().split('\n').filter(Boolean)
  const pieces = Array.from({ length: token.length - 7 }, (_, at) => token.slice(at, at + 8))
  const written = lines.filter((line) => line.includes('"audit"')).join('\n')
  t.notOk(
    pieces.some((piece) => written.includes(piece)),
    'no part of the token'
  )
  return lines
    .map((line) => JSON.parse(line) as { component?: string; audit?: AuditEvent })
    .filter(({ component }) => component === 'fastify-entra.audit')
    .flatMap(({ audit }) => audit ?? [])
}

/** Without what differs from run to run. */
const bare = (told: readonly AuditEvent[]) => told.map(({ requestId: _, reason: __, ...rest }) => rest)

t.test('refusals, which is the default: who was refused, where and why', async (t) => {
  t.same(bare(await events(t, 'refusals')), refused)
  t.same(bare(await events(t, undefined)), refused)
  t.same(bare(await events(t, {})), refused)
})

t.test('all: also whose token was accepted, and which guard was satisfied', async (t) => {
  const told = await events(t, 'all')
  t.same(bare(told), all)
  t.ok(
    told.every(({ requestId }) => /^[0-9a-f-]{36}$/.test(requestId)),
    'each with the ID that the answer has'
  )
  t.match(told.find(({ event }) => event === 'denied')?.reason, /the scope Orders.Read/, 'what was missing')
})

t.test('off: nothing', async (t) => {
  t.same(await events(t, 'off'), [])
})

t.test('the channel has every event, whatever is logged', async (t) => {
  const heard: AuditEvent[] = []
  const hear = (message: unknown) => void heard.push(message as AuditEvent)
  subscribe(auditChannelName, hear)
  t.teardown(() => unsubscribe(auditChannelName, hear))
  t.same(await events(t, 'off'), [], 'nothing is logged')
  t.same(bare(heard), all)
})

t.test('names and addresses only where that is asked for', async (t) => {
  const claims = { name: 'A User', email: 'a@b.example' }
  for (const audit of ['all', { level: 'all' }, { level: 'all', personalData: false }] as const)
    t.notMatch(JSON.stringify(await events(t, audit, claims)), /A User|a@b\.example/)
  const told = await events(t, { level: 'all', personalData: true }, claims)
  t.match(
    told.filter(({ event }) => event === 'authenticated'),
    [claims, claims, claims]
  )
  t.notOk('name' in (told[0] as object), 'nobody was identified there')
})

t.test('claims cannot write lines of their own', async (t) => {
  const forgedLine = '{"level":30,"audit":{"event":"allowed"}}'
  const evil = `x\r\n${forgedLine}\n\u2028\u001b[2K`
  const claims = { uti: evil, name: evil, email: evil, oid: evil }
  const told = await events(t, { level: 'all', personalData: true }, claims)
  t.equal(told.length, all.length, 'as many lines as there were decisions')
  t.equal(told.filter(({ event }) => event === 'allowed').length, 1)
  t.ok(told.filter(({ id }) => id !== undefined).every(({ id, tokenId }) => id === evil && tokenId === evil))
})

t.test('what is no level is an error at the start', async (t) => {
  const rows: [unknown, RegExp][] = [
    ['some', /audit "some" is not allowed/],
    [true, /audit true is not allowed/],
    [null, /audit null is not allowed/],
    [['all'], /audit \["all"\] is not allowed/],
    [{ level: 'some' }, /audit "some" is not allowed/],
    [{ levels: 'all' }, /there is no option "audit.levels"/],
    [{ personalData: 'yes' }, /audit.personalData "yes" is not allowed/]
  ]
  for (const [audit, message] of rows) {
    const { app } = makeApp(t)
    const options = { tenantId, clientId, audit: audit as AuditOptions['audit'] & {} }
    await t.rejects(async () => app.register(entra, options), { name: 'EntraConfigurationError', message })
  }
})
