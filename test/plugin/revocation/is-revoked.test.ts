/** Tokens that are taken back before they expire (Microsoft: "Continuous access evaluation"). */
import t, { type Test } from 'tap'
import entra, { type EntraOptions, type IsRevoked } from '../../../src/plugin/index.js'
import { refusalIn } from '../../../src/plugin/refusals/refusal-error.js'
import { until } from '../../faults/waits.js'
import { get, listen, makeApp, parseChallenge } from '../../support/http.js'
import { callerId, clientId, seconds, startTestTenant, tenantId } from '../../support/tenant.js'

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
  const { tenant, app, ask } = await start(t, async () => true)
  const { status, headers, code } = await ask(await tenant.userToken({ xms_cc: ['cp1'] }))
  t.same([status, code], [401, 'token_revoked'], 'the code says what happened')
  const { parameters } = parseChallenge(headers.get('www-authenticate'))
  t.equal(parameters.error, 'insufficient_claims')
  const authorization_uri = `${tenant.origin}/${tenantId}/oauth2/v2.0/authorize`
  t.match(parameters, { realm: tenantId, authorization_uri })
  const outside = await app.verifyToken(await tenant.userToken({ xms_cc: ['cp1'] })).catch((error) => error)
  t.match(refusalIn(outside)?.challenge, { realm: tenantId, authorization_uri }, 'also outside of requests')
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
    const { tenant, app, ask, logged } = await start(t, isRevoked, { keysTimeoutSeconds: 0.3 })
    await until('the keys to be there', () => app.entra.ready)
    const token = await tenant.userToken()
    for (let time = 0; time < 3; time += 1)
      t.match(await ask(token), { status: 503, code: 'admission_unavailable' }, name)
    t.match(logged(), 'isRevoked failed')
  }
})
