/** The stores for `isRevoked`: one rule, whether it is kept in the memory of a process, or in Redis through either client. */
import t, { type Test } from 'tap'
import { type IsRevoked, RedisRevocations, Revocations, type Revoked } from '../../../src/plugin/index.js'
import { startApi } from '../../support/api.js'
import { processClock } from '../../support/clock.js'
import { clients, needsRedis, startRedis } from '../../support/redis.js'
import { callerId, clientId, seconds, tenantId } from '../../support/tenant.js'

interface Store {
  readonly isRevoked: IsRevoked
  revoke(who: Revoked): unknown
}

const redis = (client: keyof typeof clients) => ({
  ...needsRedis,
  make: async (t: Test): Promise<Store> =>
    new RedisRevocations(clients[client](t, await startRedis(t)), { timeoutSeconds: 30 })
})
const stores = {
  memory: { skip: false as const, make: async (): Promise<Store> => new Revocations() },
  ioredis: redis('ioredis'),
  iovalkey: redis('iovalkey')
}

async function start(t: Test, isRevoked: IsRevoked) {
  const { tenant, outcome } = await startApi(t, { options: { isRevoked } })
  return { tenant, ask: (token: string) => outcome('/me', token) }
}

/** A user with a token that is as good as these claims. */
const holder = (claims: object, id = callerId) => ({ tenantId, id, claims }) as never

