import t from 'tap'
import { Issuer, type IssuerSettings } from '../../../src/plugin/issuers/issuer.js'
import { TrustedIssuers } from '../../../src/plugin/issuers/trusted-issuers.js'
import { HttpStatusError } from '../../../src/plugin/lib/json-client.js'
import { isRefusal } from '../../../src/plugin/refusals/refusal.js'
import { FakeClock } from '../../support/clock.js'
import { recordingLogger } from '../../support/log.js'
import { profile } from '../../support/profile.js'
import { signingKey } from '../../support/tenant.js'

const origin = 'https://login.example'
const tid = '11111111-2222-4333-8444-555555555555'
const iss = { v2: `${origin}/${tid}/v2.0`, v1: `https://sts.example/${tid}/` }
const url = {
  v2: `${origin}/${tid}/v2.0/.well-known/openid-configuration`,
  v1: `${origin}/${tid}/.well-known/openid-configuration`,
  v2Keys: `${origin}/${tid}/discovery/v2.0/keys`,
  v1Keys: `${origin}/${tid}/discovery/keys`
}
const stranger = 'https://login.example/99999999-2222-4333-8444-555555555555/v2.0'
const [a, b] = await Promise.all([signingKey('a'), signingKey('b')])
const notFound = new HttpStatusError(404)
const unreachable = new Error('connect ECONNREFUSED')

const v2Settings: IssuerSettings = { url: url.v2, issuer: iss.v2, optional: false, profile }
/** Where only the document can say which one it is: another authority than Microsoft's. */
const v1Settings: IssuerSettings = {
  url: url.v1,
  issuer: new RegExp(`^https://[^/]+/${tid}/$`),
  optional: true,
  profile
}

/** Both issuers of a tenant that answers as told: a value is a document, an `Error` is thrown. */
async function tenant(answers: Record<string, unknown> = {}, v1 = v1Settings) {
  const clock = new FakeClock()
  const log = recordingLogger()
  const published: Record<string, unknown> = {
    [url.v2]: { issuer: iss.v2, jwks_uri: url.v2Keys, token_endpoint: `${origin}/token` },
    [url.v1]: { issuer: iss.v1, jwks_uri: url.v1Keys },
    [url.v2Keys]: { keys: [{ ...a.jwk, issuer: iss.v2 }] },
    [url.v1Keys]: { keys: [{ ...b.jwk, issuer: iss.v1 }] },
    ...answers
  }
  const requests: string[] = []
  const fetchJson = async (requested: string) => {
    requests.push(requested)
    const answer = published[requested]
    if (answer instanceof Error) throw answer
    return answer
  }
  const timings = { refreshSeconds: 3600, cooldownSeconds: 30, maxStaleSeconds: 86_400 }
  const names = new Map<string, Issuer>()
  const issuers = [v2Settings, v1].map((settings) => new Issuer(settings, timings, { fetchJson, clock, log, names }))
  const trusted = new TrustedIssuers(issuers) // as the plugin does it: before anything is known
  await Promise.all(issuers.map(({ keys }) => keys.start()))
  /** What a token of this issuer, signed with this key, is told. */
  const ask = async (issuer: unknown, kid: string) => {
    const found = await trusted.findKey(issuer, { kid, alg: 'RS256' }, {})
    return isRefusal(found) ? `${found.status} ${found.code}` : `key ${found.key.kid}`
  }
  return { ask, clock, issuers, log, published, requests }
}

