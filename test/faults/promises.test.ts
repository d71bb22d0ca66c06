/** What is promised of keys over hours and days, on a clock that stands still until it is told to go on. */
import t, { type Test } from 'tap'
import { Issuer, type IssuerSettings } from '../../src/plugin/issuers/issuer.js'
import { TrustedIssuers } from '../../src/plugin/issuers/trusted-issuers.js'
import type { KeyTimings } from '../../src/plugin/keys/timings.js'
import { HttpStatusError } from '../../src/plugin/lib/json-client.js'
import { isRefusal } from '../../src/plugin/refusals/refusal.js'
import { FakeClock } from '../support/clock.js'
import { recordingLogger } from '../support/log.js'
import { profile } from '../support/profile.js'
import { signingKey, tenantId } from '../support/tenant.js'
import { defaults, outcome, tracked } from './lane.js'

const second = 1000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour
/** New each time: tap keeps what it learns of a test in the object that it is given. */
const guard = () => ({ timeout: 150_000 })

const origin = 'https://login.example'
const v2: IssuerSettings = {
  url: `${origin}/${tenantId}/v2.0/.well-known/openid-configuration`,
  issuer: `${origin}/${tenantId}/v2.0`,
  optional: false,
  profile
}
const iss = String(v2.issuer)
const [a, b, c] = await Promise.all([signingKey('a'), signingKey('b'), signingKey('c')])

/** Both documents from memory: what is looked at here is time. */
function subject(t: Test, timings: Partial<KeyTimings> = {}) {
  const tenant = {
    keys: [a.jwk],
    /** Why there is no answer, where there is none. */
    fault: undefined as (() => Error) | undefined,
    discovery: { issuer: iss, jwks_uri: `${origin}/keys` },
    /** Holds the answers back until it resolves. */
    held: Promise.resolve(),
    /** The document for which only the deadline comes: `keysTimeoutSeconds`, 5 s by default. */
    hung: undefined as string | undefined,
    asked: [] as string[],
    /** When each refresh began. */
    at: [] as number[]
  }
  const deadline = () =>
    new Promise((_resolve, reject) => {
      clock.after(5 * second, () => reject(new DOMException('took too long', 'TimeoutError')))
    })
  const { fetchJson, idle } = tracked(async (url) => {
    tenant.asked.push(url)
    if (url === v2.url) tenant.at.push(clock.now())
    await tenant.held
    if (tenant.fault) throw tenant.fault()
    return url === v2.url ? tenant.discovery : { keys: tenant.keys }
  })
  const clock = new FakeClock(idle)
  const log = recordingLogger()
  // What hangs is not waited for by a clock that stands still: it ends by the clock itself.
  const fetchOrHang = (url: string) => {
    if (url !== tenant.hung) return fetchJson(url)
    tenant.asked.push(url)
    return deadline()
  }
  const issuer = new Issuer(v2, { ...defaults, ...timings }, { fetchJson: fetchOrHang, clock, log, names: new Map() })
  t.teardown(() => issuer.keys.close())
  const trusted = new TrustedIssuers([issuer])
  const ask = async (kid: string) => {
    const found = await trusted.findKey(iss, { kid, alg: 'RS256' }, {})
    return outcome(isRefusal(found) ? found : found.key)
  }
  return { ask, clock, idle, issuer, log, tenant }
}

async function warm(t: Test, timings: Partial<KeyTimings> = {}) {
  const made = subject(t, timings)
  await made.issuer.keys.start()
  return made
}

const down = () => new Error('connect ECONNREFUSED')
const gate = () => {
  let open: () => void = () => {}
  const held = new Promise<void>((resolve) => {
    open = resolve
  })
  return { held, open }
}

