/** Tokens that are taken back before they expire (Microsoft: "Continuous access evaluation"). */
import t, { type Test } from 'tap'
import entra, { type EntraOptions, type IsRevoked, Revocations } from '../../src/plugin/index.js'
import { get, listen, makeApp, parseChallenge } from '../support/http.js'
import { callerId, clientId, seconds, startTestTenant, tenantId } from '../support/tenant.js'

async function start(t: Test, isRevoked: IsRevoked, options: object = {}) {
  const tenant = await startTestTenant()
  t.teardown(() => tenant.close())
  const made = makeApp(t)
  const given = { tenantId, clientId, authority: tenant.origin, isRevoked, ...options }
  await made.app.register(entra, given as EntraOptions)
  made.app.get('/', async () => 'ok')
  made.app.get('/open', { config: { auth: 'none' } }, async () => 'ok')
  const { app, origin, logged } = await listen(made)
  const ask = async (token: string) => {
    const { status, body, headers } = await get(origin, token)
    return { status, headers, code: status === 200 ? undefined : (JSON.parse(body) as { code: string }).code }
  }
  return { tenant, app, origin, ask, logged }
}

for (const tokenCache of [undefined, false] as const) {
  t.test(`asked at every request, ${tokenCache === false ? 'without' : 'with'} the cache of tokens`, async (t) => {
    let revoked = false
    const asked: string[] = []
    const isRevoked: IsRevoked = ({ id }) => asked.push(id) > 0 && revoked
    const { tenant, app, ask, origin } = await start(t, isRevoked, { ...(tokenCache === false && { tokenCache }) })
    const token = await tenant.userToken()
    for (let time = 0; time < 3; time += 1) t.equal((await ask(token)).status, 200)
    t.same(asked, [callerId, callerId, callerId])
    revoked = true
    t.match(await ask(token), { status: 401, code: 'token_revoked' }, 'at once')
    await t.rejects(app.verifyToken(token), { code: 'token_revoked', statusCode: 401 })
    await t.rejects(app.verifyToken(await tenant.userToken()), { code: 'token_revoked' }, 'a new one as well')
    t.equal((await get(`${origin}/open`, token)).status, 200, 'a token is not looked at there')
    revoked = false
    t.equal((await ask(token)).status, 200)
    t.match(await app.verifyToken(token), { id: callerId })
  })
}

t.test('Entra’s clients that understand it ask for a token that is newer', async (t) => {
  const { tenant, ask } = await start(t, async () => true)
  const { status, headers, code } = await ask(await tenant.userToken({ xms_cc: ['cp1'] }))
  t.same([status, code], [401, 'token_revoked'], 'the code says what happened')
  const { parameters } = parseChallenge(headers.get('www-authenticate'))
  t.equal(parameters.error, 'insufficient_claims')
  const { access_token } = JSON.parse(Buffer.from(parameters.claims ?? '', 'base64').toString()) as {
    access_token: { nbf: { essential: boolean; value: string } }
  }
  t.equal(access_token.nbf.essential, true)
  t.ok(Math.abs(Number(access_token.nbf.value) - seconds()) <= 5)
})

t.test('an answer that could not be had opens nothing: 503', async (t) => {
  const bad: Record<string, IsRevoked> = {
    throws: () => {
      throw new Error('Redis is down')
    },
    rejects: () => Promise.reject(new Error('Redis is down')),
    'never answers': () => new Promise(() => {}),
    'gives nothing': () => undefined as never,
    'gives a text': () => 'false' as never,
    'gives a promise of nothing': async () => null as never
  }
  for (const [name, isRevoked] of Object.entries(bad)) {
    const { tenant, ask, logged } = await start(t, isRevoked, { keysTimeoutSeconds: 0.3 })
    const token = await tenant.userToken()
    for (let time = 0; time < 3; time += 1)
      t.match(await ask(token), { status: 503, code: 'admission_unavailable' }, name)
    t.match(logged(), 'isRevoked failed')
  }
})