t.test("the token's iss picks among the trusted issuers, and never adds one", async (t) => {
  const { ask, requests } = await tenant()
  const cases: { name: string; iss: unknown; kid: string; expected: string }[] = [
    { name: 'v2', iss: iss.v2, kid: 'a', expected: 'key a' },
    { name: 'v1', iss: iss.v1, kid: 'b', expected: 'key b' },
    { name: 'a key of v1 under v2', iss: iss.v2, kid: 'b', expected: '401 unknown_key' },
    { name: 'a key of v2 under v1', iss: iss.v1, kid: 'a', expected: '401 unknown_key' },
    { name: 'another tenant', iss: stranger, kid: 'a', expected: '401 wrong_issuer' },
    { name: 'a slash more', iss: `${iss.v2}/`, kid: 'a', expected: '401 wrong_issuer' },
    { name: 'a slash less', iss: iss.v1.slice(0, -1), kid: 'b', expected: '401 wrong_issuer' },
    { name: 'another host', iss: iss.v2.replace('login', 'evil'), kid: 'a', expected: '401 wrong_issuer' },
    { name: 'http', iss: iss.v2.replace('https', 'http'), kid: 'a', expected: '401 wrong_issuer' },
    { name: 'the template', iss: `${origin}/{tenantid}/v2.0`, kid: 'a', expected: '401 wrong_issuer' },
    { name: 'another case', iss: iss.v2.toUpperCase(), kid: 'a', expected: '401 wrong_issuer' },
    { name: 'empty', iss: '', kid: 'a', expected: '401 wrong_issuer' },
    { name: 'missing', iss: undefined, kid: 'a', expected: '401 wrong_issuer' },
    { name: 'null', iss: null, kid: 'a', expected: '401 wrong_issuer' },
    { name: 'a number', iss: 2, kid: 'a', expected: '401 wrong_issuer' },
    { name: 'a list that has it', iss: [iss.v2], kid: 'a', expected: '401 wrong_issuer' },
    { name: 'an object', iss: { toString: () => iss.v2 }, kid: 'a', expected: '401 wrong_issuer' }
  ]
  for (const { name, iss, kid, expected } of cases) t.equal(await ask(iss, kid), expected, name)
  t.same([...new Set(requests)].sort(), Object.values(url).sort(), 'nothing but the configured documents was fetched')
})

t.test('the document and the keys of one refresh have one deadline, and each refresh its own', async (t) => {
  const purposes: unknown[] = []
  const clock = new FakeClock()
  const fetchJson = async (requested: string, purpose?: object) => {
    purposes.push(purpose)
    return requested === url.v2 ? { issuer: iss.v2, jwks_uri: url.v2Keys } : { keys: [a.jwk] }
  }
  const timings = { refreshSeconds: 3600, cooldownSeconds: 30, maxStaleSeconds: 86_400 }
  const dependencies = { fetchJson, clock, log: recordingLogger(), names: new Map<string, Issuer>() }
  const { keys } = new Issuer(v2Settings, timings, dependencies)
  await keys.start()
  await keys.find('unknown', 'RS256')
  const [first, second, third, fourth] = purposes
  t.type(first, 'object')
  t.ok(first === second && third === fourth)
  t.not(first, third)
  keys.close()
})

t.test('a wrong issuer asks for no refresh', async (t) => {
  const { ask, requests } = await tenant()
  const before = requests.length
  for (let i = 0; i < 100; i += 1) await ask(stranger, `x${i}`)
  t.equal(requests.length, before)
})

t.test('an authority without v1 (404): its tokens are of a wrong issuer, which is no outage', async (t) => {
  const { ask, issuers, log } = await tenant({ [url.v1]: notFound })
  t.equal(await ask(iss.v2, 'a'), 'key a')
  t.equal(await ask(iss.v1, 'b'), '401 wrong_issuer')
  t.equal(await ask(stranger, 'a'), '401 wrong_issuer')
  t.equal(issuers[1]?.name, undefined)
  t.notOk(log.lines.some(({ level }) => level !== 'info'))

  t.test('and one that is named by the configuration has no keys', async (t) => {
    const { ask } = await tenant({ [url.v1]: notFound }, { ...v1Settings, issuer: iss.v1 })
    t.equal(await ask(iss.v1, 'b'), '401 unknown_key')
  })
})

t.test('an authority whose v1 appears later', async (t) => {
  const { ask, clock, published } = await tenant({ [url.v1]: notFound })
  published[url.v1] = { issuer: iss.v1, jwks_uri: url.v1Keys }
  await clock.advance(3600_000)
  t.equal(await ask(iss.v1, 'b'), 'key b')
})

t.test('after a good answer a 404 is a fault of the tenant: the last good set serves', async (t) => {
  for (const [name, at] of [
    ['the document', url.v1],
    ['the keys', url.v1Keys]
  ] as const) {
    t.test(name, async (t) => {
      const { ask, clock, issuers, published } = await tenant()
      published[at] = notFound
      await clock.advance(3600_000)
      t.equal(issuers[1]?.status.state, 'stale')
      t.equal(await ask(iss.v1, 'b'), 'key b')
      t.equal(await ask(iss.v1, 'x'), '503 tenant_unavailable')
    })
  }
})