t.test('unknown kids: at most one refresh per cooldown, whatever the flood', guard(), async (t) => {
  const floods = [
    { name: 'in no time', seconds: 0, fault: undefined, status: 401 },
    { name: 'within one cooldown', seconds: 29, fault: undefined, status: 401 },
    { name: 'for ten minutes', seconds: 600, fault: undefined, status: 401 },
    { name: 'for ten minutes of outage', seconds: 600, fault: down, status: 503 },
    { name: 'for ten minutes of 404', seconds: 600, fault: () => new HttpStatusError(404), status: 503 }
  ]
  for (const { name, seconds, fault, status } of floods) {
    t.test(`100,000 random kids ${name}`, async (t) => {
      const { ask, clock, issuer, tenant } = await warm(t)
      tenant.fault = fault
      const before = tenant.at.length
      const wrong: unknown[] = []
      let waited = 0
      for (let batch = 0; batch < 100; batch += 1) {
        const answers = Array.from({ length: 1000 }, () => ask(`kid-${Math.random()}`))
        if (issuer.keys.find('a', 'RS256') instanceof Promise) waited += 1
        wrong.push(...(await Promise.all(answers)).filter((answer) => answer !== status))
        await clock.advance((seconds * second) / 100)
      }
      const refreshes = tenant.at.length - before
      const most = 1 + Math.ceil(seconds / defaults.cooldownSeconds)
      t.ok(refreshes >= 1 && refreshes <= most, `${refreshes} refreshes, ${most} at the most`)
      t.same(wrong, [], `each is answered ${status}`)
      t.equal(waited, 0, 'no good token waits')
      t.equal(issuer.keys.status.keys, 1, 'the good key is held')
    })
  }

  t.test('the flood hides a new key for no longer than the cooldown', async (t) => {
    for (const after of [0, 1, 15 * second, 30 * second - 1]) {
      const { ask, clock, tenant } = await warm(t)
      t.equal(await ask('flood'), 401)
      await clock.advance(after)
      tenant.keys = [a.jwk, b.jwk]
      const published = clock.now()
      while ((await ask('b')) !== 'key' && clock.now() - published < hour) {
        await ask(`flood-${Math.random()}`)
        await clock.advance(100)
      }
      t.ok(clock.now() - published <= 30 * second, `held after ${clock.now() - published} ms`)
    }
  })

  t.test('a set that flaps refuses no good token: a key that left asks once more, within the cooldown', async (t) => {
    const { ask, clock, issuer, tenant } = subject(t)
    tenant.keys = [a.jwk, b.jwk]
    await issuer.keys.start()
    await clock.advance(second)
    tenant.keys = [a.jwk]
    t.equal(await ask('flood'), 401, 'one thin answer, whoever asked for it')
    tenant.keys = [a.jwk, b.jwk]
    const answers = []
    for (let at = 0; at < 40; at += 1) {
      answers.push(await ask(at % 4 ? 'a' : 'b'))
      await clock.advance(500)
    }
    t.strictSame(new Set(answers), new Set(['key']))
  })

  t.test(
    'keys that left ask once each, and at most once in five seconds together; refused until they are back',
    async (t) => {
      const { ask, clock, issuer, tenant } = subject(t)
      tenant.keys = [a.jwk, b.jwk, c.jwk]
      await issuer.keys.start()
      await clock.advance(second)
      tenant.keys = [a.jwk]
      t.equal(await ask('flood'), 401)
      const start = clock.now()
      for (let at = 0; at < 29; at += 1) {
        for (const kid of ['b', 'c', `flood-${at}`]) t.equal(await ask(kid), 401)
        t.equal(await ask('a'), 'key')
        await clock.advance(second)
      }
      t.strictSame(
        tenant.at.filter((time) => time > start - 1).map((time) => (time - start) / second),
        [0, 0, 5],
        'the flood, b, c'
      )
    }
  )

  t.test('requests that wait for one refresh share it, and each gets its own answer', async (t) => {
    const { ask, issuer, tenant } = await warm(t)
    const { held, open } = gate()
    tenant.held = held
    tenant.keys = [a.jwk, b.jwk]
    const before = tenant.asked.length
    const waiting = Array.from({ length: 10_000 }, (_, i) => ask(i % 2 ? 'b' : `nobody-${i}`))
    t.match(issuer.keys.find('a', 'RS256'), { kid: 'a' }, 'a good token goes on meanwhile')
    open()
    const answers = await Promise.all(waiting)
    t.equal(answers.filter((answer) => answer === 'key').length, 5000)
    t.equal(answers.filter((answer) => answer === 401).length, 5000)
    t.equal(tenant.asked.length - before, 2, 'one document, one key set')
  })

  t.test('503 while the state of the keys is unknown, 401 once it is known', async (t) => {
    const { ask, clock, tenant } = await warm(t)
    tenant.fault = down
    for (let i = 0; i < 10; i += 1) {
      t.equal(await ask('b'), 503)
      await clock.advance(10 * second)
    }
    tenant.fault = undefined
    await clock.advance(minute)
    t.equal(await ask('b'), 401)
    t.equal(await ask('a'), 'key')
  })
})

