import t from 'tap'
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