t.test('v2 is not optional: a 404 is an outage', async (t) => {
  const { ask, issuers } = await tenant({ [url.v2]: notFound })
  t.equal(issuers[0]?.status.state, 'cold')
  t.equal(await ask(iss.v2, 'a'), '503 tenant_unavailable')
})

t.test('v1 cannot be reached', async (t) => {
  const { ask, clock, published } = await tenant({ [url.v1]: unreachable })
  t.equal(await ask(iss.v2, 'a'), 'key a', 'v2 goes on')
  t.equal(await ask(stranger, 'a'), '503 tenant_unavailable', 'nobody can say yet whose token this is')
  t.equal(await ask(iss.v1, 'b'), '503 tenant_unavailable')
  published[url.v1] = { issuer: iss.v1, jwks_uri: url.v1Keys }
  await clock.advance(5000)
  t.equal(await ask(stranger, 'a'), '401 wrong_issuer')
  t.equal(await ask(iss.v1, 'b'), 'key b')

  t.test('but its issuer is known: a stranger is a stranger', async (t) => {
    const { ask } = await tenant({ [url.v1]: unreachable }, { ...v1Settings, issuer: iss.v1 })
    t.equal(await ask(stranger, 'a'), '401 wrong_issuer')
    t.equal(await ask(iss.v1, 'b'), '503 tenant_unavailable')
  })
})

t.test('a document that names another issuer trusts nobody', async (t) => {
  const { ask, issuers, log } = await tenant({ [url.v2]: { issuer: stranger, jwks_uri: url.v2Keys } })
  t.equal(await ask(stranger, 'a'), '401 wrong_issuer')
  t.equal(await ask(iss.v2, 'a'), '503 tenant_unavailable')
  t.equal(issuers[0]?.metadata, undefined)
  t.ok(log.lines.some(({ level }) => level === 'error'))
})

t.test('a v1 document that names another tenant is an answer, not an outage: a stranger is a stranger', async (t) => {
  // the contract: 503 is for "the tenant cannot be reached"; a wrong iss is a 401.
  const { ask } = await tenant({ [url.v1]: { issuer: 'https://sts.example/other/', jwks_uri: url.v1Keys } })
  t.equal(await ask(iss.v2, 'a'), 'key a')
  t.equal(await ask(stranger, 'a'), '401 wrong_issuer')
})

t.test('a refresh with a garbled or empty set keeps the last good one (Entra rule 5)', async (t) => {
  const garbage = [
    null,
    'text',
    {},
    { keys: [] },
    { keys: [{ kty: 'oct', kid: 'a', k: 'eA' }] },
    new HttpStatusError(500)
  ]
  for (const answer of garbage) {
    const { ask, clock, published } = await tenant()
    published[url.v2Keys] = answer
    await clock.advance(3600_000)
    t.equal(await ask(iss.v2, 'a'), 'key a', JSON.stringify(answer))
  }
})

t.test('the document is read again with each refresh: keys may move on their host', async (t) => {
  const { ask, clock, published } = await tenant()
  const moved = `${origin}/${tid}/keys-moved`
  published[url.v2] = { issuer: iss.v2, jwks_uri: moved }
  published[moved] = { keys: [b.jwk] }
  await clock.advance(3600_000)
  t.equal(await ask(iss.v2, 'b'), 'key b')
  t.equal(await ask(iss.v2, 'a'), '401 unknown_key')
})

t.test('metadata and status', async (t) => {
  const { issuers } = await tenant({ [url.v1]: unreachable })
  const [v2, v1] = issuers
  t.same(v2?.metadata, { issuer: iss.v2, jwksUri: url.v2Keys, tokenEndpoint: `${origin}/token` })
  t.equal(v1?.metadata, undefined)
  t.same(v2?.status, { metadataUrl: url.v2, issuer: iss.v2, state: 'fresh', keys: 1, ageSeconds: 0 })
  t.same(v1?.status, { metadataUrl: url.v1, state: 'cold', keys: 0, lastError: 'connect ECONNREFUSED' })
})

