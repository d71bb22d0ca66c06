/** `GET /metrics` of the server: who may read it, what it says, and that a server without it measures nothing. */
import t from 'tap'
import { startServerWithTenant, userToken } from '../support/server.js'
import { appToken } from '../tenant/helpers.js'

const read = (address: string, token?: string) =>
  fetch(`${address}/metrics`, token ? { headers: { authorization: `Bearer ${token}` } } : {})

t.test('METRICS=off, the default: there is no such route', async (t) => {
  const { address, tenant } = await startServerWithTenant(t)
  t.equal((await read(address, await appToken(tenant, 'daemon'))).status, 404)
})

t.test('METRICS=token: an app may read them; nobody else', async (t) => {
  const { address, tenant, app } = await startServerWithTenant(t, { METRICS: 'token' })
  t.equal((await read(address)).status, 401)
  t.equal((await read(address, await userToken(tenant, 'admin@contoso.example'))).status, 403)
  const answer = await read(address, await appToken(tenant, 'daemon'))
  t.equal(answer.status, 200)
  t.match(answer.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  t.equal(answer.headers.get('cache-control'), 'no-store')
  const text = await answer.text()
  t.match(text, /\nfastify_entra_verifications_total\{.*error_type="credentials_missing".*\} 1\n/)
  t.match(text, /\nprocess_resident_memory_bytes \d+\n/)
  t.equal(app.accessMatrix().find(({ url }) => url === '/metrics')?.callers, 'an app-only token')
})

t.test('METRICS=public: anyone may', async (t) => {
  const { address, app } = await startServerWithTenant(t, { METRICS: 'public' })
  const [one, other] = await Promise.all([app.inject('/metrics'), app.inject('/metrics')])
  t.equal(one.body, other.body, 'requests at once share what was collected')
  t.match(await (await read(address)).text(), /\nfastify_entra_keys_count\{/)
})
