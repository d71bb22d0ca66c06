import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Principal } from '../../../src/plugin/claims/principal.js'
import type { EntraOptions } from '../../../src/plugin/index.js'
import type { FoundKey } from '../../../src/plugin/issuers/trusted-issuers.js'
import { TokenCache } from '../../../src/plugin/verification/token-cache.js'
import { buildApi, optionsFor } from '../../support/api.js'
import { processClock } from '../../support/clock.js'
import { type SigningKey, seconds, signingKey, startTestTenant } from '../../support/tenant.js'

/** Found valid for the second time: what comes once is not kept. */
function twice(cache: TokenCache, token: Parameters<TokenCache['add']>[0], whose: Principal) {
  cache.add(token, whose)
  cache.add(token, whose)
}

const bounds = { maxTokens: 3, maxBytes: 1_000_000 }
const key = { kid: 'a', pem: 'PEM', algorithms: ['RS256'] } as const

/** An issuer whose key can be taken away. */
function found() {
  const set: { key: unknown } = { key }
  const issuer = { keys: { peek: () => set.key }, namedIssuer: () => undefined }
  const decoded = { header: { kid: 'a', alg: 'RS256' } }
  return { set, with: { issuer, key, decoded } as unknown as FoundKey & { decoded: typeof decoded } }
}

/** As the header has it. */
const sent = (token: string) => `Bearer ${token}`
const tokenOf = (name: string, tail = name) => `header.${name}.${'s'.repeat(300)}${tail.padStart(43, 's')}`
const principal = (claims: object = {}) =>
  ({ kind: 'user', claims: { exp: seconds() + 3600, ...claims } }) as unknown as Principal

t.test('a token is found again as a whole, and nothing else is', async (t) => {
  const cache = new TokenCache(bounds, 60)
  const one = principal()
  twice(cache, { ...found().with, token: tokenOf('one', 'tail') }, one)
  t.equal(cache.find(sent(tokenOf('one', 'tail'))), one, 'the same object for everybody: it is frozen')
  t.equal(cache.find(sent(tokenOf('two', 'tail'))), undefined, 'the same end of a signature, another payload')
  t.equal(cache.find(`${sent(tokenOf('one', 'tail'))}=`), undefined)
  t.equal(cache.find(`bearer ${tokenOf('one', 'tail')}`), undefined)
  t.equal(cache.find(tokenOf('one', 'tail').slice(-43)), undefined, 'the end alone')
  t.equal(cache.find(tokenOf('one', 'tail').slice(-12)), undefined, 'no more than it is looked up by')
  t.equal(cache.find(''), undefined)
})

t.test('two valid tokens with one key in the cache replace each other, and are never confused', async (t) => {
  const cache = new TokenCache(bounds, 60)
  const [ada, bob] = [principal({ sub: 'ada' }), principal({ sub: 'bob' })]
  twice(cache, { ...found().with, token: tokenOf('ada', 'tail') }, ada)
  cache.add({ ...found().with, token: tokenOf('bob', 'tail') }, bob)
  t.equal(cache.find(sent(tokenOf('bob', 'tail'))), bob)
  t.equal(cache.find(sent(tokenOf('ada', 'tail'))), undefined)
  t.equal(cache.find(sent(tokenOf('bob', 'tail'))), bob, 'looking for another one takes nothing away')
})

t.test('a token that was sent once is not kept: many are never sent again', async (t) => {
  const cache = new TokenCache(bounds, 60)
  cache.add({ ...found().with, token: tokenOf('one') }, principal())
  t.equal(cache.find(sent(tokenOf('one'))), undefined)
  cache.add({ ...found().with, token: tokenOf('one') }, principal())
  t.ok(cache.find(sent(tokenOf('one'))))
})

t.test('many tokens in turn are all cached the second time', async (t) => {
  const cache = new TokenCache({ maxTokens: 5000, maxBytes: 100_000_000 }, 60)
  const names = Array.from({ length: 5000 }, (_, at) => `token-${at}`)
  const { with: where } = found()
  const one = principal()
  for (const _ of [1, 2]) for (const name of names) cache.add({ ...where, token: tokenOf(name) }, one)
  t.equal(names.filter((name) => cache.find(sent(tokenOf(name)))).length, 5000)
})

