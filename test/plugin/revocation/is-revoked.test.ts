import t, { type Test } from 'tap'
import type { IsRevoked } from '../../../src/plugin/index.js'
import { refusalIn } from '../../../src/plugin/refusals/refusal-error.js'
import { until } from '../../faults/waits.js'
import { outcomeOf, startApi } from '../../support/api.js'
import { parseChallenge } from '../../support/http.js'
import { callerId, seconds, tenantId } from '../../support/tenant.js'

async function start(t: Test, isRevoked: IsRevoked, options: object = {}) {
  const routes = { '/': {}, '/open': { config: { auth: 'none' } } } as const
  const api = await startApi(t, { options: { isRevoked, ...options }, routes })
  return { ...api, ask: (token: string) => api.outcome('/', token) }
}

for (const tokenCache of [undefined, false] as const) {
  t.test(`called for each request, ${tokenCache === false ? 'without' : 'with'} the token cache`, async (t) => {
    let revoked = false
    const asked: string[] = []
    const isRevoked: IsRevoked = ({ id }) => asked.push(id) > 0 && revoked
    const { tenant, app, ask, get } = await start(t, isRevoked, { ...(tokenCache === false && { tokenCache }) })
    const token = await tenant.userToken()
    for (let time = 0; time < 3; time += 1) t.equal(await ask(token), '200')
    t.same(asked, [callerId, callerId, callerId])
    revoked = true
    t.equal(await ask(token), '401 token_revoked', 'at once')
    await t.rejects(app.verifyToken(token), { code: 'token_revoked', statusCode: 401 })
    await t.rejects(app.verifyToken(await tenant.userToken()), { code: 'token_revoked' }, 'a new one as well')
    t.equal((await get('/open', token)).status, 200, 'the token is not inspected there')
    revoked = false
    t.equal(await ask(token), '200')
    t.match(await app.verifyToken(token), { id: callerId })
  })
}

t.test('a client of Entra with the capability cp1 gets a claims challenge for a newer token', async (t) => {
  const { tenant, app, get } = await start(t, async () => true)
  const answer = await get('/', await tenant.userToken({ xms_cc: ['cp1'] }))
  t.equal(outcomeOf(answer), '401 token_revoked', 'the code says what happened')
  const { parameters } = parseChallenge(answer.headers.get('www-authenticate'))
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

t.test('while isRevoked fails, no token is accepted: 503', async (t) => {
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
    for (let time = 0; time < 3; time += 1) t.equal(await ask(token), '503 admission_unavailable', name)
    t.match(logged(), 'isRevoked failed')
  }
})
