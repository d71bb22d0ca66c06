/** Where MSAL keeps tokens, in a real Redis: stored, read, expired, and failing as Redis does. */
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { toRedis } from '../../../src/plugin/environment/redis-address.js'
import { connectRedis } from '../../../src/server/redis/redis.js'
import { cacheClient } from '../../../src/server/redis/redis-cache.js'
import { until } from '../../faults/waits.js'
import { closing, needsRedis, startRedis } from '../../support/redis.js'

async function connected(t: Test, url: string) {
  const redis = closing(t, await connectRedis(toRedis('REDIS_URL', url) ?? { host: '', port: 0, db: 0 }))
  await once(redis, 'ready')
  return redis
}

t.test('instances share what one of them stored, until it expires', needsRedis, async (t) => {
  const { url } = await startRedis(t)
  const redis = await connected(t, url)
  const cache = cacheClient(redis, { ttlSeconds: 1, keyPrefix: 'obo:' })
  const other = cacheClient(await connected(t, url), { ttlSeconds: 1, keyPrefix: 'obo:' })
  t.equal(await cache.get('user'), '', 'nothing yet')
  const entry = JSON.stringify({ AccessToken: { secret: 'ü\u0000"' } })
  t.equal(await cache.set('user', entry), entry)
  t.equal(await other.get('user'), entry)
  t.equal(await other.get('another'), '')
  t.same(await redis.keys('*'), ['obo:user'])
  await until('the entry to expire', async () => (await other.get('user')) === '')
  t.same(await redis.keys('*'), [])
})

t.test('what Redis cannot do is an error, and comes in time', needsRedis, async (t) => {
  const server = await startRedis(t)
  const redis = await connected(t, server.url)
  const cache = cacheClient(redis, { ttlSeconds: 60, keyPrefix: 'obo:' })
  await redis.lpush('obo:list', 'x')
  await t.rejects(cache.get('list'), { message: /WRONGTYPE/ })
  server.halt()
  await t.rejects(cache.get('user'), { message: 'Command timed out' })
  await t.rejects(cache.set('user', '{}'), { message: 'Command timed out' })
  server.goOn()
  await until('Redis answers again', () =>
    cache.get('nobody').then(
      () => true,
      () => false
    )
  )
  await server.kill()
  await t.rejects(cache.get('user'))
  await t.rejects(cache.set('user', '{}'))
})