t.test('tokens sent once are noted, in a table of fixed size', async (t) => {
  const cache = new TokenCache({ maxTokens: 10, maxBytes: 100_000_000 }, 60)
  const { with: where } = found()
  const add = (name: string) => cache.add({ ...where, token: tokenOf(name) }, principal())
  add('first')
  for (let at = 0; at < 3000; at += 1) add(`other-${at}`)
  add('first')
  t.equal(cache.find(sent(tokenOf('first'))), undefined, 'it was forgotten meanwhile')
})

t.test('the least recently used token is dropped first', async (t) => {
  const cache = new TokenCache(bounds, 60)
  const add = (name: string) => twice(cache, { ...found().with, token: tokenOf(name) }, principal())
  for (const name of ['a', 'b', 'c']) add(name)
  cache.find(sent(tokenOf('a')))
  add('d')
  const held = ['a', 'b', 'c', 'd'].filter((name) => cache.find(sent(tokenOf(name))))
  t.same(held, ['a', 'c', 'd'])
})

t.test('bytes are bounded as well, and a token that is too large alone is not kept', async (t) => {
  const cache = new TokenCache({ maxTokens: 1000, maxBytes: 65_536 }, 60)
  const names = Array.from({ length: 1000 }, (_, at) => `t${at}`)
  for (const name of names) twice(cache, { ...found().with, token: tokenOf(name) }, principal())
  const held = names.filter((name) => cache.find(sent(tokenOf(name)))).length
  t.ok(held > 5 && held < 65_536 / 1024, `${held} are held`)
  twice(cache, { ...found().with, token: 'x'.repeat(40_000) }, principal())
  t.equal(cache.find(sent('x'.repeat(40_000))), undefined)
})

t.test('exp, nbf and iat at each hit, with the tolerance, to the millisecond', async (t) => {
  const { stopWall } = processClock(t)
  const cache = new TokenCache(bounds, 60)
  const now = 1_900_000_000
  stopWall(now * 1000)
  twice(cache, { ...found().with, token: tokenOf('one') }, principal({ exp: now + 10, nbf: now - 5, iat: now - 10 }))
  const at = (milliseconds: number) => {
    stopWall(now * 1000 + milliseconds)
    return cache.find(sent(tokenOf('one'))) !== undefined
  }
  t.ok(at(-65_000), 'nbf, just late enough')
  t.ok(at(69_999), 'exp, just early enough')
  t.notOk(at(70_000), 'exp, just too late')
  t.notOk(at(0), 'and it is gone')
  stopWall(now * 1000)
  twice(cache, { ...found().with, token: tokenOf('one') }, principal({ exp: now + 10, nbf: now - 5, iat: now - 10 }))
  t.notOk(at(-65_001), 'nbf, just too early: a clock was put back')
})

t.test('an entry is dropped with its key', async (t) => {
  for (const instead of [undefined, { ...key }, { ...key, kid: 'b' }, { ...key, algorithms: ['PS256'] }]) {
    const cache = new TokenCache(bounds, 60)
    const { set, with: where } = found()
    twice(cache, { ...where, token: tokenOf('one') }, principal())
    t.ok(cache.find(sent(tokenOf('one'))))
    set.key = instead
    t.equal(cache.find(sent(tokenOf('one'))), undefined, JSON.stringify(instead) ?? 'no key')
    set.key = key
    t.equal(cache.find(sent(tokenOf('one'))), undefined, 'and stays dead when the key comes back')
  }
})

t.test('V8’s sliced strings: what the cache holds does not keep the header or the token in memory', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const cache = new TokenCache({ maxTokens: 100, maxBytes: 100_000_000 }, 60)
  const headerOf = (at: number) => Buffer.alloc(1_000_000, 97 + (at % 26)).toString('latin1')
  collect()
  const before = process.memoryUsage().heapUsed
  for (let at = 0; at < 50; at += 1)
    twice(cache, { ...found().with, token: headerOf(at).slice(0, 400 + at) }, principal())
  collect()
  const grown = process.memoryUsage().heapUsed - before
  t.ok(grown < 10_000_000, `fifty tokens out of headers of a megabyte take ${grown} bytes`)
})