t.test('metadata outlives an outage of its keys', async (t) => {
  const { clock, issuers, published } = await tenant()
  published[url.v2] = unreachable
  await clock.advance(7200_000)
  t.equal(issuers[0]?.metadata?.issuer, iss.v2)
})

/** Issuers that only their documents can name, `open` of them, and so many that the configuration names. */
async function many(open: number, configured: number, unreached: readonly number[] = []) {
  const clock = new FakeClock()
  const log = recordingLogger()
  const nameOf = (at: number) => `${origin}/${at}`
  const documentOf = (at: number) => `${nameOf(at)}/.well-known/openid-configuration`
  const published: Record<string, unknown> = {}
  const requests: string[] = []
  const fetchJson = async (requested: string) => {
    requests.push(requested)
    const answer = published[requested] ?? notFound
    if (answer instanceof Error) throw answer
    return answer
  }
  const publish = (at: number) => {
    published[documentOf(at)] = { issuer: nameOf(at), jwks_uri: `${nameOf(at)}/keys` }
    published[`${nameOf(at)}/keys`] = { keys: [{ ...a.jwk, kid: `of-${at}` }] }
  }
  const settings = Array.from({ length: open + configured }, (_, at): IssuerSettings => {
    const issuer = at < open ? new RegExp(`^${nameOf(at)}$`) : nameOf(at)
    return { url: documentOf(at), issuer, optional: at < open, profile }
  })
  settings.forEach((_, at) => {
    if (unreached.includes(at)) published[documentOf(at)] = unreachable
    else publish(at)
  })
  const timings = { refreshSeconds: 3600, cooldownSeconds: 30, maxStaleSeconds: 86_400 }
  const names = new Map<string, Issuer>()
  const issuers = settings.map((each) => new Issuer(each, timings, { fetchJson, clock, log, names }))
  const start = () => Promise.all(issuers.map(({ keys }) => keys.start()))
  const trusted = new TrustedIssuers(issuers)
  const ask = async (at: number | string, kid = `of-${at}`) => {
    const found = await trusted.findKey(typeof at === 'number' ? nameOf(at) : at, { kid, alg: 'RS256' }, {})
    return isRefusal(found) ? `${found.status} ${found.code}` : `${found.key.kid} by ${found.issuer.name}`
  }
  return { ask, clock, documentOf, issuers, nameOf, publish, published, requests, start, trusted }
}

t.test('RFC 8725 §3.8: each token gets a key of its own issuer, however many are trusted', async (t) => {
  const { ask, issuers, nameOf, requests, start, trusted } = await many(3, 50)
  await start()
  t.equal(trusted.all, issuers, 'all of them, in their order')
  const before = requests.length
  for (let at = 0; at < 53; at += 1) {
    t.equal(await ask(at), `of-${at} by ${nameOf(at)}`)
    t.equal(trusted.named(nameOf(at)), issuers[at])
  }
  t.equal(requests.length, before, 'and nobody else is asked')
  t.equal(await ask(7, 'of-8'), '401 unknown_key', 'the key of another')
  t.equal(requests.length, before + 2, 'only the issuer that the token names is asked for new keys')
})

t.test('what is no name of an issuer finds none', async (t) => {
  const { ask, nameOf, start, trusted } = await many(2, 2)
  await start()
  const names = ['undefined', 'null', '__proto__', 'constructor', 'toString', '', nameOf(4), `^${nameOf(0)}$`]
  for (const name of names) {
    t.equal(await ask(name, 'of-0'), '401 wrong_issuer', name)
    t.equal(trusted.named(name), undefined, name)
  }
})

t.test('several that only their documents can name: while one of them is unknown, a stranger may be it', async (t) => {
  const { ask, clock, nameOf, publish, start } = await many(3, 1, [0, 1])
  await start()
  t.equal(await ask(2), `of-2 by ${nameOf(2)}`, 'those that were reached go on')
  t.equal(await ask(3), `of-3 by ${nameOf(3)}`)
  for (const at of [0, 1, stranger]) t.equal(await ask(at), '503 tenant_unavailable', String(at))
  publish(0)
  await clock.advance(5000)
  t.equal(await ask(0), `of-0 by ${nameOf(0)}`)
  for (const at of [1, stranger]) t.equal(await ask(at), '503 tenant_unavailable', String(at))
  publish(1)
  await clock.advance(30_000)
  t.equal(await ask(1), `of-1 by ${nameOf(1)}`)
  t.equal(await ask(stranger), '401 wrong_issuer', 'all have a name, and none has this one')
})

