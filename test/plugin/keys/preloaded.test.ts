/** Keys that another process fetched: what is accepted, for how long, and from whom. */
import { chmod, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exportJWK, generateKeyPair } from 'jose'
import t, { type Test } from 'tap'
import { algorithmNames, toKeySet } from '../../../src/plugin/keys/jwks.js'
import { agedOut, toGivenKeySets } from '../../../src/plugin/keys/preloaded.js'
import { faultOf, readKeysFile } from '../../../src/plugin/keys/preloaded-file.js'
import { toPublicJwks } from '../../../src/plugin/keys/public-jwks.js'
import type { Settings } from '../../../src/plugin/options.js'
import { toSettings } from '../../../src/plugin/options.js'
import { createVerifier, type PreloadedKeySet, type Verifier } from '../../../src/plugin/verifier-index.js'
import { until } from '../../faults/waits.js'
import { startApi } from '../../support/api.js'
import { processClock } from '../../support/clock.js'
import { recordingLogger } from '../../support/log.js'
import { clientId, json, signingKey, startTestTenant, type TestTenant, tenantId } from '../../support/tenant.js'
import { startVerifier } from '../../support/verifier.js'

const hour = 3600_000
const day = 24 * hour
const other = await signingKey('other')

/** A tenant, the key sets that an API fetched of it, and a way to start one with key sets. */
async function saved(t: Test, version: 'v2 alone' | 'both' = 'both') {
  const tenant = await startTestTenant(t)
  if (version === 'v2 alone')
    tenant.answers.set(tenant.paths.v1Discovery, (_request, response) => response.writeHead(404).end())
  let sets: readonly PreloadedKeySet[] = []
  const first = startVerifier(t, tenant, {
    saveKeys: (all: readonly PreloadedKeySet[]) => {
      sets = all
    }
  })
  await first.ready()
  await first.close()
  const log = recordingLogger()
  return {
    tenant,
    sets,
    log,
    start: (given: unknown, more: object = {}) => startWith(t, tenant, { log, preloadedKeys: () => given, ...more })
  }
}

const startWith = (t: Test, tenant: TestTenant, more: object) => startVerifier(t, tenant, more)

/** What a token is told: `user`, or status and code. */
const outcome = (verifier: Verifier, token: string) =>
  verifier.verify({ scheme: 'Bearer', token }).then(
    ({ kind }) => kind,
    ({ statusCode, code }: { statusCode: number; code: string }) => `${statusCode} ${code}`
  )

const ago = (milliseconds: number) => new Date(Date.now() - milliseconds).toISOString()
const aged = (sets: readonly PreloadedKeySet[], fetchedAt: unknown) => sets.map((set) => ({ ...set, fetchedAt }))

t.test('a process that starts while its tenant is down serves good tokens, of v2 and v1', async (t) => {
  const { tenant, sets, log, start } = await saved(t)
  t.same(
    sets.map(({ issuer }) => issuer).sort(),
    [`${tenant.origin}/${tenantId}/`, `${tenant.origin}/${tenantId}/v2.0`],
    'a set for each issuer'
  )
  await tenant.close()
  const verifier = start(sets)
  await verifier.ready()
  t.equal(await outcome(verifier, await tenant.userToken()), 'user')
  t.equal(await outcome(verifier, await tenant.v1Token()), 'user')
  t.equal(await outcome(verifier, await tenant.userToken({}, {}, other)), '503 tenant_unavailable', 'it may be new')
  t.match(verifier.issuers, [
    { state: 'stale', preloaded: true, keys: 1, issuer: `${tenant.origin}/${tenantId}/v2.0` },
    { state: 'stale', preloaded: true, keys: 1, issuer: `${tenant.origin}/${tenantId}/` }
  ])
  t.match(
    log.lines.filter(({ message }) => message === 'keys of the tenant preloaded'),
    [{ level: 'info', details: { kids: ['key-1'], ageSeconds: Number } }, { level: 'info' }]
  )
  const said = JSON.stringify(log.lines)
  t.notOk(said.includes(String(tenant.key.jwk.n).slice(0, 20)), 'no key material in the log')
})