t.test('no good token waits for a refresh in the background', guard(), async (t) => {
  const { ask, clock, idle, issuer, tenant } = await warm(t)
  const { held, open } = gate()
  tenant.held = held
  tenant.keys = [a.jwk, b.jwk]
  clock.fireNext()
  t.equal(tenant.at.length, 2, 'it is under way')
  t.match(issuer.keys.find('a', 'RS256'), { kid: 'a' }, 'a good token is answered without a promise')
  open()
  await idle()
  t.match(issuer.keys.find('b', 'RS256'), { kid: 'b' })
  t.equal(tenant.at.length, 2)
  t.equal(await ask('a'), 'key')
})

t.test('an outage', guard(), async (t) => {
  t.test('each minute of a day every good token passes; after it 503, never 401; and back within 5 s', async (t) => {
    const { ask, clock, issuer, tenant } = await warm(t)
    tenant.fault = down
    const answers = new Set<unknown>()
    for (let at = 0; at < day; at += minute) {
      answers.add(await ask('a'))
      await clock.advance(minute)
    }
    answers.add(await ask('a'))
    t.same([...answers], ['key'])
    t.equal(issuer.keys.status.state, 'stale')
    await clock.advance(1)
    const later = new Set<unknown>()
    for (let at = 0; at < 2 * hour; at += minute) {
      later.add(await ask('a')).add(await ask('nobody'))
      await clock.advance(minute)
    }
    t.same([...later], [503])
    tenant.fault = undefined
    await clock.advance(5 * second)
    t.equal(await ask('a'), 'key')
    t.equal(issuer.keys.status.state, 'fresh')
  })

  t.test('stale service is said once per change of state', async (t) => {
    const { clock, log, tenant } = await warm(t)
    const said = () => log.lines.map(({ level, details }) => [level, details.state ?? 'fresh'])
    t.same(said(), [['info', 'fresh']])
    tenant.fault = down
    await clock.advance(25 * hour)
    t.same(said().slice(1), [
      ['warn', 'stale'],
      ['warn', 'cold']
    ])
    tenant.fault = undefined
    await clock.advance(day)
    t.same(said().slice(3), [['info', 'fresh']])
  })

  t.test('short ones: the age counts from the last good answer', async (t) => {
    const { ask, clock, tenant } = await warm(t)
    for (let i = 0; i < 10; i += 1) {
      tenant.fault = down
      await clock.advance(20 * hour)
      t.equal(await ask('a'), 'key')
      tenant.fault = undefined
      await clock.advance(hour)
    }
  })
})

