import { readFile } from 'node:fs/promises'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import {
  type AuditEvent,
  type AuditOptions,
  auditChannelName,
  requireScope,
  type TenantEvent
} from '../../../src/plugin/index.js'
import { buildApi, optionsFor, startApi } from '../../support/api.js'
import { heardOn } from '../../support/channel.js'
import {
  callerId,
  clientId,
  json,
  signingKey,
  startTestTenant,
  type TestTenant,
  tenantId
} from '../../support/tenant.js'

const tenant = await startTestTenant(t)

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
type Decision = Exclude<AuditEvent, TenantEvent>

const isDecision = (told: AuditEvent): told is Decision => !told.event.startsWith('tenant.')

/** The events among lines of a log. */
const eventsIn = (logged: string) =>
  logged
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { component?: string; audit?: AuditEvent })
    .filter(({ component }) => component === 'fastify-entra.audit')
    .flatMap(({ audit }) => audit ?? [])

/** What is told of the same six requests, and of the tenant. */
async function allEvents(t: Test, audit: Level, claims: object = {}) {
  const routes = {
    '/items/:id': {},
    '/scope': { preHandler: requireScope('Orders.Read') },
    '/own': { preHandler: requireScope('access_as_user') },
    '/open': { config: { auth: 'none' } }
  } as const
  const { get, logged } = await startApi(t, { tenant, options: { ...(audit !== undefined && { audit }) }, routes })
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
  for (const [path = '', sent] of requests) await get(path, sent)
  const pieces = Array.from({ length: token.length - 7 }, (_, at) => token.slice(at, at + 8))
  t.notOk(
    pieces.some((piece) => logged().includes(piece)),
    'no part of the token'
  )
  return eventsIn(logged())
}

/** What is told of the requests alone. */
const events = async (t: Test, audit: Level, claims: object = {}) =>
  (await allEvents(t, audit, claims)).filter(isDecision)

/** Without what differs from run to run. */
const bare = (told: readonly AuditEvent[]) =>
  told.filter(isDecision).map((one) => {
    const { requestId: _, reason: __, ...rest } = { reason: '', ...one }
    return rest
  })

t.test('refusals, which is the default: who was refused, where and why', async (t) => {
  t.same(bare(await events(t, 'refusals')), refused)
  t.same(bare(await events(t, undefined)), refused)
  t.same(bare(await events(t, {})), refused)
})

t.test('all: also whose token was accepted, and which guard was satisfied', async (t) => {
  const told = await events(t, 'all')
  t.same(bare(told), all)
  t.ok(
    told.every(({ requestId = '' }) => /^[0-9a-f-]{36}$/.test(requestId)),
    'each with the ID that the answer has'
  )
  t.match(
    told.filter(({ event }) => event === 'denied'),
    [{ reason: /the scope api:\/\/.*\/Orders.Read/ }],
    'what was missing'
  )
})

t.test('off: nothing', async (t) => {
  t.same(await allEvents(t, 'off'), [])
})

t.test('the channel has every event, whatever is logged', async (t) => {
  const heard = heardOn<AuditEvent>(t, auditChannelName)
  t.same(await allEvents(t, 'off'), [], 'nothing is logged')
  t.same(bare(heard), all)
})

t.test('an app without a logger: the channel has every event', async (t) => {
  const { app } = await buildApi(t, { app: Fastify(), options: optionsFor(tenant), routes: { '/items/:id': {} } })
  await app.inject('/items/1')
  const heard = heardOn<AuditEvent>(t, auditChannelName)
  await app.inject('/items/1')
  t.same(bare(heard), [noToken], 'from when somebody listens')
})

t.test('a log level that is off, and switched on while the app runs', async (t) => {
  const { app, logged } = await buildApi(t, { options: optionsFor(tenant), routes: { '/items/:id': {} } })
  app.log.level = 'warn'
  await app.inject('/items/1')
  t.same(eventsIn(logged()).filter(isDecision), [])
  app.log.level = 'info'
  await app.inject('/items/1')
  t.same(bare(eventsIn(logged()).filter(isDecision)), [noToken])
})