t.test('the first fetch replaces them', async (t) => {
  const { tenant, sets, start } = await saved(t)
  tenant.keys.splice(0, 1, other.jwk)
  const verifier = start(sets)
  await verifier.ready()
  t.equal(
    await outcome(verifier, await tenant.userToken({}, {}, other)),
    'user',
    'the first token of a new key waits for it'
  )
  await until('both sets are fetched', () => verifier.issuers.every(({ state }) => state === 'fresh'))
  t.equal(await outcome(verifier, await tenant.userToken()), '401 unknown_key', 'the old key is refused from then on')
  t.notOk(verifier.issuers.some((status) => 'preloaded' in status))
})

t.test('startup does not wait for a tenant that hangs', async (t) => {
  const { tenant, sets, start } = await saved(t, 'v2 alone')
  t.equal(sets.length, 1, 'this authority has no v1')
  for (const path of [tenant.paths.discovery, tenant.paths.v1Discovery]) tenant.answers.set(path, () => {})
  const verifier = start(sets, { keysTimeoutSeconds: 60 })
  let isReady = false
  const ready = verifier.ready().then(() => {
    isReady = true
  })
  t.equal(await outcome(verifier, await tenant.userToken()), 'user')
  await ready
  t.ok(isReady)
  t.match(verifier.issuers, [{ preloaded: true }, { state: 'cold' }])
  t.notOk(
    verifier.issuers.some(({ lastError }) => lastError),
    'its documents are still awaited'
  )
})

t.test('the plugin: ready, and what the state of the keys says', async (t) => {
  const { tenant, sets } = await saved(t)
  await tenant.close()
  const api = await startApi(t, { tenant, options: { preloadedKeys: async () => sets } })
  t.equal(api.app.entra.ready, true)
  t.match(api.app.entra.issuers, [{ state: 'stale', preloaded: true }, { preloaded: true }])
  t.equal(await api.outcome('/me', await tenant.userToken()), '200')
  t.match(api.logged(), /"event":"tenant.ready","keys":\["key-1"\],"preloaded":true/)
})

t.test('age: by the wall clock, since fetchedAt', async (t) => {
  const { tenant, sets, log, start } = await saved(t)
  await tenant.close()
  const token = await tenant.userToken()
  const rows: [name: string, fetchedAt: unknown, more: object, expected: string, warning?: RegExp][] = [
    ['an hour', ago(hour), {}, 'user'],
    ['as a number', Date.now() - hour, {}, 'user'],
    ['in another time zone', ago(hour).replace('Z', '+00:00'), {}, 'user'],
    ['just within a day', ago(day - 60_000), {}, 'user'],
    ['more than a day', ago(day + 1000), {}, '503 tenant_unavailable', /older than keysMaxStaleSeconds/],
    ['an hour, and less is allowed', ago(hour), { keysMaxStaleSeconds: 60 }, '503 tenant_unavailable', /older than/],
    ['seconds in place of milliseconds', Math.floor(Date.now() / 1000), {}, '503 tenant_unavailable', /older than/],
    ['the future', ago(-60_000), {}, '503 tenant_unavailable', /fetched in the future/]
  ]
  for (const [name, fetchedAt, more, expected, warning] of rows) {
    log.lines.length = 0
    const verifier = start(aged(sets, fetchedAt), more)
    await verifier.ready()
    t.equal(await outcome(verifier, token), expected, name)
    const warnings = log.lines.filter(({ level, message }) => level === 'warn' && /preloaded/.test(message))
    t.equal(warnings.length, warning ? 2 : 0, `${name}: a warning for each set`)
    if (warning) t.match(warnings[0]?.message, warning)
    t.equal(verifier.issuers[0]?.preloaded, warning ? undefined : true)
    await verifier.close()
  }
})

t.test('the bounds of an age, to the millisecond', (t) => {
  const set = { issuer: 'https://id.example', metadataUrl: undefined, fetchedAt: 1_000_000, keys: [] }
  t.equal(agedOut(set, 1_000_000, 60), undefined)
  t.equal(agedOut(set, 1_060_000, 60), undefined)
  t.match(agedOut(set, 1_060_001, 60), /older/)
  t.match(agedOut(set, 999_999, 60), /future/)
  t.end()
})

