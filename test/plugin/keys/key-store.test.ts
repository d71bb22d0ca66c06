import t from 'tap'
import { MetadataMismatchError } from '../../../src/plugin/keys/discovery.js'
import type { KeySet } from '../../../src/plugin/keys/jwks.js'
import { type KeyChange, KeyNews } from '../../../src/plugin/keys/key-events.js'
import { KeyStore } from '../../../src/plugin/keys/key-store.js'
import type { KeyTimings } from '../../../src/plugin/keys/timings.js'
import { isRefusal } from '../../../src/plugin/refusals/refusal.js'
import { FakeClock, settle } from '../../support/clock.js'
import { recordingLogger } from '../../support/log.js'

/** The defaults of the contract: KEYS_REFRESH_SECONDS, KEYS_COOLDOWN_SECONDS, KEYS_MAX_STALE_SECONDS. */
const defaults: KeyTimings = { refreshSeconds: 3600, cooldownSeconds: 30, maxStaleSeconds: 86_400 }
const down = () => Promise.reject(new Error('the tenant is down'))

function keySet(...kids: string[]): KeySet {
  return {
    keys: kids.map((kid) => ({ kid, pem: `PEM of ${kid}`, algorithms: ['RS256'] })),
    dropped: 0,
    unread: 0,
    unsupported: []
  }
}

/** A store over a load that the test answers for. */
function makeStore(timings: Partial<KeyTimings> = {}) {
  const clock = new FakeClock()
  const log = recordingLogger()
  const tenant = { loads: 0, at: [] as number[], answer: (): Promise<KeySet> => Promise.resolve(keySet('a')) }
  const load = () => {
    tenant.loads += 1
    tenant.at.push(clock.now())
    return tenant.answer()
  }
  const told: KeyChange[] = []
  const news = new KeyNews(log, (change) => void told.push(change))
  const store = new KeyStore(load, { ...defaults, ...timings }, clock, news)
  /** What a request with this `kid` is told: `key`, or the status of its refusal. */
  const ask = async (kid: string) => outcome(await store.find(kid, 'RS256'))
  const refused = async (kid: string) => {
    const found = await store.find(kid, 'RS256')
    return isRefusal(found) ? found : undefined
  }
  return { clock, log, told, tenant, store, ask, refused }
}

async function started(timings: Partial<KeyTimings> = {}) {
  const made = makeStore(timings)
  await made.store.start()
  return made
}

