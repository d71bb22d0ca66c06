/** `app.verifyToken()`: the checks of a request, without one. */
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { type TokenRefusedError as Refused, TokenRefusedError } from '../../../src/plugin/index.js'
import { buildApi, startApi } from '../../support/api.js'
import { clientId, signingKey, tenantId } from '../../support/tenant.js'

for (const tokenCache of [undefined, false] as const) {
  t.test(`the same answers as a request gets, ${tokenCache === false ? 'without' : 'with'} the cache`, async (t) => {
    const { tenant, app, get, logged } = await startApi(t, { options: { ...(tokenCache === false && { tokenCache }) } })
    const now = Math.floor(Date.now() / 1000)
    const other = await signingKey('key-1')
    const tokens = {
      'a user': await tenant.userToken(),
      'an app': await tenant.appToken(),
      v1: await tenant.v1Token(),
      expired: await tenant.userToken({ exp: now - 3600 }),
      'not yet valid': await tenant.userToken({ nbf: now + 3600 }),
      'issued in the future': await tenant.userToken({ iat: now + 3600 }),
      'another audience': await tenant.userToken({ aud: 'api://other' }),
      Graph: await tenant.userToken({ aud: 'https://graph.microsoft.com' }),
      'another tenant': await tenant.userToken({ tid: 'ffffffff-2222-4333-8444-555555555555' }),
      'no tid': await tenant.userToken({ tid: undefined }),
      'no exp': await tenant.userToken({ exp: undefined }),
      'no aud': await tenant.userToken({ aud: undefined }),
      'an ID token': await tenant.userToken({ nonce: 'n' }),
      bound: await tenant.userToken({ cnf: { jkt: 'x' } }),
      'no permissions': await tenant.userToken({ scp: undefined }),
      forged: await tenant.userToken({}, {}, other),
      'unknown key': await tenant.userToken({}, { kid: 'nobody' }),
      'another issuer': await tenant.userToken({ iss: 'https://nobody.example' }),
      'another type': await tenant.userToken({}, { typ: 'dpop+jwt' }),
      'another algorithm': await tenant.userToken({}, { alg: 'RS256', crit: ['b64'], b64: true }),
      garbage: 'garbage',
      'no signature': 'eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.'
    }
    for (const [name, token] of Object.entries(tokens)) {
      for (let time = 0; time < 3; time += 1) {
        const { status, body } = await get('/me', token)
        const answer = JSON.parse(body) as { code: string; detail: string }
        if (status === 200) {
          t.same(await app.verifyToken(token), answer, name)
          continue
        }
        const expected = { name: 'TokenRefusedError', code: answer.code, statusCode: status, message: answer.detail }
        await t.rejects(app.verifyToken(token), { constructor: TokenRefusedError, ...expected }, name)
      }
    }
    for (const token of Object.values(tokens).slice(0, 3)) t.notMatch(logged(), token.slice(-20))
  })
}

t.test('what is not a string, or is more than a token, is malformed', async (t) => {
  const { app, tenant } = await startApi(t)
  const token = await tenant.userToken()
  const odd = ['', `Bearer ${token}`, ` ${token}`, `${token}\n`, `${token},${token}`, undefined, null, 1, {}, [token]]
  for (const each of odd) {
    await t.rejects(
      app.verifyToken(each as string),
      { code: 'token_malformed', statusCode: 401 },
      String(each).slice(0, 9)
    )
  }
})

t.test('a token that is longer than any header is not decoded', async (t) => {
  const { app, tenant } = await startApi(t)
  const longest = 1_048_576
  for (const claim of ['x'.repeat(longest), 'x']) {
    const token = await tenant.userToken({ claim })
    const outcome = await app.verifyToken(token).then(
      () => 'valid',
      ({ code, message }) => `${code}: ${message}`
    )
    const isLong = token.length > longest
    t.match(outcome, isLong ? /^token_malformed: The token is longer than 1048576 characters\./ : /^valid$/)
  }
})

t.test('an outage: 503, and after how many seconds to try again', async (t) => {
  const { app, tenant } = await startApi(t, { options: { keysMaxStaleSeconds: 1, keysTimeoutSeconds: 1 } })
  const token = await tenant.userToken()
  await tenant.close()
  const deadline = Date.now() + 30_000
  let refused: Refused | undefined
  while (!refused && Date.now() < deadline) {
    refused = await app.verifyToken(token).then(
      () => undefined,
      (error) => error as Refused
    )
  }
  t.match(refused, { code: 'tenant_unavailable', statusCode: 503 })
  t.ok(Number(refused?.retryAfterSeconds) >= 1)
})

t.test('principals are frozen, and one object for all calls with the same token', async (t) => {
  const { app, tenant, get } = await startApi(t)
  const token = await tenant.userToken()
  await get('/me', token)
  await app.verifyToken(token)
  const [one, other] = [await app.verifyToken(token), await app.verifyToken(token)]
  t.ok(Object.isFrozen(one))
  t.equal(one, other)
})

t.test('a refusal that a route throws keeps its status', async (t) => {
  const { get } = await startApi(t, {
    routes: (app) => void app.get('/garbage', { config: { auth: 'none' } }, async () => app.verifyToken('garbage'))
  })
  t.equal((await get('/garbage')).status, 401)
})

t.test('an app that has decorated verifyToken throws at startup', async (t) => {
  const before = (app: FastifyInstance) => void app.decorate('verifyToken', async () => undefined as never)
  await t.rejects(buildApi(t, { before, options: { tenantId, clientId } }), {
    name: 'EntraConfigurationError',
    message: /app.verifyToken is decorated already/
  })
})