t.test('preloaded keys age while they are used, also in a process that is frozen', async (t) => {
  const { tenant, sets, start } = await saved(t)
  await tenant.close()
  const clock = processClock(t)
  const verifier = start(aged(sets, ago(12 * hour)))
  await verifier.ready()
  clock.moveWall(12 * hour - 60_000)
  t.equal(await outcome(verifier, await tenant.userToken()), 'user', 'not yet a day')
  clock.moveWall(61_000)
  t.equal(
    await outcome(verifier, await tenant.userToken()),
    '503 tenant_unavailable',
    'a day, of which this process saw nothing'
  )
  t.match(verifier.issuers, [{ state: 'cold', keys: 0 }, { state: 'cold' }])
})

t.test('fetched keys, freeze and thaw: the first request waits for new keys', async (t) => {
  const tenant = await startTestTenant(t)
  const verifier = startVerifier(t, tenant)
  await verifier.ready()
  const clock = processClock(t)
  const before = tenant.requests.length
  clock.moveWall(25 * hour)
  t.equal(await outcome(verifier, await tenant.userToken()), 'user')
  t.equal(tenant.requests.slice(before).filter((path) => path === tenant.paths.keys).length, 1)
  await tenant.close()
  clock.moveWall(25 * hour)
  t.equal(await outcome(verifier, await tenant.userToken()), '503 tenant_unavailable', 'unless there are none')
})

t.test(
  'a process that was stopped: where both clocks went on, its timers are due, and no request has to begin a refresh',
  async (t) => {
    const tenant = await startTestTenant(t)
    const verifier = startVerifier(t, tenant)
    await verifier.ready()
    const clock = processClock(t)
    const before = tenant.requests.length
    clock.advance(2 * hour)
    t.equal(await outcome(verifier, await tenant.userToken()), 'user')
    t.equal(tenant.requests.length, before)
    clock.advance(23 * hour)
    t.equal(await outcome(verifier, await tenant.userToken()), 'user', 'unless it cannot be served otherwise')
    t.ok(tenant.requests.length > before)
  }
)

t.test('another issuer', async (t) => {
  const { tenant, sets, log, start } = await saved(t)
  const [set] = sets as [PreloadedKeySet]
  const foreign = { ...set, issuer: 'https://id.example', keys: [other.jwk] }
  await tenant.close()

  const verifier = start([foreign, ...sets])
  await verifier.ready()
  t.equal(await outcome(verifier, await tenant.userToken()), 'user', 'the others are used')
  t.match(
    log.lines.find(({ message }) => /does not trust/.test(message)),
    { level: 'warn', details: { issuer: '"https://id.example"' } }
  )
  t.equal(await outcome(verifier, await tenant.userToken({ iss: 'https://id.example' }, {}, other)), '401 wrong_issuer')
  t.equal(await outcome(verifier, await tenant.userToken({}, {}, other)), '503 tenant_unavailable', 'nor for this one')

  await t.rejects(start([foreign]).ready(), {
    code: 'ENTRA_CONFIGURATION',
    message: new RegExp(
      `has keys of "https://id.example", and this API trusts ${set.issuer} and that of http\\S+; write them`
    )
  })
  const many = Array.from({ length: 6 }, (_, at) => ({ ...foreign, issuer: `https://${at}.example` }))
  await t.rejects(start(many).ready(), { message: /"https:\/\/3.example" and others, and this API/ })
  await t.rejects(start({ ...set, metadataUrl: 'https://id.example/other' }).ready(), {
    message: /and this API trusts/
  })
  await t.rejects(start([set, { ...set }]).ready(), { message: /has "http\S+" twice; give one set for each issuer$/ })
})

t.test('an issuer that only its document names: the set must come from that document', async (t) => {
  const { tenant, sets, start } = await saved(t)
  const v1 = sets.find(({ issuer }) => issuer.endsWith(`/${tenantId}/`)) as PreloadedKeySet
  const v2 = sets.find((set) => set !== v1) as PreloadedKeySet
  await tenant.close()
  const { metadataUrl: _, ...unbound } = v1
  const verifier = start([v2, unbound])
  await verifier.ready()
  t.match(verifier.issuers, [{ preloaded: true }, { state: 'cold' }], 'any authority can have such a name')
  await t.rejects(start({ ...v1, issuer: 'https://id.example/other/' }).ready(), { message: /and this API trusts/ })
})