for (const [name, { skip, make }] of Object.entries(stores)) {
  t.test(`${name}: everything issued until then, for a user or a session`, { skip }, async (t) => {
    const revocations = await make(t)
    const { tenant, ask } = await start(t, revocations.isRevoked)
    const [early, late] = [{ iat: seconds() - 60 }, { iat: seconds() + 30 }] // within the clock tolerance
    const one = await tenant.userToken({ ...early, sid: 'session-1' })
    const other = await tenant.userToken({ ...early, sid: 'session-2' })
    const somebody = await tenant.userToken({ ...early, oid: clientId, sid: 'session-3' })
    for (const token of [one, other, somebody]) t.equal(await ask(token), '200')
    await revocations.revoke({ tenantId, sessionId: 'session-1' })
    t.equal(await ask(one), '401 token_revoked')
    t.equal(await ask(other), '200', 'another session of the user')
    await revocations.revoke({ tenantId, id: callerId })
    t.equal(await ask(other), '401 token_revoked')
    t.equal(await ask(somebody), '200', 'another user')
    t.equal(await ask(await tenant.userToken({ ...late, sid: 'session-1' })), '200', 'issued since then')
    t.equal(await ask(await tenant.userToken({ ...late, nbf: undefined })), '200')
    await revocations.revoke({ tenantId: clientId, id: clientId })
    t.equal(await ask(somebody), '200', 'the same ID in another tenant')
  })

  t.test(
    `${name}: iat and nbf of Entra lie five minutes before issuance, so a new sign-in is refused for as long`,
    {
      skip
    },
    async (t) => {
      const revocations = await make(t)
      await revocations.revoke({ tenantId, id: callerId })
      const revokedAt = seconds()
      const issuedAt = (secondsLater: number) => holder({ iat: revokedAt + secondsLater - 300 })
      for (const later of [1, 60, 298]) t.equal(await revocations.isRevoked(issuedAt(later)), true, `${later} s later`)
      t.equal(await revocations.isRevoked(issuedAt(302)), false)
    }
  )

  t.test(`${name}: a token that does not say when it was issued counts as older`, { skip }, async (t) => {
    const revocations = await make(t)
    for (const claims of [{}, { iat: '9999999999' }]) t.equal(await revocations.isRevoked(holder(claims)), false)
    await revocations.revoke({ tenantId, id: callerId })
    for (const claims of [{}, { iat: '9999999999' }]) t.equal(await revocations.isRevoked(holder(claims)), true)
  })

  t.test(`${name}: GUIDs are case-insensitive, and what can never match is an error`, { skip }, async (t) => {
    const revocations = await make(t)
    const isRevoked = async (id: string) => revocations.isRevoked(holder({ iat: 1 }, id))
    await revocations.revoke({ tenantId: tenantId.toUpperCase(), id: callerId.toUpperCase() })
    t.equal(await isRevoked(callerId), true)
    await revocations.revoke({ tenantId, id: 'User' })
    t.equal(await isRevoked('user'), false, 'other identifiers have one')
    const never = [
      {},
      { tenantId },
      { tenantId, id: '' },
      { sessionId: undefined },
      { tenantId, sessionId: undefined },
      { tenantId, sessionId: '' },
      { tenantId, sessionId: 7 },
      { tenantId: '', sessionId: 's' },
      { tenantId: 7, sessionId: 's' },
      { id: 7, tenantId },
      { tenantId, id: callerId, sessionId: 's' },
      ...[undefined, null, 's', 7, [tenantId, 's']]
    ]
    for (const who of never)
      await t.rejects(
        async () => revocations.revoke(who as never),
        { name: 'EntraConfigurationError' },
        JSON.stringify(who)
      )
  })

  t.test(`${name}: a user, a session and their parts cannot be taken for each other`, { skip }, async (t) => {
    const revocations = await make(t)
    const isRevoked = async (tenantId: string, id: string, sid: string) =>
      revocations.isRevoked({ tenantId, id, claims: { sid, iat: 1 } } as never)
    await revocations.revoke({ tenantId: 'a"', id: ',b' })
    t.equal(await isRevoked('a"', ',b', 's'), true)
    t.equal(await isRevoked('a",', 'b', 's'), false)
    t.equal(await isRevoked('x', 'y', '["a\\"",",b"]'), false)
    await revocations.revoke({ tenantId: 'a', sessionId: 'b' })
    t.equal(await isRevoked('a', 'x', 'b'), true)
    t.equal(await isRevoked('a', 'b', 's'), false, 'an ID that is the sid of somebody')
    t.equal(await isRevoked('a', 'sid', 's'), false)
    t.equal(await isRevoked('b', 'x', 'a'), false)
    t.equal(await isRevoked('a', '["a","sid","b"]', '"sid","b"'), false)
    await revocations.revoke({ tenantId: 'c', id: 'd' })
    t.equal(await isRevoked('c', 'x', 'd'), false, 'a sid that is the ID of somebody')
  })

  t.test(`${name}: a session is one issuer’s`, { skip }, async (t) => {
    const revocations = await make(t)
    const isRevoked = async (tenantId: string, sid: string) =>
      revocations.isRevoked({ tenantId, id: callerId, claims: { sid, iat: 1 } } as never)
    const provider = 'https://provider.example'
    await revocations.revoke({ tenantId: provider, sessionId: 's' })
    t.equal(await isRevoked(provider, 's'), true)
    for (const other of [tenantId, clientId, `${provider}/`, 'https://other.example', 'undefined'])
      t.equal(await isRevoked(other, 's'), false, other)
    await revocations.revoke({ tenantId: tenantId.toUpperCase(), sessionId: clientId.toUpperCase() })
    t.equal(await isRevoked(tenantId, clientId), true, 'GUIDs have no case')
    t.equal(await isRevoked(callerId, clientId), false, 'the same session ID in another directory')
  })

  t.test(`${name}: a session without its issuer is an error that says what to give`, { skip }, async (t) => {
    const revocations = await make(t)
    for (const who of [{ sessionId: 's' }, { sessionId: 's', tenantId: undefined }, { sessionId: '' }])
      await t.rejects(async () => revocations.revoke(who as never), {
        name: 'EntraConfigurationError',
        message: /give \{ tenantId, sessionId \}, .*the directory \(tenant\) ID, or the issuer of another provider$/
      })
    t.equal(await revocations.isRevoked(holder({ sid: 's', iat: 1 })), false)
  })

  t.test(`${name}: own members only`, { skip }, async (t) => {
    const revocations = await make(t)
    const polluted = { sessionId: 'a', sid: 'a', iat: 4_000_000_000, id: 'a', tenantId: 'a' }
    t.teardown(() => {
      for (const name of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, name)
    })
    Object.assign(Object.prototype, polluted)
    await t.rejects(async () => revocations.revoke({} as never), { name: 'EntraConfigurationError' })
    await revocations.revoke({ tenantId, id: callerId })
    t.equal(await revocations.isRevoked(holder({})), true, 'issued at a time that is not said')
    await revocations.revoke({ tenantId, sessionId: 'a' })
    t.equal(await revocations.isRevoked(holder({}, clientId)), false, 'of no session')
  })

  t.test(`${name}: done again, more is taken back, and never less`, { skip }, async (t) => {
    const revocations = await make(t)
    const revokedUntil = async () => {
      const now = Date.now() / 1000
      const times = Array.from({ length: 400 }, (_, i) => now - 20 + i / 10)
      const revoked = await Promise.all(times.map((iat) => revocations.isRevoked(holder({ iat }))))
      return times[revoked.lastIndexOf(true)] ?? 0
    }
    await revocations.revoke({ tenantId, id: callerId })
    const first = await revokedUntil()
    t.ok(Math.abs(first - seconds()) < 5, 'until about now')
    while ((await revokedUntil()) <= first + 0.2) await revocations.revoke({ tenantId, id: callerId })
    const second = await revokedUntil()
    t.ok(second > first)
  })

  const bad = [{ keptHours: 0 }, { keptHours: '29' }, { keptHours: 10_001 }]
  t.test(`${name}: bounds of the options`, { skip }, (t) => {
    const make = (options: object) =>
      name === 'memory' ? new Revocations(options) : new RedisRevocations({ get() {}, eval() {} } as never, options)
    for (const options of bad) t.throws(() => make(options), { name: 'EntraConfigurationError' })
    t.doesNotThrow(() => make({ keptHours: 48 }))
    t.end()
  })
}