t.test('names and email addresses only with personalData', async (t) => {
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

t.test(
  'Microsoft "Token claims reference for agent IDs": the parent application of an agent is recorded',
  async (t) => {
    const parentClientId = '30cf4c22-9985-4ef7-8756-91cc888176bd'
    const told = await events(t, 'all', { xms_act_fct: '11', xms_par_app_azp: parentClientId })
    t.same(
      told.filter((one) => 'id' in one).map((one) => 'parentClientId' in one && one.parentClientId),
      all.filter((one) => 'id' in one).map(() => parentClientId)
    )
    const others = await events(t, 'all', { xms_act_fct: '11', xms_par_app_azp: 7 })
    t.notOk(others.some((one) => 'parentClientId' in one))
    const flows = (events: readonly object[]) =>
      new Set(events.filter((one) => 'id' in one).map((one) => ('agent' in one ? one.agent : undefined)))
    t.same(flows(told), new Set(['unknown']), 'without the facets of the subject')
    t.same(flows(await events(t, 'all', { xms_act_fct: '11', xms_sub_fct: '2 3' })), new Set(['onBehalfOf']))
    t.same(flows(await events(t, 'all', { xms_act_fct: '3 9', xms_sub_fct: '2 3' })), new Set([undefined]))
  }
)

t.test('claims cannot forge log lines', async (t) => {
  const forgedLine = '{"level":30,"audit":{"event":"allowed"}}'
  const evil = `x\r\n${forgedLine}\n\u2028\u001b[2K`
  const seen = `x\\u000d\\u000a${forgedLine}\\u000a\\u2028\\u001b[2K`
  const claims = { uti: evil, name: evil, email: evil, oid: evil }
  const told = await events(t, { level: 'all', personalData: true }, claims)
  t.equal(told.length, all.length, 'as many lines as there were decisions')
  t.equal(told.filter(({ event }) => event === 'allowed').length, 1)
  t.ok(told.filter((one) => 'id' in one).every(({ id, tokenId }) => id === seen && tokenId === seen))
})

/** An API with a tenant of its own, what it logs, and what the channel has of it. */
async function startHeard(t: Test, options: object = {}, prepare: (tenant: TestTenant) => void = () => {}) {
  const tenant = await startTestTenant(t)
  prepare(tenant)
  const heard = heardOn<AuditEvent>(t, auditChannelName)
  return { ...(await startApi(t, { tenant, options })), heard }
}

t.test('a tenant: its keys are loaded, change, and are unavailable', async (t) => {
  const { tenant, heard, logged, get } = await startHeard(t)
  const metadataUrl = tenant.origin + tenant.paths.discovery
  const v2 = { metadataUrl, issuer: `${tenant.origin}/${tenantId}/v2.0` }
  const ofV2 = () => heard.filter((told) => 'metadataUrl' in told && told.metadataUrl === metadataUrl)
  t.same(ofV2(), [{ event: 'tenant.ready', keys: ['key-1'], ...v2 }])
  t.equal(heard.length, 2, 'one for each issuer of the tenant')

  const next = await signingKey('key-2')
  tenant.keys.splice(0, 1, next.jwk)
  await get('/me', await tenant.userToken({}, {}, next))
  t.same(ofV2().slice(1), [{ event: 'tenant.keys_changed', added: ['key-2'], removed: ['key-1'], ...v2 }])
  t.same(
    eventsIn(logged()),
    heard.filter((told) => !isDecision(told)),
    'logged by default, as refusals are'
  )
})

t.test('a tenant that cannot be reached, or is not the one configured', async (t) => {
  const down = await startHeard(t, { authority: 'http://127.0.0.1:9', keysTimeoutSeconds: 1 })
  t.match(down.heard, [
    { event: 'tenant.unreachable', metadataUrl: /^http:\/\/127\.0\.0\.1:9\//, reason: /./ },
    { event: 'tenant.unreachable', reason: /./ }
  ])
  t.same(eventsIn(down.logged()), down.heard)
  const off = await startHeard(t, { authority: 'http://127.0.0.1:9', keysTimeoutSeconds: 1, audit: 'off' })
  t.equal(off.heard.length, 2)
  t.same(eventsIn(off.logged()), [])
})

t.test('names that a tenant chooses cannot forge log lines', async (t) => {
  const forgedLine = '{"level":30,"component":"fastify-entra.audit","audit":{"event":"allowed"}}'
  const evil = `x\r\n${forgedLine}\n\u2028\u001b[2K`
  const seen = `x\\u000d\\u000a${forgedLine}\\u000a\\u2028\\u001b[2K`
  const named = await startHeard(t, {}, ({ keys, key }) => keys.splice(0, 1, { ...key.jwk, kid: evil }))
  t.match(eventsIn(named.logged()), [
    { event: 'tenant.ready', keys: [seen] },
    { event: 'tenant.ready', keys: [seen] }
  ])
  t.equal(eventsIn(named.logged()).length, 2)
  t.notMatch(named.logged(), '\u2028', 'nor in the line that lists the keys')
  const foreign = await startHeard(t, {}, ({ answers, origin, paths }) => {
    const discovery = json(() => ({ issuer: `https://login.example/${evil}`, jwks_uri: origin + paths.keys }))
    for (const path of [paths.discovery, paths.v1Discovery]) answers.set(path, discovery)
  })
  t.match(
    eventsIn(foreign.logged()).map(({ event }) => event),
    ['tenant.unreachable', 'tenant.unreachable']
  )
  t.equal(eventsIn(foreign.logged()).length, 2)
})

t.test('verifyToken: whose token was accepted, or why it was not, without a request', async (t) => {
  const isRevoked = ({ id }: { id: string }) => id === 'revoked'
  const { tenant, app, heard, logged } = await startHeard(t, { isRevoked, audit: 'all' })
  heard.length = 0
  const token = await tenant.userToken()
  await app.verifyToken(token)
  await app.verifyToken(token)
  for (const bad of [undefined as never, 'garbage', await tenant.userToken({ oid: 'revoked' })])
    await t.rejects(app.verifyToken(bad))
  const refused = (code: string) => ({ event: 'refused', status: 401, code })
  const expected = [
    { event: 'authenticated', ...who },
    { event: 'authenticated', ...who },
    refused('token_malformed'),
    refused('token_malformed'),
    { ...refused('token_revoked'), ...who, id: 'revoked' }
  ]
  t.same(bare(heard), expected)
  t.ok(heard.every((told) => !('route' in told) && !('requestId' in told)))
  t.same(eventsIn(logged()).filter(isDecision), heard, 'the same is logged')
  t.notMatch(logged(), token.slice(-20))

  const quiet = await startHeard(t, { audit: 'refusals' })
  await quiet.app.verifyToken(await quiet.tenant.userToken())
  await t.rejects(quiet.app.verifyToken('garbage'))
  t.same(bare(eventsIn(quiet.logged())), [refused('token_malformed')], 'refusals only')
})

t.test('docs/audit.md names every event, and no other', async (t) => {
  const events: Record<AuditEvent['event'], true> = {
    authenticated: true,
    refused: true,
    allowed: true,
    denied: true,
    'tenant.ready': true,
    'tenant.keys_changed': true,
    'tenant.stale': true,
    'tenant.unreachable': true,
    'tenant.recovered': true
  }
  const text = await readFile('docs/audit.md', 'utf8')
  const rows = text.split('\n').filter((line) => line.startsWith('|'))
  for (const event of Object.keys(events))
    t.ok(
      rows.some((row) => row.includes(`\`${event}\``)),
      event
    )
  for (const [, event = ''] of text.matchAll(/`(tenant\.[a-z_]+)`/g)) t.ok(event in events, event)
  for (const section of text.split('\n## ')) {
    const counts = section
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) => line.split('|').length)
    t.same(new Set(counts).size, counts.length > 0 ? 1 : 0, 'each row has the columns of its table')
  }
})

t.test('a value that is not a level throws at startup', async (t) => {
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
    await t.rejects(buildApi(t, { options: { tenantId, clientId, audit } }), {
      name: 'EntraConfigurationError',
      message
    })
  }
})