t.test('a name that another issuer of this API has', async (t) => {
  const { tenant, sets, log } = await saved(t)
  const v1 = sets.find(({ issuer }) => issuer.endsWith(`/${tenantId}/`)) as PreloadedKeySet
  await tenant.close()
  const tenants = [
    { tenantId, clientId, authority: tenant.origin },
    { issuer: v1.issuer, audience: 'orders' }
  ]
  const verifier = createVerifier({ tenants, log, preloadedKeys: () => v1 })
  t.teardown(() => verifier.close())
  await verifier.ready()
  t.match(verifier.issuers, [
    { state: 'cold' },
    { state: 'cold' },
    { state: 'stale', preloaded: true, issuer: v1.issuer }
  ])
  t.match(
    log.lines.find(({ message }) => /has another configuration/.test(message)),
    { level: 'warn', details: { reason: /is already the issuer of another tenant of this API$/ } }
  )
})

t.test('an optional document that is gone is a fault, as keys of it are preloaded', async (t) => {
  const { tenant, sets, start } = await saved(t)
  tenant.answers.set(tenant.paths.v1Discovery, (_request, response) => response.writeHead(404).end())
  const verifier = start(sets)
  await verifier.ready()
  await until('v1 was tried', () => verifier.issuers[1]?.lastError !== undefined)
  t.match(verifier.issuers[1], { state: 'stale', preloaded: true, lastError: 'answered 404' })
})

t.test('vetted as a fetched set', async (t) => {
  const { tenant, sets, start } = await saved(t)
  const [set] = sets as [PreloadedKeySet]
  await tenant.close()
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  const own = { ...(await exportJWK(publicKey)), kid: 'own', use: 'sig' }
  const unusable: [name: string, key: object][] = [
    ['a private key', { ...own, ...(await exportJWK(privateKey)) }],
    ['one private member', { ...own, d: 'AQAB' }],
    ['a symmetric key', { kty: 'oct', k: 'AQAB', kid: 'own' }],
    ['a key for encryption', { ...own, use: 'enc' }],
    ['no kid', { ...own, kid: undefined }],
    ['a weak key', { ...own, n: Buffer.alloc(128, 0xff).toString('base64url') }],
    ['another algorithm than that of the API', { ...own, alg: 'RS512' }],
    ['a key of some cloud', { ...own, cloud_instance_name: 'microsoftonline.us' }]
  ]
  const words = (await exportJWK(privateKey)).d as string
  for (const [name, key] of unusable) {
    const refused = await start({ ...set, keys: [key] })
      .ready()
      .then(
        () => undefined,
        (error: Error) => error
      )
    t.match(
      refused?.message,
      /^preloadedKeys has keys of "http\S+" that cannot be used: the key set has no usable key; write/,
      name
    )
    t.notOk(refused?.message.includes(words.slice(0, 8)))
  }
  const verifier = start({ ...set, keys: [...unusable.map(([, key]) => key), own] })
  await verifier.ready()
  const signer = { kid: 'own', privateKey, jwk: own }
  t.equal(await outcome(verifier, await tenant.userToken({}, {}, signer)), 'user', 'a bad entry never drops the rest')
})

t.test('what is no key set', async (t) => {
  const keys = [other.jwk]
  const [issuer, fetchedAt] = ['https://id.example', '2026-01-31T12:00:00Z']
  const rows: [given: unknown, message: RegExp][] = [
    [[], /has an empty list; give \{ issuer, fetchedAt, keys \}/],
    ['text', /something other than a key set/],
    [[null], /something other than a key set/],
    [{ fetchedAt, keys }, /without an issuer/],
    [{ issuer: '', fetchedAt, keys }, /without an issuer/],
    [{ issuer, fetchedAt, keys, metadataUrl: 1 }, /whose URL of the discovery document is not a string/],
    [{ issuer, fetchedAt }, /without a list of keys/],
    [Object.create({ issuer, fetchedAt, keys }), /without an issuer/],
    ...[
      undefined,
      null,
      'yesterday',
      '2026',
      '2026-13-01T00:00:00Z',
      Number.NaN,
      Number.POSITIVE_INFINITY,
      true,
      new Date()
    ].map((time): [unknown, RegExp] => [
      { issuer, keys, fetchedAt: time },
      /fetchedAt that is no time; give one such as/
    ])
  ]
  for (const [given, message] of rows)
    t.throws(() => toGivenKeySets(given), { code: 'ENTRA_CONFIGURATION', message }, JSON.stringify(given))
  t.same(toGivenKeySets({ issuer, fetchedAt, keys }), [
    { issuer, metadataUrl: undefined, fetchedAt: Date.parse(fetchedAt), keys }
  ])
})

