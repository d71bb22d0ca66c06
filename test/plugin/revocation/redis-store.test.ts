/** Revocations in a real Redis: shared by instances, and an outage of it opens nothing. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cluster, Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { RedisRevocations, type RedisRevocationsOptions } from '../../../src/plugin/index.js'
import { until } from '../../faults/waits.js'
import { startApi } from '../../support/api.js'
import { processClock } from '../../support/clock.js'
import { parseChallenge } from '../../support/http.js'
import { clients, closing, needsRedis, startRedis } from '../../support/redis.js'
import { callerId, tenantId } from '../../support/tenant.js'

const caller = { tenantId, id: callerId }
const key = `fastify-entra:revoked:["${tenantId}","${callerId}"]`
const sessionKey = `fastify-entra:revoked:["${tenantId}","sid","a"]`
/** As it was written before sessions had an issuer. */
const formerKey = 'fastify-entra:revoked:["a"]'
/** Where a test is not about time: a busy machine may take longer than the default. */
const patient = { timeoutSeconds: 30 }
const holder = (claims: object = { iat: 1 }) => ({ ...caller, claims }) as never

async function start(t: Test, { isRevoked }: RedisRevocations, keysTimeoutSeconds = 5) {
  const { tenant, get, logged } = await startApi(t, { options: { isRevoked, keysTimeoutSeconds } })
  const ask = async (token: string) => {
    const started = performance.now()
    const { status, headers } = await get('/me', token)
    return { status, challenge: headers.get('www-authenticate'), seconds: (performance.now() - started) / 1000 }
  }
  return { tenant, ask, logged }
}

