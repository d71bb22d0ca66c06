/** The channels for metrics and traces: what their messages hold, and what they cost without a subscriber. */
import { tracingChannel } from 'node:diagnostics_channel'
import t from 'tap'
import {
  type FetchMessage,
  fetchChannelName,
  lookupChannelName,
  requireGroup,
  type VerificationEvent,
  verificationChannelName
} from '../../../src/plugin/index.js'
import { createVerifier } from '../../../src/plugin/verifier-index.js'
import { optionsFor, startApi } from '../../support/api.js'
import { heardOn } from '../../support/channel.js'
import { startTestTenant } from '../../support/tenant.js'

const tenant = await startTestTenant(t)
const options = optionsFor(tenant)

t.test('each verification: its outcome, its code, whether the token was cached, and how long it took', async (t) => {
  let revoked = false
  const routes = { '/any': {}, '/optional': { config: { auth: 'optional' } } } as const
  const { get, app } = await startApi(t, { tenant, options: { isRevoked: () => revoked }, routes })
  const [token, forged] = [await tenant.userToken(), `${(await tenant.userToken()).slice(0, -8)}AAAAAAAA`]
  await get('/any', token)
  const events = heardOn<VerificationEvent>(t, verificationChannelName)
  const said = async (path: string, sent?: string) => {
    events.length = 0
    await get(path, sent)
    return events.map(({ milliseconds, ...event }) => {
      t.ok(milliseconds >= 0)
      return event
    })
  }
  t.same(await said('/any', token), [{ outcome: 'accepted', known: false }])
  t.same(await said('/any', token), [{ outcome: 'accepted', known: true }])
  t.same(await said('/any', forged), [{ outcome: 'refused', code: 'invalid_signature', known: false }])
  t.same(await said('/any', 'garbage'), [{ outcome: 'refused', code: 'token_malformed', known: false }])
  t.same(await said('/any'), [{ outcome: 'refused', code: 'credentials_missing', known: false }])
  t.same(await said('/optional'), [], 'no token was sent')
  t.same(await said('/optional', token), [{ outcome: 'accepted', known: true }])
  events.length = 0
  await app.entra.verifyToken(token)
  await app.entra.verifyToken(forged).catch(() => {})
  await app.entra.verifyToken(7 as never).catch(() => {})
  t.same(
    events.map(({ outcome, known }) => [outcome, known]),
    [
      ['accepted', true],
      ['refused', false],
      ['refused', false]
    ]
  )
  revoked = true
  t.same(await said('/any', token), [{ outcome: 'refused', code: 'token_revoked', known: true }])
  events.length = 0
  await app.entra.verifyToken(token).catch(() => {})
  t.match(events, [{ outcome: 'refused', code: 'token_revoked', known: true }])
})

t.test('every request to the tenant is traced, by its origin alone', async (t) => {
  const seen: [string, FetchMessage & { error?: unknown; result?: unknown }][] = []
  const note = (what: string) => (message: object) => void seen.push([what, message as FetchMessage])
  const channel = tracingChannel(fetchChannelName)
  const listeners = {
    start: note('start'),
    end: note('end'),
    asyncStart: note('asyncStart'),
    asyncEnd: note('asyncEnd'),
    error: note('error')
  }
  channel.subscribe(listeners)
  t.teardown(() => channel.unsubscribe(listeners))
  const verifier = createVerifier(options)
  await verifier.ready()
  await verifier.close()
  t.equal(seen.filter(([what]) => what === 'asyncEnd').length, 4, 'two documents, and their keys')
  for (const [, { origin, method, result }] of seen) {
    t.same([origin, method], [tenant.origin, 'GET'])
    t.equal(result, undefined, 'no body')
  }
  seen.length = 0
  const down = createVerifier({ ...options, authority: 'http://127.0.0.1:9' })
  await down.ready()
  await down.close()
  t.ok(seen.some(([what, { error }]) => what === 'error' && error instanceof Error))
})

t.test('every lookup is traced, by its name alone, and an error as it would be logged', async (t) => {
  const seen: [string, Record<string, unknown>][] = []
  const note = (what: string) => (message: object) => void seen.push([what, { ...message }])
  const channel = tracingChannel(lookupChannelName)
  const listeners = { start: note('start'), end() {}, asyncStart() {}, asyncEnd: note('end'), error: note('error') }
  channel.subscribe(listeners)
  t.teardown(() => channel.unsubscribe(listeners))
  let fails = false
  const group = 'aaaaaaaa-bbbb-4ccc-8ddd-000000000001'
  const groups = async () => {
    if (fails) throw Object.assign(new Error(`no answer for ${token}`), { config: { token } })
    return [group]
  }
  const verifier = createVerifier({ ...options, groups })
  t.teardown(() => verifier.close())
  const token = await tenant.userToken({ _claim_names: { groups: 'src1' }, _claim_sources: {} })
  const user = await verifier.verify({ scheme: 'Bearer', token })
  await verifier.authorize(user, requireGroup(group))
  await verifier.authorize(user, requireGroup(group))
  t.same(seen, [
    ['start', { name: 'groups' }],
    ['end', { name: 'groups', result: undefined }]
  ])
  seen.length = 0
  fails = true
  const other = await verifier.verify({
    scheme: 'Bearer',
    token: await tenant.userToken({ oid: group, hasgroups: true })
  })
  await t.rejects(verifier.authorize(other, requireGroup(group)), { code: 'groups_unavailable' })
  t.same(
    seen.map(([what]) => what),
    ['start', 'error', 'end']
  )
  t.notOk(JSON.stringify(seen.map(([, { error }]) => [String(error), { ...Object(error) }])).includes(token.slice(-20)))
})