t.test('the store in memory: everything issued until then, for a user or a session', async (t) => {
  const revocations = new Revocations()
  const { tenant, ask } = await start(t, revocations.isRevoked)
  const [early, late] = [{ iat: seconds() - 60 }, { iat: seconds() + 30 }] // within the clock tolerance
  const one = await tenant.userToken({ ...early, sid: 'session-1' })
  const other = await tenant.userToken({ ...early, sid: 'session-2' })
  const somebody = await tenant.userToken({ ...early, oid: clientId, sid: 'session-3' })
  for (const token of [one, other, somebody]) t.equal((await ask(token)).status, 200)
  revocations.revoke({ sessionId: 'session-1' })
  t.match(await ask(one), { status: 401, code: 'token_revoked' })
  t.equal((await ask(other)).status, 200, 'another session of the user')
  revocations.revoke({ tenantId, id: callerId })
  t.equal((await ask(other)).status, 401)
  t.equal((await ask(somebody)).status, 200, 'another user')
  t.equal((await ask(await tenant.userToken({ ...late, sid: 'session-1' }))).status, 200, 'issued since then')
  t.equal((await ask(await tenant.userToken({ ...late, nbf: undefined }))).status, 200)
  revocations.revoke({ tenantId: clientId, id: clientId })
  t.equal((await ask(somebody)).status, 200, 'the same ID in another tenant')
})

t.test('a token that does not say when it was issued counts as older', (t) => {
  const revocations = new Revocations()
  const principal = { tenantId, id: callerId, claims: {} } as never
  t.equal(revocations.isRevoked(principal), false)
  revocations.revoke({ tenantId, id: callerId })
  t.equal(revocations.isRevoked(principal), true)
  t.end()
})

t.test('GUIDs have no case, and what can never match is an error', (t) => {
  const revocations = new Revocations()
  const of = (id: string) => ({ tenantId, id, claims: { iat: 1 } }) as never
  revocations.revoke({ tenantId: tenantId.toUpperCase(), id: callerId.toUpperCase() })
  t.equal(revocations.isRevoked(of(callerId)), true)
  revocations.revoke({ tenantId, id: 'User' })
  t.equal(revocations.isRevoked(of('user')), false, 'other identifiers have one')
  for (const who of [
    {},
    { tenantId },
    { tenantId, id: '' },
    { sessionId: undefined },
    { sessionId: '' },
    { id: 7, tenantId }
  ])
    t.throws(() => revocations.revoke(who as never), { name: 'EntraConfigurationError' }, JSON.stringify(who))
  t.end()
})

t.test('bounds: nothing is forgotten to make room, and for as long as tokens live', async (t) => {
  const revocations = new Revocations({ maxRevoked: 2, keptHours: 48 })
  const is = (sid: string) => revocations.isRevoked({ tenantId, id: callerId, claims: { sid, iat: 1 } } as never)
  revocations.revoke({ sessionId: 'a' })
  revocations.revoke({ sessionId: 'b' })
  revocations.revoke({ sessionId: 'a' })
  t.throws(() => revocations.revoke({ sessionId: 'c' }), { message: /no room for more than 2/ })
  t.same(['a', 'b', 'c'].map(is), [true, true, false])
  const now = performance.now.bind(performance)
  t.teardown(() => Object.assign(performance, { now }))
  const goOn = (hours: number) => {
    performance.now = () => now() + hours * 3_600_000
    return new Promise((done) => setTimeout(done, 10)) // the store looks at the clock once in a millisecond
  }
  await goOn(47)
  t.equal(is('a'), true)
  await goOn(49)
  t.equal(is('a'), false)
  revocations.revoke({ sessionId: 'c' })
  t.equal(is('c'), true)
  for (const options of [{ maxRevoked: 0 }, { keptHours: 0 }, { keptHours: '29' }])
    t.throws(() => new Revocations(options as never), { name: 'EntraConfigurationError' })
})