t.test('a function', async (t) => {
  const { tenant, sets, log, start } = await saved(t)
  await tenant.close()
  const token = await tenant.userToken()
  t.equal(await outcome(start(Promise.resolve(sets)), token), 'user', 'may be asynchronous')
  const none = start(undefined)
  t.equal(await outcome(none, token), '503 tenant_unavailable', 'may have nothing yet')
  t.equal(await outcome(start(null), token), '503 tenant_unavailable')
  t.equal(log.lines.filter(({ message }) => /preloadedKeys/.test(message)).length, 0)
  const failing = startWith(t, tenant, {
    log,
    preloadedKeys: () => {
      throw new Error('the bucket is down')
    }
  })
  t.equal(await outcome(failing, token), '503 tenant_unavailable', 'its failure does not stop the start')
  t.match(
    log.lines.find(({ message }) => /^preloadedKeys failed/.test(message)),
    { level: 'warn', details: { err: { message: 'the bucket is down' } } }
  )
  const alive = setInterval(() => {}, 1000) // a deadline alone keeps no process alive
  t.teardown(() => clearInterval(alive))
  const hanging = start(new Promise(() => {}), { keysTimeoutSeconds: 0.2 })
  t.equal(await outcome(hanging, token), '503 tenant_unavailable', 'nor does one that hangs')
  await t.rejects(start('text').ready(), { code: 'ENTRA_CONFIGURATION' }, 'what it returns must be key sets')
})

t.test('the options, as settings', (t) => {
  const settings = (more: object): Settings => toSettings({ tenantId, clientId, ...more })
  t.match(settings({ preloadedKeys: 'keys.json' }), { preloadedKeys: 'keys.json', saveKeys: undefined })
  t.end()
})

t.test('saveKeys: after each fetch, and its failure is a line of the log', async (t) => {
  const tenant = await startTestTenant(t)
  const log = recordingLogger()
  let calls = 0
  const verifier = startVerifier(t, tenant, {
    log,
    saveKeys: async () => {
      calls += 1
      throw new Error('the disk is full')
    }
  })
  await verifier.ready()
  t.equal(calls, 2, 'v2 and v1')
  await outcome(verifier, await tenant.userToken({}, {}, other))
  t.equal(calls, 3, 'also when nothing changed')
  t.match(
    log.lines.find(({ message }) => /^saveKeys failed/.test(message)),
    { level: 'warn', details: { err: { message: 'the disk is full' } } }
  )
  t.equal(await outcome(verifier, await tenant.userToken()), 'user')
})

t.test('saveKeys is not called while there is nothing to save', async (t) => {
  const tenant = await startTestTenant(t)
  tenant.answers.set(tenant.paths.discovery, (_request, response) => response.writeHead(500).end())
  tenant.answers.set(tenant.paths.v1Discovery, (_request, response) => response.writeHead(404).end())
  let calls = 0
  const verifier = startVerifier(t, tenant, {
    saveKeys: () => {
      calls += 1
    }
  })
  await verifier.ready()
  t.equal(calls, 0)
})

t.test('what is saved: public members, and the same keys when they are read again', async (t) => {
  const [rsa, ec] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('ES256')])
  const jwks = [
    { ...(await exportJWK(rsa.publicKey)), kid: 'a', issuer: 'https://id.example', x5c: ['x'] },
    { ...(await exportJWK(ec.publicKey)), kid: 'b' },
    { ...(await exportJWK(rsa.publicKey)), kid: 'c', alg: 'PS256' },
    { ...(await exportJWK(rsa.publicKey)), kid: 'c', alg: 'RS512' },
    { ...(await exportJWK(rsa.publicKey)) }
  ]
  for (const algorithms of [algorithmNames, ['RS256', 'PS256', 'ES256'] as const]) {
    const source = { issuer: 'https://id.example', algorithms, allowsUnnamed: true }
    const { keys } = await toKeySet({ keys: jwks }, source)
    const entries = keys.flatMap((key) => toPublicJwks(key, algorithms))
    const again = await toKeySet({ keys: entries }, source)
    t.same(again.keys, keys)
    for (const entry of entries)
      t.same(
        Object.keys(entry).filter((name) => !/^(kty|use|kid|alg|n|e|crv|x|y|issuer)$/.test(name)),
        []
      )
  }
})