t.test('memory: after the wall clock was set back, a revoked token stays revoked', (t) => {
  const revocations = new Revocations()
  const iat = Date.now() / 1000 - 10
  revocations.revoke({ tenantId, id: callerId })
  processClock(t).moveWall(-60_000)
  revocations.revoke({ tenantId, id: callerId })
  t.equal(revocations.isRevoked(holder({ iat })), true)
  t.end()
})

t.test(
  'memory: maxRevoked and keptHours; no revocation is dropped to make room, and each is kept as long as tokens live',
  async (t) => {
    const revocations = new Revocations({ maxRevoked: 2, keptHours: 48 })
    const is = (sid: string) => revocations.isRevoked({ tenantId, id: callerId, claims: { sid, iat: 1 } } as never)
    revocations.revoke({ tenantId, sessionId: 'a' })
    revocations.revoke({ tenantId, sessionId: 'b' })
    revocations.revoke({ tenantId, sessionId: 'a' })
    t.throws(() => revocations.revoke({ tenantId, sessionId: 'c' }), { message: /no room for more than 2/ })
    t.same(['a', 'b', 'c'].map(is), [true, true, false])
    const { advance } = processClock(t)
    const goOn = (hours: number) => {
      advance(hours * 3_600_000)
      return new Promise((done) => setTimeout(done, 10)) // the store looks at the clock once in a millisecond
    }
    await goOn(47)
    t.equal(is('a'), true)
    await goOn(2)
    t.equal(is('a'), false)
    revocations.revoke({ tenantId, sessionId: 'c' })
    t.equal(is('c'), true)
    for (const options of [{ maxRevoked: 0 }, { keptHours: 0 }, { keptHours: '29' }])
      t.throws(() => new Revocations(options as never), { name: 'EntraConfigurationError' })
  }
)