function outcome(found: unknown): 'key' | number {
  return isRefusal(found) ? found.status : 'key'
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

t.test('one fetch at start, and one each hour in the background', async (t) => {
  const { clock, tenant, store } = makeStore()
  t.equal(tenant.loads, 0, 'nothing before start()')
  await store.start()
  t.equal(tenant.loads, 1)
  await clock.advance(3600_000 - 1)
  t.equal(tenant.loads, 1, 'just too early')
  await clock.advance(1)
  t.equal(tenant.loads, 2, 'just in time')
  await clock.advance(3600_000 * 24)
  t.equal(tenant.loads, 26, 'and on, for a day')
})

t.test('start() resolves after the first try, whatever came of it', async (t) => {
  const { tenant, store } = makeStore()
  tenant.answer = down
  await t.resolves(store.start())
  t.equal(tenant.loads, 1)
})

t.test('a key that is held is answered at once, without a promise and without a fetch', async (t) => {
  const { tenant, store } = await started()
  const found = store.find('a', 'RS256')
  t.notOk(found instanceof Promise)
  t.match(found, { kid: 'a', pem: 'PEM of a' })
  t.equal(tenant.loads, 1)
})

t.test('single flight', async (t) => {
  t.test('an unknown kid asks for one refresh, shared by all who wait', async (t) => {
    const { tenant, store } = await started()
    const answer = deferred<KeySet>()
    tenant.answer = () => answer.promise
    const waiting = Array.from({ length: 1000 }, (_, i) => store.find(i % 2 ? 'b' : 'nobody', 'RS256'))
    t.equal(tenant.loads, 2)
    answer.resolve(keySet('a', 'b'))
    const outcomes = (await Promise.all(waiting)).map(outcome)
    t.equal(outcomes.filter((each) => each === 'key').length, 500, 'the new key is found by all who asked for it')
    t.equal(outcomes.filter((each) => each === 401).length, 500, 'each gets the answer for its own kid')
    t.equal(tenant.loads, 2)
  })

  t.test('who comes during the background refresh joins it', async (t) => {
    const { clock, tenant, store } = await started()
    const answer = deferred<KeySet>()
    tenant.answer = () => answer.promise
    await clock.advance(3600_000)
    const waiting = store.find('b', 'RS256')
    t.equal(tenant.loads, 2)
    answer.resolve(keySet('b'))
    t.equal(outcome(await waiting), 'key')
    t.equal(tenant.loads, 2)
  })

  t.test('a background refresh that falls into an asked-for one joins it, and goes on an hour later', async (t) => {
    const { clock, tenant, store } = await started()
    const answer = deferred<KeySet>()
    await clock.advance(3600_000 - 1)
    tenant.answer = () => answer.promise
    const waiting = store.find('b', 'RS256')
    await clock.advance(1)
    t.equal(tenant.loads, 2)
    answer.resolve(keySet('a'))
    await waiting
    await clock.advance(3600_000)
    t.equal(tenant.loads, 3)
  })
})

t.test('cooldown: least time between two refreshes asked for by unknown kids', async (t) => {
  const { clock, tenant, ask } = await started()
  t.equal(await ask('x'), 401, 'asks for one')
  t.equal(tenant.loads, 2)
  t.equal(await ask('y'), 401, 'and the next is answered without')
  await clock.advance(29_999)
  t.equal(await ask('z'), 401)
  t.equal(tenant.loads, 2, 'just too little')
  await clock.advance(1)
  t.equal(await ask('z'), 401)
  t.equal(tenant.loads, 3, 'just enough')
})

t.test('a rotated key is found by the first request that names it', async (t) => {
  const { clock, tenant, ask } = await started()
  await clock.advance(1)
  tenant.answer = () => Promise.resolve(keySet('a', 'new'))
  t.equal(await ask('new'), 'key')
  t.equal(tenant.loads, 2)
})

t.test('10,000 random unknown kids over ten minutes cost no more than one refresh per cooldown', async (t) => {
  const { clock, tenant, ask } = await started()
  for (let i = 0; i < 10_000; i += 1) {
    if (i % 100 === 0) await clock.advance(6000)
    const answer = await ask(`unknown-${i}-${Math.random()}`)
    if (answer !== 401) t.fail(`answered ${answer}`)
  }
  t.ok(tenant.loads <= 1 + 1 + 600 / 30, `${tenant.loads} loads`)
  t.ok(tenant.loads > 2, 'but a refresh can be asked for again')
})

t.test('10,000 unknown kids against a tenant that is down: no more than one per cooldown either', async (t) => {
  const { clock, tenant, ask } = await started()
  tenant.answer = down
  for (let i = 0; i < 10_000; i += 1) {
    if (i % 100 === 0) await clock.advance(6000)
    const answer = await ask(`unknown-${i}`)
    if (answer !== 503) t.fail(`answered ${answer}`)
  }
  t.ok(tenant.loads <= 1 + 1 + 600 / 30, `${tenant.loads} loads`)
})

t.test('a refresh that was asked for and failed: none but one per cooldown', async (t) => {
  const { clock, tenant, ask } = await started()
  tenant.answer = down
  await Promise.all(Array.from({ length: 100 }, (_, i) => ask(`x${i}`)))
  t.equal(tenant.loads, 2)
  await clock.advance(29_999)
  await Promise.all(Array.from({ length: 100 }, (_, i) => ask(`y${i}`)))
  t.equal(tenant.loads, 2, 'just too early')
  await clock.advance(1)
  await ask('z')
  t.equal(tenant.loads, 3, 'just in time')
})

t.test('a failed refresh never replaces a good set', async (t) => {
  const { clock, tenant, ask } = await started()
  tenant.answer = down
  t.equal(await ask('x'), 503, 'one that was asked for')
  t.equal(await ask('a'), 'key')
  await clock.advance(3600_000 * 3)
  t.ok(tenant.loads > 2, 'one in the background')
  t.equal(await ask('a'), 'key')
})

t.test('a key that left the set is refused from then on', async (t) => {
  const { clock, tenant, ask, refused } = await started()
  tenant.answer = () => Promise.resolve(keySet('b'))
  await clock.advance(3600_000)
  t.equal(tenant.loads, 2)
  t.match(await refused('a'), { status: 401, code: 'unknown_key' })
  t.equal(await ask('b'), 'key')
  tenant.answer = down
  await clock.advance(30_000)
  t.equal(await ask('a'), 503, 'and does not come back when the tenant is down: its state is unknown')
})

t.test('a key that left the set is refused at once after a refresh that somebody else asked for', async (t) => {
  const { tenant, ask } = await started()
  tenant.answer = () => Promise.resolve(keySet('b'))
  t.equal(await ask('b'), 'key')
  t.equal(await ask('a'), 401)
})

t.test('how long the last good set serves an outage', async (t) => {
  t.test('just short enough, just too long', async (t) => {
    const { clock, tenant, ask, refused } = await started()
    tenant.answer = down
    await clock.advance(86_400_000)
    t.equal(await ask('a'), 'key', 'just short enough')
    await clock.advance(1)
    t.match(await refused('a'), { status: 503, code: 'tenant_unavailable' }, 'just too long')
    const { retryAfterSeconds = 0 } = (await refused('a')) ?? {}
    t.ok(Number.isInteger(retryAfterSeconds) && retryAfterSeconds >= 1, `Retry-After: ${retryAfterSeconds}`)
  })

  t.test('its age counts from the last good answer', async (t) => {
    const { clock, tenant, ask } = await started()
    await clock.advance(3600_000 * 5)
    tenant.answer = down
    await clock.advance(86_400_000)
    t.equal(await ask('a'), 'key')
    await clock.advance(1)
    t.equal(await ask('a'), 503)
  })

  t.test('a healthy tenant is no outage: a bound below the hour between two refreshes closes nothing', async (t) => {
    // the contract: 503 is for "no usable key and the tenant cannot be reached".
    const { clock, ask } = await started({ maxStaleSeconds: 60 })
    await clock.advance(61_000)
    t.equal(await ask('a'), 'key')
    await clock.advance(600_000)
    t.equal(await ask('a'), 'key')
  })
})

t.test('back-off', async (t) => {
  /** KEYS_* as the README has them: ready again within 5 s where there are no keys. */
  const jitters = [
    { name: 'the shortest jitter', random: 0 },
    { name: 'the longest jitter', random: 0.999_999 }
  ]
  const gapsOf = (at: readonly number[]) => at.slice(1).map((time, i) => time - (at[i] ?? 0))

  for (const { name, random } of jitters) {
    t.test(`cold, ${name}`, async (t) => {
      t.intercept(Math, 'random', { value: () => random })
      const { clock, tenant, store } = makeStore()
      tenant.answer = down
      await store.start()
      await clock.advance(600_000)
      const gaps = gapsOf(tenant.at)
      t.ok(gaps.length > 0 && Math.max(...gaps) <= 5000, `at least every 5 s; the longest is ${Math.max(...gaps)} ms`)
      t.ok((gaps[0] ?? 0) <= 1000, `the first retry comes soon: ${gaps[0]} ms`)
      t.ok(Math.min(...gaps.slice(5)) >= 1000, `but a dead tenant is not hammered: ${Math.min(...gaps.slice(5))} ms`)
    })

    t.test(`warm, ${name}`, async (t) => {
      t.intercept(Math, 'random', { value: () => random })
      const { clock, tenant } = await started()
      tenant.answer = down
      await clock.advance(3600_000 * 2)
      const gaps = gapsOf(tenant.at).slice(1)
      t.ok(Math.max(...gaps) <= 60_000, `at least every minute; the longest is ${Math.max(...gaps)} ms`)
      t.ok(Math.min(...gaps.slice(10)) >= 15_000, `rarer than cold: ${Math.min(...gaps.slice(10))} ms`)
    })

    t.test(`ready within 5 s after the tenant is back, ${name}`, async (t) => {
      t.intercept(Math, 'random', { value: () => random })
      for (const outage of [0, 700, 9000, 61_234, 3600_000]) {
        const { clock, tenant, store, ask } = makeStore()
        tenant.answer = down
        await store.start()
        await clock.advance(outage)
        tenant.answer = () => Promise.resolve(keySet('a'))
        await clock.advance(5000)
        t.equal(await ask('a'), 'key', `after ${outage} ms`)
        store.close()
      }
    })

    t.test(`ready within 5 s also when the last good set grew too old in between, ${name}`, async (t) => {
      t.intercept(Math, 'random', { value: () => random })
      const late: number[] = []
      for (let offset = 0; offset < 60; offset += 6) {
        const maxStaleSeconds = 7200 + offset
        const { clock, tenant, store, ask } = await started({ maxStaleSeconds })
        tenant.answer = down
        await clock.advance(maxStaleSeconds * 1000 + 1)
        tenant.answer = () => Promise.resolve(keySet('a'))
        await clock.advance(5000)
        if ((await ask('a')) !== 'key') late.push(maxStaleSeconds)
        store.close()
      }
      t.same(late, [], 'values of maxStaleSeconds at which 5 s were not enough')
    })
  }

  t.test('after an outage the hour counts again', async (t) => {
    const { clock, tenant, store } = makeStore()
    tenant.answer = down
    await store.start()
    await clock.advance(60_000)
    tenant.answer = () => Promise.resolve(keySet('a'))
    await clock.advance(5000)
    const loads = tenant.loads
    const last = tenant.at.at(-1) ?? 0
    await clock.advance(last + 3600_000 - 1 - clock.now())
    t.equal(tenant.loads, loads)
    await clock.advance(1)
    t.equal(tenant.loads, loads + 1)
  })
})

t.test('503 while the state of the keys is unknown, 401 once it is known', async (t) => {
  const { clock, tenant, ask, refused } = await started()
  tenant.answer = down
  t.match(await refused('x'), { status: 503, code: 'tenant_unavailable' })
  await clock.advance(1000)
  t.match(await refused('y'), { status: 503 }, 'also within the cooldown: nobody knows yet')
  tenant.answer = () => Promise.resolve(keySet('a'))
  await clock.advance(29_000)
  t.match(await refused('x'), { status: 401, code: 'unknown_key' }, 'known now: there is no such key')
  t.match(await refused('y'), { status: 401, code: 'unknown_key' })
  t.equal(await ask('a'), 'key')
})

t.test('503 after a failed refresh in the background, too', async (t) => {
  const { clock, tenant, ask } = await started()
  tenant.answer = down
  await clock.advance(3600_000)
  t.equal(await ask('x'), 503)
  t.equal(await ask('a'), 'key')
})

t.test('before the first answer every kid is a 503, without a fetch of its own', async (t) => {
  const { tenant, store, refused } = makeStore()
  tenant.answer = down
  await store.start()
  const loads = tenant.loads
  t.match(await refused('a'), { status: 503, code: 'tenant_unavailable' })
  t.equal(tenant.loads, loads)
})

t.test('Retry-After is a whole number of seconds, and whoever waits for so long is served', async (t) => {
  t.test('cold', async (t) => {
    for (const outage of [0, 1, 400, 3000, 77_777]) {
      const { clock, tenant, store, ask, refused } = makeStore()
      tenant.answer = down
      await store.start()
      await clock.advance(outage)
      const { retryAfterSeconds = 0 } = (await refused('a')) ?? {}
      t.ok(Number.isInteger(retryAfterSeconds) && retryAfterSeconds >= 1 && retryAfterSeconds <= 5)
      tenant.answer = () => Promise.resolve(keySet('a'))
      await clock.advance(retryAfterSeconds * 1000)
      t.equal(await ask('a'), 'key', `${retryAfterSeconds} s, after ${outage} ms`)
      store.close()
    }
  })

  t.test('warm, after a refresh that was asked for and failed: not later than the next may be asked for', async (t) => {
    const { clock, tenant, ask, refused } = await started()
    tenant.answer = down
    const { retryAfterSeconds = 0 } = (await refused('new')) ?? {}
    t.ok(retryAfterSeconds >= 1 && retryAfterSeconds <= 30, `Retry-After: ${retryAfterSeconds}, the cooldown is 30`)
    tenant.answer = () => Promise.resolve(keySet('a', 'new'))
    await clock.advance(30_000)
    t.equal(await ask('new'), 'key', 'which a cooldown later finds the key')
  })
})

t.test('close() cancels what waits', async (t) => {
  t.test('warm', async (t) => {
    const { clock, tenant, store } = await started()
    t.equal(clock.pending, 1)
    store.close()
    t.equal(clock.pending, 0)
    await clock.advance(86_400_000)
    t.equal(tenant.loads, 1)
  })

  t.test('cold, between two tries', async (t) => {
    const { clock, tenant, store } = makeStore()
    tenant.answer = down
    await store.start()
    store.close()
    t.equal(clock.pending, 0)
    await clock.advance(60_000)
    t.equal(tenant.loads, 1)
  })

  for (const [name, end] of [
    ['ends well', (answer: ReturnType<typeof deferred<KeySet>>) => answer.resolve(keySet('a'))],
    ['fails', (answer: ReturnType<typeof deferred<KeySet>>) => answer.reject(new Error('aborted'))]
  ] as const) {
    t.test(`during a fetch, which then ${name}`, async (t) => {
      const { clock, log, tenant, store } = makeStore()
      const answer = deferred<KeySet>()
      tenant.answer = () => answer.promise
      const start = store.start()
      store.close()
      end(answer)
      await start
      t.equal(clock.pending, 0)
      await clock.advance(86_400_000)
      t.equal(tenant.loads, 1)
      t.notOk(
        log.lines.some(({ level }) => level !== 'info'),
        'that it was aborted is no news to the operator'
      )
    })
  }

  t.test('one timer at a time, however often a refresh is asked for', async (t) => {
    const { clock, ask } = await started()
    for (let i = 0; i < 10; i += 1) {
      await clock.advance(30_000)
      await ask(`x${i}`)
    }
    t.equal(clock.pending, 1)
  })
})

t.test('status', async (t) => {
  const { clock, tenant, store, ask } = makeStore()
  t.same(store.status, { state: 'cold', keys: 0 }, 'before the start')
  tenant.answer = down
  await store.start()
  t.same(store.status, { state: 'cold', keys: 0, lastError: 'the tenant is down' }, 'no set yet')
  tenant.answer = () => Promise.resolve(keySet('a', 'b'))
  await clock.advance(5000)
  t.match(store.status, { state: 'fresh', keys: 2, lastError: undefined })
  const { ageSeconds: young = -1 } = store.status
  await clock.advance(60_000)
  t.equal(store.status.ageSeconds, young + 60, 'the age counts')
  tenant.answer = down
  await ask('x')
  t.match(store.status, { state: 'stale', keys: 2, lastError: 'the tenant is down' }, 'the last good set serves')
  tenant.answer = () => Promise.resolve(keySet('c'))
  await clock.advance(30_000)
  await ask('x')
  t.same(store.status, { state: 'fresh', keys: 1, ageSeconds: 0 }, 'and is replaced')
  tenant.answer = down
  await clock.advance(86_400_001)
  t.match(store.status, { state: 'cold', keys: 0, lastError: 'the tenant is down' }, 'too old to serve')
})

t.test('lastError is the innermost reason, in words', async (t) => {
  const refusedByPeer = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' })
  const cases = [
    { name: 'an error', error: new Error('answered 500'), reason: 'answered 500' },
    { name: 'a cause', error: new TypeError('fetch failed', { cause: new Error('timed out') }), reason: 'timed out' },
    { name: 'no message, but a code (Node: happy eyeballs)', error: refusedByPeer, reason: 'ECONNREFUSED' },
    { name: 'no Error at all', error: 'odd', reason: 'odd' }
  ]
  for (const { name, error, reason } of cases) {
    const { tenant, store } = makeStore()
    tenant.answer = () => Promise.reject(error)
    await store.start()
    t.equal(store.status.lastError, reason, name)
    store.close()
  }
})

t.test('the operator is told once for each change', async (t) => {
  const { clock, log, tenant, store, ask } = makeStore()
  const levels = () => log.lines.splice(0).map(({ level, details }) => [level, details.state].join(' ').trim())
  await store.start()
  t.same(log.lines[0]?.details.kids, ['a'], 'the kids are named')
  t.same(levels(), ['info'], 'the first set')
  await clock.advance(3600_000 * 5)
  t.same(levels(), [], 'the same set again is no news')
  tenant.answer = down
  await clock.advance(3600_000 * 2)
  for (let i = 0; i < 100; i += 1) await ask(`x${i}`)
  t.same(levels(), ['warn stale'], 'an outage, one line')
  tenant.answer = () => Promise.resolve(keySet('a'))
  await clock.advance(60_000)
  t.same(levels(), ['info'], 'its end, one line')
  tenant.answer = () => Promise.resolve(keySet('a', 'b'))
  await clock.advance(3600_000)
  t.same(levels(), ['info'], 'a rotation, one line')
})

t.test('the operator is told when the last good set grew too old: from then on every request is a 503', async (t) => {
  const { clock, log, tenant, store } = await started()
  tenant.answer = down
  await clock.advance(86_400_000 - 1)
  log.lines.splice(0)
  await clock.advance(3600_000)
  t.equal(store.status.state, 'cold')
  t.same(
    log.lines.map(({ level, details }) => [level, details.state]),
    [['warn', 'cold']]
  )
})

t.test('another authority than the one configured is an error, not a warning', async (t) => {
  const { log, tenant, store } = makeStore()
  tenant.answer = () => Promise.reject(new MetadataMismatchError('names another issuer'))
  await store.start()
  t.match(log.lines, [{ level: 'error', details: { reason: 'names another issuer', state: 'cold' } }])
})

t.test('how many entries were no usable keys is said', async (t) => {
  const { log, tenant, store } = makeStore()
  tenant.answer = () => Promise.resolve({ ...keySet('a'), dropped: 3 })
  await store.start()
  t.equal(log.lines[0]?.details.dropped, 3)
})

t.test('nothing is rejected with nobody to hear it', async (t) => {
  const unheard: unknown[] = []
  const listener = (reason: unknown) => unheard.push(reason)
  process.on('unhandledRejection', listener)
  t.teardown(() => process.off('unhandledRejection', listener))
  const { clock, tenant, store } = await started()
  tenant.answer = down
  for (let i = 0; i < 10; i += 1) {
    void store.find(`gone-${i}`, 'RS256') // its client hung up
    await clock.advance(30_000)
  }
  await clock.advance(3600_000)
  store.close()
  await settle()
  t.same(unheard, [])
})

t.test('each change of state is told once', async (t) => {
  const { clock, tenant, store, told } = await started({ cooldownSeconds: 30, maxStaleSeconds: 300 })
  const next = async (answer: () => Promise<KeySet>, kid = 'unknown') => {
    tenant.answer = answer
    await clock.advance(30_000)
    await store.find(kid, 'RS256')
    await settle()
    return told.splice(0)
  }
  const good =
    (...kids: string[]) =>
    () =>
      Promise.resolve(keySet(...kids))
  const reason = 'the tenant is down'
  t.same(told.splice(0), [{ event: 'tenant.ready', keys: ['a'] }])
  t.same(await next(good('a')), [], 'the same keys')
  t.same(await next(good('a', 'b')), [{ event: 'tenant.keys_changed', added: ['b'], removed: [] }])
  t.same(await next(down), [{ event: 'tenant.stale', reason }])
  t.same(await next(down), [], 'the next try')
  t.same(await next(good('a', 'b')), [{ event: 'tenant.recovered' }])
  t.same(await next(down), [{ event: 'tenant.stale', reason }])
  t.same(
    await next(good('c')),
    [{ event: 'tenant.recovered' }, { event: 'tenant.keys_changed', added: ['c'], removed: ['a', 'b'] }],
    'with other keys'
  )
  t.same(await next(down), [{ event: 'tenant.stale', reason }])
  await clock.advance(400_000)
  await settle()
  t.same(told.splice(0), [{ event: 'tenant.unreachable', reason }], 'the last good ones are too old')
  tenant.answer = good('c')
  await clock.advance(300_000)
  await settle()
  t.same(told.splice(0), [{ event: 'tenant.recovered' }])
  store.close()
})

t.test('a tenant that is down from the start, and an issuer that is not there', async (t) => {
  const { clock, tenant, store, told } = makeStore()
  tenant.answer = down
  await store.start()
  t.same(told.splice(0), [{ event: 'tenant.unreachable', reason: 'the tenant is down' }])
  tenant.answer = () => Promise.resolve(keySet('a'))
  await clock.advance(60_000)
  await settle()
  t.same(told, [{ event: 'tenant.ready', keys: ['a'] }], 'the first keys')
  store.close()
  const absent = makeStore()
  absent.tenant.answer = down
  await absent.store.start()
  absent.tenant.answer = () => Promise.resolve(keySet())
  await absent.clock.advance(60_000)
  await settle()
  t.same(
    absent.told.map(({ event }) => event),
    ['tenant.unreachable', 'tenant.recovered'],
    'the authority answers: there is none'
  )
  absent.store.close()
})

/** A store of which one answer lacked `b`, after an unknown kid asked. */
async function thin(timings: Partial<KeyTimings> = {}) {
  const made = makeStore(timings)
  made.tenant.answer = () => Promise.resolve(keySet('a', 'b'))
  await made.store.start()
  const publish = (...kids: string[]) => {
    made.tenant.answer = () => Promise.resolve(keySet(...kids))
  }
  publish('a')
  await made.clock.advance(60_000)
  await made.ask('unknown')
  return { ...made, publish }
}

t.test('a set that flaps: a key that left may ask once more, within the cooldown', async (t) => {
  t.test('one thin answer refuses no good token', async (t) => {
    const { ask, clock, publish, tenant } = await thin()
    publish('a', 'b')
    for (let at = 0; at < 40; at += 1) {
      t.equal(await ask(at % 4 ? 'a' : 'b'), 'key')
      await clock.advance(100)
    }
    t.equal(tenant.loads, 3)
  })

  t.test('it is refused until it is back, and asks no more than once', async (t) => {
    const { ask, clock, tenant } = await thin()
    for (let at = 0; at < 29; at += 1) {
      t.equal(await ask('b'), 401)
      await clock.advance(1000)
    }
    t.equal(tenant.loads, 3, 'once')
    await clock.advance(1000)
    t.equal(await ask('b'), 401)
    t.equal(tenant.loads, 4, 'and after the cooldown as any other')
  })

  t.test('all of them together at most once in five seconds', async (t) => {
    const kids = Array.from({ length: 20 }, (_, at) => `k${at}`)
    const { ask, clock, publish, tenant } = await thin({ cooldownSeconds: 3600 })
    publish('a', ...kids)
    await ask('b')
    publish('a')
    await clock.advance(3600_000) // the regular refresh
    await ask('unknown')
    const loads = tenant.loads
    for (let second = 0; second < 20; second += 1) {
      for (const kid of kids) t.equal(await ask(kid), 401)
      t.equal(tenant.loads - loads, 1 + Math.floor(second / 5), `second ${second}`)
      await clock.advance(1000)
    }
  })

  t.test('once for each time that it leaves', async (t) => {
    const { ask, clock, publish, tenant } = await thin({ cooldownSeconds: 3600 })
    for (let round = 0; round < 3; round += 1) {
      publish('a', 'b')
      t.equal(await ask('b'), 'key')
      await clock.advance(5000)
      publish('a')
      await clock.advance(3600_000 - 5000 - 1000 * round)
      await ask(`unknown ${round}`)
      await clock.advance(3600_000)
      const loads = tenant.loads
      t.equal(await ask('b'), 401)
      t.ok(tenant.loads > loads)
    }
  })

  t.test('a name that nobody published asks for nothing', async (t) => {
    const { ask, tenant } = await thin()
    for (const kid of ['c', 'unknown', '']) t.equal(await ask(kid), 401)
    t.equal(tenant.loads, 2)
  })

  t.test('an outage meanwhile: whether it is back is unknown', async (t) => {
    const { ask, tenant } = await thin()
    tenant.answer = down
    t.equal(await ask('b'), 503)
    t.equal(await ask('a'), 'key')
  })

  t.test('all who wait for it share one refresh', async (t) => {
    const { ask, publish, tenant } = await thin()
    publish('a', 'b')
    t.strictSame(new Set(await Promise.all(Array.from({ length: 100 }, () => ask('b')))), new Set(['key']))
    t.equal(tenant.loads, 3)
  })
})

t.test(
  'a token without kid that the only key did not sign, when another request has fetched the next one',
  async (t) => {
    const { clock, store, tenant } = await started()
    const old = store.peek(undefined, 'RS256')
    if (!old) throw new Error('no key')
    tenant.answer = () => Promise.resolve(keySet('b'))
    await clock.advance(3600_000)
    t.match(store.findAnother('RS256', old), { kid: 'b' }, 'it is found without a fetch')
    t.equal(tenant.loads, 2)
  }
)

t.test('more keys than are read: the events say so', async (t) => {
  const { clock, log, told, tenant, store } = makeStore()
  const answer =
    (unread: number, ...kids: string[]) =>
    () =>
      Promise.resolve({ ...keySet(...kids), unread })
  tenant.answer = answer(7, 'a')
  await store.start()
  tenant.answer = answer(8, 'a', 'b')
  await clock.advance(3600_000)
  tenant.answer = answer(0, 'a', 'b')
  await clock.advance(3600_000)
  t.strictSame(told, [
    { event: 'tenant.ready', keys: ['a'], unread: 7 },
    { event: 'tenant.keys_changed', added: ['b'], removed: [], unread: 8 }
  ])
  t.strictSame(
    log.lines.filter(({ level }) => level === 'warn').map(({ details }) => details),
    [
      { unread: 7, read: 1024 },
      { unread: 8, read: 1024 }
    ]
  )
})
