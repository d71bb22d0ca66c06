/** A process whose timers and monotonic clock stand still for a time: a machine that sleeps, a serverless function between two requests. */
import t from 'tap'
import type { KeySet } from '../../../src/plugin/keys/jwks.js'
import { type KeyChange, KeyNews } from '../../../src/plugin/keys/key-events.js'
import { KeyStore } from '../../../src/plugin/keys/key-store.js'
import { isRefusal } from '../../../src/plugin/refusals/refusal.js'
import { FakeClock, settle } from '../../support/clock.js'
import { recordingLogger } from '../../support/log.js'

const [second, hour] = [1000, 3600_000]
const timings = { refreshSeconds: 3600, cooldownSeconds: 30, maxStaleSeconds: 86_400 }

function keySet(...kids: string[]): KeySet {
  const keys = kids.map((kid) => ({ kid, pem: `PEM of ${kid}`, algorithms: ['RS256'] as const }))
  return { keys, dropped: 0, unread: 0, unsupported: [] }
}

const outcome = (found: unknown) => (isRefusal(found) ? found.status : 'key')

/** A store that fetched `a`, from a tenant that the test answers for. */
async function started() {
  const clock = new FakeClock()
  const tenant = { loads: 0, answer: (): Promise<KeySet> => Promise.resolve(keySet('a')) }
  const load = () => {
    tenant.loads += 1
    return tenant.answer()
  }
  const store = new KeyStore(load, timings, clock, new KeyNews(recordingLogger(), () => {}))
  await store.start()
  return { clock, tenant, store, ask: async (kid: string) => outcome(await store.find(kid, 'RS256')) }
}

const down = () => Promise.reject(new Error('the tenant is down'))

t.test('frozen for less than keysMaxStaleSeconds: keys are used, and fetched again meanwhile', async (t) => {
  const { clock, tenant, store } = await started()
  clock.freeze(hour)
  t.equal(outcome(store.find('a', 'RS256')), 'key')
  t.equal(tenant.loads, 1, 'on time: nothing is overdue yet')
  clock.freeze(second)
  t.match(store.find('a', 'RS256'), { kid: 'a' }, 'at once')
  t.equal(tenant.loads, 2, 'overdue')
  t.match(store.find('a', 'RS256'), { kid: 'a' })
  await settle()
  t.equal(tenant.loads, 2, 'once')
  t.match(store.status, { state: 'fresh', ageSeconds: 0 })
  await clock.advance(hour)
  t.equal(tenant.loads, 3, 'and again an hour later')
})

t.test('a token of the cache notices it as well', async (t) => {
  const { clock, tenant, store } = await started()
  clock.freeze(2 * hour)
  t.match(store.peek('a', 'RS256'), { kid: 'a' })
  t.equal(tenant.loads, 2)
})

t.test('frozen for longer: the keys are not used, and all who come wait for new ones', async (t) => {
  const { clock, tenant, store, ask } = await started()
  clock.freeze(24 * hour + 1)
  t.match(store.status, { state: 'cold', keys: 0, ageSeconds: 86_400 })
  t.equal(store.held, undefined)
  tenant.answer = () => Promise.resolve(keySet('b'))
  t.equal(store.peek('a', 'RS256'), undefined)
  t.same(await Promise.all([ask('a'), ask('b'), ask('a')]), [401, 'key', 401], 'also of a key that left')
  t.equal(tenant.loads, 2)
})

t.test('the same, while the tenant is down: those who wait get 503, and later ones at once', async (t) => {
  const { clock, tenant, store, ask } = await started()
  tenant.answer = down
  clock.freeze(48 * hour)
  t.same(await Promise.all([ask('a'), ask('a')]), [503, 503])
  t.notOk(store.find('a', 'RS256') instanceof Promise)
  t.match(await store.find('a', 'RS256'), { retryAfterSeconds: 1 })
  tenant.answer = () => Promise.resolve(keySet('a'))
  await clock.advance(3 * second)
  t.equal(await ask('a'), 'key', 'retries go on')
})

t.test('exactly keysMaxStaleSeconds', async (t) => {
  const { clock, tenant, store } = await started()
  tenant.answer = () => new Promise(() => {})
  clock.freeze(24 * hour)
  t.equal(outcome(store.find('a', 'RS256')), 'key')
})

t.test('an unknown kid: the time in which nothing happened counts for the cooldown', async (t) => {
  const { clock, tenant, ask } = await started()
  t.equal(await ask('x'), 401)
  t.equal(await ask('y'), 401)
  t.equal(tenant.loads, 2, 'within the cooldown')
  clock.freeze(30 * second)
  tenant.answer = () => Promise.resolve(keySet('a', 'y'))
  t.equal(await ask('y'), 'key')
  t.equal(tenant.loads, 3)
})

t.test('a wall clock that is set back neither makes keys younger nor delays a refresh', async (t) => {
  const { clock, tenant, store, ask } = await started()
  clock.freeze(-48 * hour)
  t.match(store.status, { ageSeconds: 0 })
  await clock.advance(hour)
  t.equal(tenant.loads, 2)
  tenant.answer = down
  await clock.advance(24 * hour + 1)
  t.equal(await ask('a'), 503)
})

t.test('a store that is closed, or has not started, fetches nothing', async (t) => {
  const { clock, tenant, store } = await started()
  store.close()
  clock.freeze(2 * hour)
  t.equal(outcome(store.find('a', 'RS256')), 'key')
  t.equal(tenant.loads, 1)
  const idle = new KeyStore(down, timings, clock, new KeyNews(recordingLogger(), () => {}))
  clock.freeze(2 * hour)
  t.equal(outcome(idle.find('a', 'RS256')), 503)
})

t.test('preloaded keys', async (t) => {
  const clock = new FakeClock()
  const tenant = { loads: 0, answer: down as () => Promise<KeySet> }
  const load = () => {
    tenant.loads += 1
    return tenant.answer()
  }
  const told: KeyChange[] = []
  const news = new KeyNews(recordingLogger(), (change) => void told.push(change))
  const store = new KeyStore(load, timings, clock, news)
  store.preload({ ...keySet('a'), unread: 3 }, clock.wall() - 23 * hour)
  t.same(told, [{ event: 'tenant.ready', keys: ['a'], unread: 3, preloaded: true }])
  t.same(store.status, { state: 'stale', keys: 1, ageSeconds: 23 * 3600, preloaded: true })
  await store.start()
  t.equal(tenant.loads, 1, 'a refresh begins at once')
  t.equal(outcome(store.find('a', 'RS256')), 'key')
  await clock.advance(hour)
  t.equal(outcome(store.find('a', 'RS256')), 'key', 'exactly a day old')
  await clock.advance(1)
  t.equal(outcome(store.find('a', 'RS256')), 503, 'and too old')
  t.same(store.status, { state: 'cold', keys: 0, ageSeconds: 86_400, lastError: 'the tenant is down' })
  tenant.answer = () => Promise.resolve(keySet('b'))
  await clock.advance(5 * second)
  t.equal(outcome(store.find('b', 'RS256')), 'key')
  t.same(store.status.state, 'fresh')
  // Whether an attempt fell between the end of the keys and the tenant's return is up to the jitter.
  t.same(
    told.slice(1).filter(({ event }) => event !== 'tenant.unreachable'),
    [
      { event: 'tenant.stale', reason: 'the tenant is down' },
      { event: 'tenant.recovered' },
      { event: 'tenant.keys_changed', added: ['b'], removed: ['a'] }
    ]
  )
  t.notOk('preloaded' in store.status)
})
