/** Users' tokens in a store that instances share, through MSAL's distributed cache plugin. */
import { once } from 'node:events'
import t from 'tap'
import { partitionOf } from '../../../src/plugin/downstream/encrypted-cache.js'
import { type RedisAddress, toRedis } from '../../../src/plugin/environment/redis-address.js'
import type { SharedTokenCache } from '../../../src/plugin/index.js'
import { connectRedis } from '../../../src/server/redis/redis.js'
import { cacheClient } from '../../../src/server/redis/redis-cache.js'
import { closing, needsRedis, startRedis } from '../../support/redis.js'
import { tenantId } from '../../support/tenant.js'
import { granted, secret, startDownstream } from '../../support/token-endpoint.js'

/** A store in memory, with the texts that it was given. */
function memory() {
  const texts = new Map<string, string>()
  const store: SharedTokenCache = {
    get: async (key) => texts.get(key) ?? '',
    set: async (key, text) => void texts.set(key, text)
  }
  return { texts, store }
}

/** Two instances with one store, one tenant of keys each: `sign` has both accept a token of the first one's. */
async function instances(t: Parameters<typeof startDownstream>[0], sharedCache: SharedTokenCache) {
  const downstream = { clientSecret: secret, sharedCache }
  const one = await startDownstream(t, (_form, count) => granted(`downstream-token-${count}`), { downstream })
  const authority = one.tenant.origin
  const two = await startDownstream(t, () => undefined, { downstream, authority })
  return { tenant: one.tenant, endpoint: one.endpoint, one: await one.start(), two: await two.start() }
}

t.test('a token that one instance fetched serves the others; nobody else’s does', async (t) => {
  const { texts, store } = memory()
  const { tenant, endpoint, one, two } = await instances(t, store)
  const caller = await tenant.userToken({ uti: 'one' })
  t.equal((await one.ask(caller)).body, 'downstream-token-1')
  t.equal((await two.ask(caller)).body, 'downstream-token-1')
  t.equal(endpoint.forms.length, 1)
  t.equal((await two.ask(await tenant.userToken({ uti: 'two' }))).body, 'downstream-token-2')
  t.equal(texts.size, 2)

  const kept = [...texts].flat().join('\n')
  t.match(kept, /^fastify-entra:obo:[0-9a-f-]{36}:[\w-]{43}$/m)
  for (const plain of ['downstream-token', 'AccessToken', tenantId, caller.slice(-16)])
    t.notMatch(kept, plain, 'who reads the store has no token')
})

t.test('a store that fails, hangs or was tampered with costs a request, and nothing else', async (t) => {
  const { texts, store } = memory()
  const { tenant, endpoint, one, two } = await instances(t, {
    get: (key) => store.get(key),
    set: (key, text) => store.set(key, text)
  })
  let caller = await tenant.userToken({ uti: 'tampered' })
  await one.ask(caller)
  for (const [key, text] of texts) texts.set(key, `${text.slice(0, -8)}AAAAAAA=`)
  t.equal((await two.ask(caller)).body, 'downstream-token-2')
  t.match(two.logged(), 'the shared token cache failed')
  const fails = () => Promise.reject(new Error('the store is away'))
  const hangs = () => new Promise<never>(() => {})
  for (const broken of [
    { get: fails, set: fails },
    { get: hangs, set: hangs }
  ]) {
    Object.assign(store, broken)
    caller = await tenant.userToken({ uti: String(endpoint.forms.length) })
    const count = endpoint.forms.length + 1
    t.equal((await one.ask(caller)).body, `downstream-token-${count}`)
    t.equal((await one.ask(caller)).body, `downstream-token-${count}`, 'remembered here')
  }
  t.match(one.logged(), 'the store is away')
})

t.test('a token that was refused is not taken from the store again', async (t) => {
  const { store } = memory()
  const downstream = { clientSecret: secret, sharedCache: store }
  const made = await startDownstream(t, (_form, count) => granted(`downstream-token-${count}`), { downstream })
  const insteadOf = 'downstream-token-1'
  made.app.get('/instead', async (request) =>
    request.onBehalfOf(['api://other/Read', 'api://other/Also'], { insteadOf })
  )
  const { ask, tenant } = await made.start()
  const caller = await tenant.userToken()
  t.equal((await ask(caller)).body, insteadOf)
  t.equal((await ask(caller, '/instead')).body, 'downstream-token-2')
})

t.test('a text that is cut off in its tag is none', async (t) => {
  const { texts, store } = memory()
  const warnings: object[] = []
  const log = { info: () => {}, warn: (about: object) => void warnings.push(about), error: () => {} }
  const { client } = partitionOf(store, 'prefix', 'assertion', log)
  await client.set('key', '')
  t.equal(await client.get('key'), '')
  t.same(warnings, [])
  texts.set(
    'key',
    Buffer.from(String(texts.get('key')), 'base64')
      .subarray(0, 16)
      .toString('base64')
  )
  t.equal(await client.get('key'), '')
  t.match(warnings, [{ reason: /tag/ }], 'refused, not read')
})

t.test('a Redis that refuses: the log has neither the sealed tokens nor their key', needsRedis, async (t) => {
  const { url } = await startRedis(t)
  const redis = closing(t, await connectRedis(toRedis('REDIS_URL', url) as RedisAddress))
  await once(redis, 'ready')
  const { tenant, one } = await instances(t, cacheClient(redis, { ttlSeconds: 60, keyPrefix: '' }))
  await redis.config('SET', 'maxmemory', '1')
  t.equal((await one.ask(await tenant.userToken())).body, 'downstream-token-1')
  t.match(one.logged(), /the shared token cache failed/)
  t.match(one.logged(), /OOM command not allowed/)
  t.notMatch(one.logged(), 'fastify-entra:obo:')
  t.notMatch(one.logged(), /[\w+/]{200}/, 'no sealed text')
})

t.test('instances share through a real Redis, until its entries expire', needsRedis, async (t) => {
  const { url } = await startRedis(t)
  const redis = closing(t, await connectRedis(toRedis('REDIS_URL', url) as RedisAddress))
  await once(redis, 'ready')
  const { tenant, endpoint, one, two } = await instances(t, cacheClient(redis, { ttlSeconds: 60, keyPrefix: '' }))
  const caller = await tenant.userToken()
  t.equal((await one.ask(caller)).body, 'downstream-token-1')
  t.equal((await two.ask(caller)).body, 'downstream-token-1')
  t.equal(endpoint.forms.length, 1)
  const [key = '', ...others] = await redis.keys('*')
  t.match(key, /^fastify-entra:obo:/)
  t.same(others, [])
  t.ok((await redis.ttl(key)) > 0)
  t.notMatch(await redis.get(key), 'downstream-token')
})