t.test('a token asks all of them at once for a document that was not there, once per cooldown', async (t) => {
  const { ask, clock, documentOf, nameOf, publish, published, requests, start } = await many(2, 0)
  const documents = [documentOf(0), documentOf(1)]
  for (const each of documents) published[each] = notFound
  await start()
  const asked = () => documents.map((each) => requests.filter((url) => url === each).length)
  t.strictSame(asked(), [1, 1])
  t.equal(await ask(stranger), '401 wrong_issuer', 'they answered that there is none')
  t.strictSame(asked(), [2, 2], 'and were asked again')
  publish(1)
  t.equal(await ask(1), '401 wrong_issuer', 'within the cooldown nobody is')
  t.strictSame(asked(), [2, 2])
  await clock.advance(30_000)
  t.equal(await ask(1), `of-1 by ${nameOf(1)}`, 'after it the token waits for the document that names its issuer')
  t.equal(await ask(0), '401 wrong_issuer')
})

t.test(
  'one has no document, one cannot be reached: a stranger may be the latter, and the former is asked',
  async (t) => {
    const { ask, clock, documentOf, nameOf, publish, published, start } = await many(2, 0, [0])
    published[documentOf(1)] = notFound
    await start()
    t.equal(await ask(stranger), '503 tenant_unavailable')
    publish(1)
    await clock.advance(30_000)
    t.equal(await ask(1), `of-1 by ${nameOf(1)}`, 'the outage of another is not in its way')
    t.equal(await ask(stranger), '503 tenant_unavailable')
  }
)

t.test('before the first answer nobody can say whose a token is', async (t) => {
  const { ask } = await many(2, 1)
  for (const at of [0, 1, 2, stranger]) t.equal(await ask(at), '503 tenant_unavailable', String(at))
})

t.test('no document takes the name of another issuer, whichever of them comes first', async (t) => {
  const own: IssuerSettings = { url: url.v1, issuer: /^https:/, optional: false, profile }
  const hostile: IssuerSettings = { url: `${origin}/hostile`, issuer: /^https:/, optional: false, profile }
  const start = async (...settings: IssuerSettings[]) => {
    const names = new Map<string, Issuer>()
    const document = { issuer: iss.v1, jwks_uri: url.v1Keys }
    const fetchJson = async (asked: string) => (asked === url.v1Keys ? { keys: [b.jwk] } : document)
    const dependencies = { fetchJson, clock: new FakeClock(), log: recordingLogger(), names }
    const timings = { refreshSeconds: 3600, cooldownSeconds: 30, maxStaleSeconds: 86_400 }
    const issuers = settings.map((each) => new Issuer(each, timings, dependencies))
    for (const { keys } of issuers) await keys.start()
    return issuers.map(({ status }) => status.lastError ?? status.state)
  }
  const taken = `${iss.v1} is already the issuer of another tenant of this API`
  t.same(await start(own, hostile), ['fresh', taken], 'first come, first served')
  t.same(
    await start(hostile, { ...own, issuer: iss.v1 }),
    [taken, 'fresh'],
    'a name of the configuration comes before any'
  )
})

t.test('an issuer that gets another name while a key of it is waited for: its old name is nobody’s', async (t) => {
  const settings = { ...v1Settings, issuer: new RegExp(`^${origin}/[0-9a-f-]+/$`) }
  const { ask, published } = await tenant({ [url.v1]: { issuer: `${origin}/${tid}/`, jwks_uri: url.v1Keys } }, settings)
  t.equal(await ask(`${origin}/${tid}/`, 'b'), 'key b')
  const moved = `${origin}/99999999-2222-4333-8444-555555555555/`
  published[url.v1] = { issuer: moved, jwks_uri: url.v1Keys }
  published[url.v1Keys] = { keys: [a.jwk, b.jwk] }
  t.equal(await ask(`${origin}/${tid}/`, 'a'), '401 wrong_issuer', 'though its key is there now')
  t.equal(await ask(moved, 'a'), 'key a')
})