for (const [name, connect] of Object.entries(clients)) {
  t.test(`${name}: a second instance refuses what the first one revoked`, needsRedis, async (t) => {
    const redis = await startRedis(t)
    const [first, second] = [
      new RedisRevocations(connect(t, redis), patient),
      new RedisRevocations(connect(t, redis), patient)
    ]
    const [one, other] = [await start(t, first), await start(t, second)]
    const [oneToken, otherToken] = [await one.tenant.userToken(), await other.tenant.userToken({ xms_cc: ['cp1'] })]
    t.equal((await one.ask(oneToken)).status, 200)
    t.equal((await other.ask(otherToken)).status, 200)
    const revokedUntil = await first.revoke(caller)
    t.ok(Math.abs(revokedUntil.getTime() - Date.now()) < 5000)
    t.match(parseChallenge((await one.ask(oneToken)).challenge).parameters, { error: 'invalid_token' })
    const { parameters } = parseChallenge((await other.ask(otherToken)).challenge)
    t.match(parameters, { error: 'insufficient_claims', claims: /./ }, 'a client that understands it is challenged')
  })

  t.test(`${name}: Redis is killed: 503 at once; and is there again: it is asked again`, needsRedis, async (t) => {
    const redis = await startRedis(t)
    const revocations = new RedisRevocations(connect(t, redis))
    const { tenant, ask, logged } = await start(t, revocations)
    const token = await tenant.userToken()
    await until('Redis is connected', async () => (await ask(token)).status === 200)
    await redis.kill()
    for (let time = 0; time < 5; time += 1) {
      const { status, seconds } = await ask(token)
      t.equal(status, 503)
      t.ok(seconds < 45, `${seconds} s`)
    }
    // Somebody else: what was sent while it tried to connect may count once it has.
    await t.rejects(revocations.revoke({ ...caller, id: 'somebody else' }), { message: /^Redis / })
    t.match(logged(), 'isRevoked failed')
    await redis.start()
    await until('Redis is asked again', async () => (await ask(token)).status === 200)
    await revocations.revoke(caller)
    t.equal((await ask(token)).status, 401)
  })

  t.test(`${name}: Redis hangs: 503 in time, and soon without waiting`, needsRedis, async (t) => {
    const redis = await startRedis(t)
    const revocations = new RedisRevocations(connect(t, redis), { timeoutSeconds: 0.3 })
    const { tenant, ask } = await start(t, revocations)
    const token = await tenant.userToken()
    await until('Redis is connected', async () => (await ask(token)).status === 200)
    redis.halt()
    for (let time = 0; time < 5; time += 1) {
      const { status, seconds } = await ask(await tenant.userToken({ oid: `user-${time}` }))
      t.equal(status, 503)
      t.ok(seconds >= 0.29, `${seconds} s`)
    }
    await t.rejects(revocations.isRevoked(holder()), { message: 'Redis: the circuit breaker is open' })
    await t.rejects(revocations.revoke(caller), { message: /^Redis took longer than 0.3 seconds$/ })
    redis.goOn()
    await until('Redis is asked again', async () => (await ask(token)).status !== 503)
  })

  t.test(`${name}: the API's own deadline holds as well`, needsRedis, async (t) => {
    const redis = await startRedis(t)
    const { tenant, ask } = await start(t, new RedisRevocations(connect(t, redis), { timeoutSeconds: 60 }), 0.5)
    const token = await tenant.userToken()
    await until('Redis is connected', async () => (await ask(token)).status === 200)
    redis.halt()
    const { status, seconds } = await ask(token)
    t.equal(status, 503)
    t.ok(seconds < 45, `${seconds} s`)
  })

  t.test(`${name}: what is no time of a revocation is an error, and a revocation mends it`, needsRedis, async (t) => {
    const client = connect(t, await startRedis(t))
    const revocations = new RedisRevocations(client, patient)
    for (const nonsense of ['', 'yes', '0', '1e300', '9'.repeat(17), ' 1763760000.000000', '-763760000.000000']) {
      await client.set(key, nonsense)
      await t.rejects(revocations.isRevoked(holder()), { message: /did not return the time of a revocation/ }, nonsense)
      await revocations.revoke(caller)
      t.equal(await revocations.isRevoked(holder()), true, nonsense)
    }
    await client.del(key)
    await client.lpush(key, 'a list')
    await t.rejects(revocations.isRevoked(holder()), { message: /^Redis failed: .*WRONGTYPE/ })
    await t.rejects(revocations.revoke(caller), { message: /WRONGTYPE/ })
  })

  t.test(
    `${name}: one clock, that of Redis; no later time is lost; kept for the hours given`,
    needsRedis,
    async (t) => {
      const client = connect(t, await startRedis(t))
      const revocations = new RedisRevocations(client, { ...patient, keptHours: 2, keyPrefix: 'revoked ' })
      const { moveWall } = processClock(t)
      moveWall(3_600_000)
      const revokedUntil = (await revocations.revoke({ tenantId: 'x', sessionId: 'a' })).getTime()
      moveWall(-3_600_000)
      t.ok(revokedUntil < Date.now() + 60_000, 'the clock of the instance does not count')
      const key = 'revoked ["x","sid","a"]'
      t.same(await client.keys('*'), [key])
      const ttl = await client.ttl(key)
      t.ok(ttl > 7100 && ttl <= 7200, `${ttl} s`)
      const later = `${Math.floor(Date.now() / 1000) + 60}.000001`
      await client.set(key, later)
      t.equal((await revocations.revoke({ tenantId: 'x', sessionId: 'a' })).getTime(), Math.floor(Number(later) * 1000))
      t.equal(await client.get(key), later)
      t.ok((await client.ttl(key)) > 7100)
    }
  )

  t.test(
    `${name}: an answer is remembered where that is asked for, and never against its own revocation`,
    needsRedis,
    async (t) => {
      const redis = await startRedis(t)
      const options: RedisRevocationsOptions = { ...patient, freshSeconds: 60 }
      const [own, other] = [
        new RedisRevocations(connect(t, redis), options),
        new RedisRevocations(connect(t, redis), options)
      ]
      t.equal(await own.isRevoked(holder()), false)
      await other.revoke(caller)
      t.equal(await own.isRevoked(holder()), false, 'not seen for as long as it was allowed to be')
      t.equal(await own.isRevoked(holder({ iat: 1, sid: 'a' })), true, 'another question')
      await own.revoke({ tenantId, sessionId: 'b' })
      t.equal(await own.isRevoked(holder()), true)
      await redis.kill()
      t.equal(await own.isRevoked(holder()), true, 'and while Redis is down')
    }
  )
}