/** Two APIs that differ in their memory alone, and what is done to both. */
async function twoApis(t: Test) {
  const { advance } = processClock(t)
  const tenant = await startTestTenant(t)
  const start = async (memory: Pick<EntraOptions, 'tokenCache'>) => {
    const { app } = await buildApi(t, { options: { ...optionsFor(tenant), keysMaxStaleSeconds: 7200, ...memory } })
    await app.ready()
    return app
  }
  const apis = [await start({ tokenCache: { maxTokens: 3 } }), await start({ tokenCache: false })]
  const keys: SigningKey[] = [tenant.key, await signingKey('b'), await signingKey('c')]
  type Members = Record<string, unknown>
  /** What both answer, which must be the same. */
  const ask = async (token: string) => {
    const answers = await Promise.all(
      apis.map(async (app) => {
        const { statusCode, body } = await app.inject({ url: '/me', headers: { authorization: `Bearer ${token}` } })
        // The clock is compared with the tenant's last response to this API, and the two fetched their keys at different times.
        const { requestId: _, ...said } = JSON.parse(body.replace(/\b\d+ s (behind|ahead)/, '… s $1')) as Members
        return { statusCode, said }
      })
    )
    t.same(answers[0], answers[1])
    return answers[0]?.statusCode
  }
  return { advance, tenant, keys, ask }
}

type Step = readonly ['send' | 'forge' | 'mint' | 'wait' | 'publish' | 'down', number]

t.test(
  'any sequence of requests, time, rotations and outages: the same answers with and without the cache',
  async (t) => {
    const { advance, tenant, keys, ask } = await twoApis(t)
    const seen = new Map<number | undefined, number>()
    const count = (status: number | undefined) => seen.set(status, (seen.get(status) ?? 0) + 1)
    let tokens: string[] = []
    let minted = 0
    const steps: Record<Step[0], (n: number) => Promise<unknown>> = {
      mint: async (n) => {
        minted += 1
        const lifetime = [30, 90, 600, 7200][n % 4] ?? 0
        const times = { iat: seconds(), nbf: seconds(), exp: seconds() + lifetime }
        tokens = [
          ...tokens,
          await tenant.userToken({ ...times, uti: String(minted) }, {}, keys[n % keys.length])
        ].slice(-8)
      },
      send: async (n) => count(await ask(tokens[n % tokens.length] ?? 'none')),
      forge: async (n) => {
        const [header, payload, signature] = (tokens[n % tokens.length] ?? 'a.b.c').split('.')
        const changed = Buffer.from(`{"iss":"x","n":${n}}`).toString('base64url')
        count(await ask([header, n % 2 ? changed : payload, n % 2 ? signature : `A${signature?.slice(1)}`].join('.')))
      },
      wait: async (n) => advance(n * 1000),
      publish: async (n) => {
        tenant.answers.clear()
        tenant.keys = keys.filter((_, at) => n & (1 << at)).map(({ jwk }) => jwk)
        advance(31_000)
        count(await ask(await tenant.userToken({}, { kid: `unknown-${n}` })))
      },
      down: async () => {
        for (const path of Object.values(tenant.paths))
          tenant.answers.set(path, (_request, response) => void response.writeHead(503).end())
        advance(31_000)
        count(await ask(await tenant.userToken({}, { kid: 'unknown' })))
      }
    }
    const step = (name: Step[0], most: number, weight: number) => ({
      weight,
      arbitrary: fc.tuple(fc.constant(name), fc.nat(most))
    })
    const sequence = fc.array(
      fc.oneof(
        step('send', 7, 12),
        step('mint', 11, 4),
        step('forge', 15, 3),
        step('wait', 400, 3),
        step('publish', 7, 1),
        step('down', 1, 1)
      ),
      { minLength: 20, maxLength: 60 }
    )
    await fc.assert(
      fc.asyncProperty(sequence, async (names) => {
        tokens = []
        await steps.publish(7)
        await steps.mint(2)
        for (const [name, n] of names) await steps[name](n)
      }),
      { numRuns: 30 }
    )
    t.ok((seen.get(200) ?? 0) > 50 && (seen.get(401) ?? 0) > 50 && (seen.get(503) ?? 0) > 5, JSON.stringify([...seen]))
  }
)