t.test('rotation', guard(), async (t) => {
  /** Asks each second for what clients send then, and gives back when the answer was not `key`. */
  async function failures(made: Awaited<ReturnType<typeof warm>>, kid: string, milliseconds: number) {
    const { ask, clock } = made
    const failed: number[] = []
    for (let at = 0; at <= milliseconds; at += second) {
      if ((await ask(kid)) !== 'key') failed.push(at)
      await clock.advance(second)
    }
    return failed
  }

  t.test('announced beforehand: no failure, before, at, or after it', async (t) => {
    const made = await warm(t)
    const { clock, tenant } = made
    await clock.advance(17 * minute)
    tenant.keys = [a.jwk, b.jwk] // announced
    t.same(await failures(made, 'a', hour), [])
    t.same(await failures(made, 'b', hour), [], 'the tenant signs with the new one')
    t.same(await failures(made, 'a', minute), [], 'tokens of before still go round')
    tenant.keys = [b.jwk] // withdrawn in the end
    t.same(await failures(made, 'b', 2 * hour), [])
  })

  t.test('announced and used within the hour: no failure either, the first token asks for it', async (t) => {
    const made = await warm(t)
    made.tenant.keys = [a.jwk, b.jwk]
    t.same(await failures(made, 'b', hour), [])
  })

  t.test('by surprise: at most the cooldown and a second, also within a flood', async (t) => {
    for (const flooded of [false, true]) {
      const made = await warm(t)
      const { ask, clock, tenant } = made
      if (flooded) await ask('flood')
      await clock.advance(second)
      tenant.keys = [b.jwk]
      const failed = await failures(made, 'b', 5 * minute)
      t.ok((failed.at(-1) ?? 0) <= 31 * second, `the last failure after ${(failed.at(-1) ?? 0) / second} s`)
      t.equal(await ask('a'), 401, 'the old key is gone')
    }
  })

  t.test('an emergency: the withdrawn key is refused after the next refresh, whoever asked for it', async (t) => {
    const rows: { name: string; refresh: (made: Awaited<ReturnType<typeof warm>>) => Promise<unknown> }[] = [
      { name: 'the regular one', refresh: ({ clock }) => clock.advance(hour) },
      { name: 'one for a new key', refresh: ({ ask }) => ask('c') },
      { name: 'one for a forged kid', refresh: ({ ask }) => ask('forged') }
    ]
    for (const { name, refresh } of rows) {
      const made = await warm(t)
      made.tenant.keys = [a.jwk, b.jwk]
      await made.clock.advance(hour)
      made.tenant.keys = [b.jwk, c.jwk]
      await refresh(made)
      t.equal(await made.ask('a'), 401, name)
      t.equal(await made.ask('b'), 'key', name)
    }
  })

  t.test('a withdrawn key does not come back with an outage', async (t) => {
    const { ask, clock, tenant } = await warm(t)
    tenant.keys = [b.jwk]
    await clock.advance(hour)
    t.equal(await ask('a'), 401)
    tenant.fault = down
    for (let i = 0; i < 100; i += 1) {
      await clock.advance(10 * minute)
      t.not(await ask('a'), 'key')
    }
  })

  t.test('once a day for a month, announced: no failure and no key too many', async (t) => {
    const made = await warm(t)
    const { ask, clock, issuer, tenant } = made
    const ring = [a, b, c]
    const failed: string[] = []
    for (let d = 0; d < 30; d += 1) {
      const [now, next] = [ring[d % 3] ?? a, ring[(d + 1) % 3] ?? a]
      tenant.keys = [now.jwk, next.jwk]
      for (let h = 0; h < 24; h += 1) {
        await clock.advance(hour)
        if ((await ask(now.kid)) !== 'key') failed.push(`day ${d}, hour ${h}`)
      }
      t.equal(issuer.keys.status.keys, 2)
    }
    t.same(failed, [])
  })
})