t.test('what an earlier version wrote of a session is honoured until it lapses', needsRedis, async (t) => {
  const client = clients.ioredis(t, await startRedis(t))
  const revocations = new RedisRevocations(client, { ...patient, freshSeconds: 0 })
  const isRevoked = (tenantId: string, iat: number) =>
    revocations.isRevoked({ tenantId, id: callerId, claims: { sid: 'a', iat } } as never)
  await client.set(formerKey, '1763760000.000000', 'EX', 3600)
  for (const issuer of [tenantId, 'https://provider.example'])
    t.same([await isRevoked(issuer, 1763760000), await isRevoked(issuer, 1763760001)], [true, false], issuer)
  await revocations.revoke({ tenantId, sessionId: 'a' })
  t.equal(await client.get(formerKey), '1763760000.000000', 'as it was')
  t.equal(await isRevoked(tenantId, 1763760001), true)
  await client.del(formerKey)
  t.same([await isRevoked(tenantId, 1), await isRevoked('https://provider.example', 1)], [true, false])
})

t.test(
  'one round trip: every key is sent before the first answer, and none that the token does not name',
  async (t) => {
    const sent: string[] = []
    const answers: (() => void)[] = []
    const get = (key: string) => {
      sent.push(key)
      return new Promise<null>((resolve) => answers.push(() => resolve(null)))
    }
    const revocations = new RedisRevocations({ status: 'ready', get, eval: async () => '' }, patient)
    for (const [claims, keys] of [
      [{ iat: 1 }, [key]],
      [{ iat: 1, sid: 7 }, [key]],
      [{ iat: 1, sid: 'a' }, [key, sessionKey, formerKey]]
    ] as const) {
      const asked = revocations.isRevoked(holder(claims))
      await until('all of them are sent', () => sent.length === keys.length)
      t.same(sent.splice(0), keys)
      for (const answer of answers.splice(0)) answer()
      t.equal(await asked, false)
    }
  }
)

t.test('a password is in no error and no log', needsRedis, async (t) => {
  const redis = await startRedis(t, '--requirepass', 'the-right-password')
  const { port } = redis
  for (const protocol of [2, 3] as const) {
    const client = closing(t, new Redis({ port, password: 'a-wrong-password', protocol }))
    const { tenant, ask, logged } = await start(t, new RedisRevocations(client))
    const token = await tenant.userToken()
    for (let time = 0; time < 3; time += 1) t.equal((await ask(token)).status, 503)
    t.match(logged(), 'isRevoked failed')
    t.notMatch(logged(), 'a-wrong-password')
  }
})

t.test('a client that connects at its first command', needsRedis, async (t) => {
  const { port } = await startRedis(t)
  const client = closing(t, new Redis({ port, lazyConnect: true }))
  t.equal(client.status, 'wait')
  t.equal(await new RedisRevocations(client, patient).isRevoked(holder({ sid: 'a' })), false)
})

t.test('a Cluster, where the keys of a user and of a session are in other slots', needsRedis, async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'redis-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const redis = await startRedis(t, '--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', '--dir', dir)
  const node = clients.ioredis(t, redis)
  await node.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
  await until('the cluster works', async () => String(await node.call('CLUSTER', 'INFO')).includes('cluster_state:ok'))
  await t.rejects(node.mget(key, sessionKey), { message: /CROSSSLOT/ }, 'they are')
  const revocations = new RedisRevocations(closing(t, new Cluster([{ host: '127.0.0.1', port: redis.port }])), patient)
  t.equal(await revocations.isRevoked(holder({ sid: 'a', iat: 1 })), false)
  await revocations.revoke({ tenantId, sessionId: 'a' })
  t.equal(await revocations.isRevoked(holder({ sid: 'a', iat: 1 })), true)
})

t.test('what is no client, and options out of their bounds', (t) => {
  const sound = { status: 'ready', get: async () => null, eval: async () => null }
  for (const client of [undefined, null, {}, 'redis://127.0.0.1', { ...sound, get: undefined }, { ...sound, eval: 1 }])
    t.throws(() => new RedisRevocations(client as never), {
      name: 'EntraConfigurationError',
      message: /^RedisRevocations got no Redis client; give/
    })
  const bad: [option: string, value: unknown][] = [
    ['keyPrefix', ''],
    ['keyPrefix', 7],
    ['timeoutSeconds', 0],
    ['timeoutSeconds', 61],
    ['timeoutSeconds', '1'],
    ['freshSeconds', -1],
    ['freshSeconds', 61]
  ]
  for (const [option, value] of bad)
    t.throws(() => new RedisRevocations(sound, { [option]: value }), {
      name: 'EntraConfigurationError',
      message: option
    })
  t.end()
})
