import t from 'tap'
import { toRedis } from '../../../src/plugin/environment/redis-address.js'

t.test('where Redis is, by its URL', (t) => {
  const rows: [url: string, address: object][] = [
    ['redis://127.0.0.1', { host: '127.0.0.1', port: 6379, db: 0 }],
    ['redis://redis.example:6380/', { host: 'redis.example', port: 6380, db: 0 }],
    ['redis://[::1]:6380/15', { host: '::1', port: 6380, db: 15 }],
    ['rediss://redis.example/1', { host: 'redis.example', port: 6379, db: 1, tls: {} }],
    [
      'rediss://api:a%2Fb%3D%40:c@redis.example',
      { host: 'redis.example', port: 6379, db: 0, username: 'api', password: 'a/b=@:c', tls: {} }
    ],
    ['redis://:pass@redis.example', { host: 'redis.example', port: 6379, db: 0, password: 'pass' }]
  ]
  for (const [url, address] of rows) t.strictSame(toRedis('REDIS_URL', url), address, url)
  for (const unset of [undefined, '']) t.equal(toRedis('REDIS_URL', unset), undefined)
  t.end()
})

t.test('what cannot be read is an error that shows nothing of it', (t) => {
  const urls = [
    'secret',
    'http://:secret@redis.example',
    'redis://',
    'redis:secret',
    'redis://:secret@redis.example:99999',
    'redis://:secret%@redis.example',
    'redis://:sec/ret@redis.example/1',
    'redis://:secret@redis.example/one',
    'redis://:secret@redis.example/1/2',
    'redis://:secret@redis.example?family=6',
    'redis://:secret@redis.example/#secret'
  ]
  for (const url of urls) {
    try {
      toRedis('REDIS_URL', url)
      t.fail(url)
    } catch (error) {
      t.match(error, { name: 'EntraConfigurationError', message: /^REDIS_URL cannot be read; give / })
      t.notMatch((error as Error).message, /secret|sec|ret@/, url)
    }
  }
  t.end()
})