t.test('cold start with the tenant down', guard(), async (t) => {
  t.test('back-off: tries get rarer, up to a few seconds', async (t) => {
    const { ask, clock, issuer, tenant } = subject(t)
    tenant.fault = down
    await issuer.keys.start()
    t.equal(await ask('a'), 503)
    await clock.advance(hour)
    const gaps = tenant.at.slice(1).map((at, i) => at - (tenant.at[i] ?? 0))
    t.ok(Math.max(...gaps) <= 5 * second, `the longest: ${Math.max(...gaps)} ms`)
    t.ok((gaps[0] ?? 0) < Math.min(...gaps.slice(5)), `first ${gaps[0]} ms, later ${Math.min(...gaps.slice(5))} ms`)
    t.ok(tenant.at.length < 3600, `${tenant.at.length} tries in an hour`)
  })

  t.test('jitter: instances that started together come back one by one', async (t) => {
    const instances = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const made = subject(t)
        made.tenant.fault = down
        await made.issuer.keys.start()
        await made.clock.advance(30 * second)
        return made.tenant.at
      })
    )
    for (const nth of [1, 2, 5, 8]) {
      const distinct = new Set(instances.map((at) => at[nth]))
      t.ok(distinct.size > 40, `try ${nth}: ${distinct.size} different moments of 50`)
    }
  })

  t.test('jitter in an outage of a warm store, too', async (t) => {
    const instances = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const made = await warm(t)
        made.tenant.fault = down
        await made.clock.advance(2 * hour)
        return made.tenant.at
      })
    )
    const distinct = new Set(instances.map((at) => at[5]))
    t.ok(distinct.size > 40, `${distinct.size} different moments of 50`)
  })

  t.test('ready within 5 s after recovery, however long it took', async (t) => {
    for (const outage of [0, 300, 1700, 10 * second, 59 * minute, 3 * day]) {
      const { ask, clock, issuer, tenant } = subject(t)
      tenant.fault = down
      await issuer.keys.start()
      await clock.advance(outage)
      t.equal(await ask('a'), 503)
      tenant.fault = undefined
      await clock.advance(5 * second)
      t.equal(await ask('a'), 'key', `after ${outage} ms`)
      issuer.keys.close()
    }
  })

  t.test('ready within 5 s after a tenant that hung answers again, at the worst moment', async (t) => {
    for (const hung of [v2.url, `${origin}/keys`]) {
      for (const tries of [1, 2, 3, 10]) {
        const { ask, clock, issuer, tenant } = subject(t)
        tenant.hung = hung
        void issuer.keys.start()
        const begun = () => tenant.asked.filter((url) => url === hung).length
        for (let at = 0; begun() < tries && at < hour; at += 10) await clock.advance(10)
        // Just after a try began, which still has the whole deadline before it.
        tenant.hung = undefined
        const back = clock.now()
        while ((await ask('a')) !== 'key' && clock.now() - back < minute) await clock.advance(10)
        const took = clock.now() - back
        t.ok(took <= 5000, `${new URL(hung).pathname}, try ${tries}: after ${took} ms`)
        issuer.keys.close()
      }
    }
  })

  t.test('somebody else’s tenant is a mistake of the configuration: an error, at the first try, once', async (t) => {
    const { ask, clock, issuer, log, tenant } = subject(t)
    tenant.discovery = { ...tenant.discovery, issuer: `${origin}/99999999-2222-4333-8444-555555555555/v2.0` }
    await issuer.keys.start()
    t.match(log.lines, [{ level: 'error', details: { reason: /99999999.*11111111/ } }])
    t.equal(await ask('a'), 503)
    await clock.advance(hour)
    t.equal(log.lines.length, 1)
  })
})

t.test('jwks_uri: a tenant on https is asked over https, on its own host, or not at all', guard(), async (t) => {
  const uris = [
    ...['http://login.example/keys', 'https://login.example:8443/keys', 'https://login.example.evil/keys'],
    ...['https://evil.example/keys', 'https://login.example@evil.example/keys', 'ftp://login.example/keys'],
    ...['/keys', 'keys', '//login.example/keys', 'file:///etc/passwd', 'HTTP://LOGIN.EXAMPLE/keys', '', ' ']
  ]
  for (const uri of uris) {
    t.test(JSON.stringify(uri), async (t) => {
      const cold = subject(t)
      cold.tenant.discovery = { ...cold.tenant.discovery, jwks_uri: uri }
      await cold.issuer.keys.start()
      t.same(cold.tenant.asked, [v2.url], 'nothing but discovery was asked for')
      t.equal(await cold.ask('a'), 503)
      const { ask, clock, tenant } = await warm(t)
      tenant.discovery = { ...tenant.discovery, jwks_uri: uri }
      await clock.advance(hour)
      t.same(tenant.asked, [v2.url, `${origin}/keys`, v2.url])
      t.equal(await ask('a'), 'key')
    })
  }
})

t.test('close() in the middle of a fetch: no timer, nothing said, nothing begun', guard(), async (t) => {
  for (const fault of [undefined, down]) {
    const { clock, idle, issuer, log, tenant } = subject(t)
    const { held, open } = gate()
    tenant.held = held
    const started = issuer.keys.start()
    issuer.keys.close()
    tenant.fault = fault
    open()
    await started
    await idle()
    t.equal(clock.pending, 0)
    t.same(
      log.lines.filter(({ level }) => level !== 'info'),
      []
    )
    const asked = tenant.asked.length
    await clock.advance(day)
    t.equal(tenant.asked.length, asked)
  }
})
