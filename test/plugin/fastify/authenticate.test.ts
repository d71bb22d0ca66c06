import fc from 'fast-check'
import t from 'tap'
import { isRefusal } from '../../../src/plugin/refusals/refusal.js'
import { bearerToken, uncheckedToken } from '../../../src/plugin/verification/bearer.js'
import { splitToken } from '../../../src/plugin/verification/decode.js'
import { startApi } from '../../support/api.js'
import { startTestTenant } from '../../support/tenant.js'

const tenant = await startTestTenant(t)

t.test('what is thrown while a request is authenticated never lets it pass, not even undefined', async (t) => {
  for (const thrown of [new Error('a mistake in a program'), undefined, null, 0, '']) {
    let handled = false
    const api = await startApi(t, {
      tenant,
      before: (app) =>
        app.addHook('onRequest', async ({ raw }) => {
          Object.defineProperty(raw, 'rawHeaders', {
            get() {
              throw thrown
            }
          })
        }),
      routes: (app) =>
        app.get('/me', async () => {
          handled = true
          return 'handled'
        })
    })
    t.equal((await api.get('/me', await tenant.userToken())).status, 500, String(thrown))
    t.notOk(handled, String(thrown))
  }
})

t.test('a token in compact form has the grammar of credentials (RFC 7515 §7.1, RFC 6750 §2.1)', async (t) => {
  const piece = fc.oneof(
    fc.base64String(),
    fc.constantFrom('e30', 'eyJhIjoxfQ', '.', '..', '=', ' ', ',', '\t', 'ü', '~', '')
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const header = `Bearer ${pieces.join('')}`
      const token = uncheckedToken(header) ?? ''
      if (!isRefusal(splitToken(token))) t.equal(bearerToken(header), token)
    }),
    { numRuns: 5000 }
  )
  t.equal(bearerToken('Bearer eyJhIjoxfQ.eyJhIjoxfQ.'), uncheckedToken('Bearer eyJhIjoxfQ.eyJhIjoxfQ.'))
  t.equal(uncheckedToken('bearer x'), undefined, 'other spellings are left to the parser')
})

t.test('a malformed header gets 400, also with a token in it whose first parts are readable', async (t) => {
  const { origin } = await startApi(t, { tenant })
  const user = await tenant.userToken()
  const deep = Buffer.from(`{"a":${'['.repeat(40)}${']'.repeat(40)}}`).toString('base64url')
  const statusOf = async (authorization: string) => (await fetch(`${origin}/me`, { headers: { authorization } })).status
  for (const wrong of [`${user},x`, `${user} x`, `${deep}.x,y`, 'undefined,', ','])
    t.equal(await statusOf(`Bearer ${wrong}`), 400, wrong.slice(-20))
  for (const wrong of [`${deep}.x.y`, 'undefined', `${user}=`, `${user}.x`, 'x'])
    t.equal(await statusOf(`Bearer ${wrong}`), 401, wrong.slice(-20))
})