t.test('a file', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'keys-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const { tenant, sets } = await saved(t)
  await tenant.close()
  const token = await tenant.userToken()
  const path = join(folder, 'keys.json')
  const startOn = (preloadedKeys: string) => startWith(t, tenant, { preloadedKeys })
  const write = async (text: string, mode = 0o600) => {
    await writeFile(path, text)
    await chmod(path, mode)
  }
  await t.rejects(startOn(path).ready(), {
    message: /^preloadedKeys cannot be read \(ENOENT\); give the path of a file/
  })
  for (const mode of [0o600, 0o400, 0o644]) {
    await write(`\uFEFF${JSON.stringify(sets)}`, mode)
    t.equal(await outcome(startOn(path), token), 'user', mode.toString(8))
  }
  const linked = join(folder, 'link.json')
  await symlink(path, linked)
  t.equal(await outcome(startOn(linked), token), 'user', 'a link counts as the file that it leads to')
  for (const mode of [0o620, 0o602, 0o666, 0o646]) {
    await chmod(path, mode)
    for (const at of [path, linked])
      await t.rejects(startOn(at).ready(), {
        message: /^preloadedKeys names a file that others can write, .*; run chmod go-w on it$/
      })
  }
  await write('{"issuer":')
  await t.rejects(startOn(path).ready(), {
    message: /does not contain JSON; write it with "fastify-entra keys", or remove it$/
  })
  await write('{}')
  await t.rejects(startOn(path).ready(), { message: /without an issuer/ })
  await t.rejects(startOn(folder).ready(), { message: /is not a regular file; give the path of one$/ })
  await truncate(path, 16 * 1024 * 1024 + 1)
  await t.rejects(readKeysFile(path), { message: /is larger than 16777216 bytes/ })
  await write('{"__proto__":{"issuer":"https://id.example"}}')
  await t.rejects(startOn(path).ready(), { message: /without an issuer/ }, 'no member is inherited')
})

t.test('whose file it is', (t) => {
  const file = { isFile: () => true, mode: 0o100644, uid: 1000, size: 1 }
  t.equal(faultOf(file, 1000), undefined)
  t.equal(faultOf({ ...file, uid: 0 }, 1000), undefined, 'of root')
  t.match(faultOf(file, 1001), /^belongs to another user/)
  t.match(faultOf(file, 0), /^belongs to another user/, 'also for root')
  t.match(faultOf({ ...file, mode: 0o100664 }, 1000), /^others can write/)
  t.equal(faultOf({ ...file, mode: 0o100666 }, undefined), undefined, 'Windows shows no owner and no permissions')
  t.match(faultOf({ ...file, isFile: () => false }, undefined), /^is not a regular file/)
  t.end()
})

t.test('a tenant that is configured by its domain', async (t) => {
  const tenant = await startTestTenant(t)
  const path = '/contoso.example'
  const issuer = `${tenant.origin}/${tenantId}/v2.0`
  tenant.answers.set(
    `${path}/v2.0/.well-known/openid-configuration`,
    json(() => ({ issuer, jwks_uri: tenant.origin + tenant.paths.keys }))
  )
  let sets: readonly PreloadedKeySet[] = []
  const options = {
    tenantId: 'contoso.example',
    saveKeys: (all: readonly PreloadedKeySet[]) => {
      sets = all
    }
  }
  const first = startVerifier(t, tenant, options)
  await first.ready()
  t.match(sets, [{ issuer, metadataUrl: `${tenant.origin}${path}/v2.0/.well-known/openid-configuration` }])
  await first.close()
  await tenant.close()
  const verifier = startVerifier(t, tenant, { tenantId: 'contoso.example', preloadedKeys: () => sets })
  t.equal(await outcome(verifier, await tenant.userToken()), 'user')
  t.match(verifier.issuers[0], { issuer, preloaded: true }, 'the set names it until the document does')
})
