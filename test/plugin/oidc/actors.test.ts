/** Who acts, and for whom, at providers other than Entra (RFC 8693 §4.1); and the claims of Entra's agents in their tokens. */
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { anyOf, requireAgent, requireHuman, requireRole, requireScope, requireUser } from '../../../src/plugin/index.js'
import { createTestTenant } from '../../../src/plugin/testing/index.js'
import { buildApi } from '../../support/api.js'

const parentClientId = '30cf4c22-9985-4ef7-8756-91cc888176bd'
const agent = { xms_act_fct: '3 9 11', xms_sub_fct: '9 3 11', xms_par_app_azp: parentClientId }
const person = { xms_act_fct: '3 9', xms_sub_fct: '2 3' }

/** Entra beside two issuers whose operators decide what is in tokens, so that guards about agents are allowed. */
const entra = await createTestTenant()
const oidc = await createTestTenant({ shape: 'oidc' })
const b2c = await createTestTenant({ shape: 'b2c' })

const routes = (app: FastifyInstance) => {
  app.get('/me', async ({ principal }) => principal)
  app.get('/agent', { preHandler: requireAgent() }, async () => 'ok')
  app.get('/human', { preHandler: requireHuman() }, async () => 'ok')
  app.get('/any', { preHandler: anyOf(requireAgent(), requireHuman(), requireRole('Admin')) }, async () => 'ok')
  app.get('/user', { preHandler: requireUser() }, async () => 'ok')
  app.get('/write', { preHandler: requireScope('Orders.Write') }, async () => 'ok')
}
const { app, logged } = await buildApi(t, {
  options: { tenants: [entra.options, oidc.options, b2c.options], audit: 'all' },
  routes
})

async function ask(url: string, headers: object) {
  const { statusCode: status, body } = await app.inject({ url, headers: { ...headers } })
  return { status, body: status === 200 && body !== 'ok' ? JSON.parse(body) : {}, text: body }
}

t.test('claims of Entra’s agents in a token of another issuer make neither an agent nor a person', async (t) => {
  for (const [name, tenant] of Object.entries({ oidc, b2c }))
    for (const claims of [agent, person]) {
      const headers = tenant.user({ claims: { ...claims } })
      const { status, body } = await ask('/me', headers)
      t.equal(status, 200, name)
      t.notOk('agent' in body || 'isAgent' in body, name)
      for (const path of ['/agent', '/human', '/any'])
        t.equal((await ask(path, headers)).status, 403, `${name} ${path}`)
    }
  t.equal((await ask('/agent', entra.agent())).status, 200)
  t.equal((await ask('/human', entra.user())).status, 200)
  const refused = await ask('/human', oidc.user())
  t.match(JSON.parse(refused.text), { code: 'insufficient_permissions' }, 'no optional claim of Entra would help')
  const asApp = oidc.app(['a'], { claims: agent })
  t.equal((await ask('/agent', asApp)).status, 403)
})

t.test('RFC 8693 §4.1: principal.actors, and an act is of no other issuer’s', async (t) => {
  const act = { sub: 'gateway', iss: 'https://id.example', act: { sub: 'assistant', act: null } }
  const actors = [{ subject: 'gateway', issuer: 'https://id.example' }, { subject: 'assistant' }]
  const { body } = await ask('/me', oidc.user({ id: 'ann', claims: { act } }))
  t.strictSame(body.actors, actors)
  t.match(body, { kind: 'user', id: 'ann', subject: 'ann', clientId: oidc.callerId }, 'the subject is the caller')
  t.strictSame((await ask('/me', oidc.app(['a'], { claims: { act } }))).body.actors, actors, 'of an app as well')
  for (const headers of [oidc.user(), entra.user({ claims: { act } }), b2c.user({ claims: { act } })])
    t.notOk('actors' in (await ask('/me', headers)).body)
  t.equal((await ask('/me', entra.user({ claims: { act: 'x' } }))).status, 200, 'Entra defines no act')
})

t.test('guards decide by the rights of the subject, not by those of its actor', async (t) => {
  const act = { sub: 'gateway', scope: 'Orders.Write', roles: ['Admin'], scp: ['Orders.Write'] }
  t.equal((await ask('/write', oidc.user({ claims: { act } }))).status, 403)
  t.equal((await ask('/any', oidc.user({ claims: { act } }))).status, 403)
  t.equal((await ask('/user', oidc.user({ claims: { act } }))).status, 200)
  t.equal((await ask('/user', oidc.app(['a'], { claims: { act: { sub: 'ann', act: act } } }))).status, 403)
  t.equal((await ask('/write', oidc.user({ scopes: ['Orders.Write'], claims: { act } }))).status, 200)
})

t.test('a token that says that somebody acts, and not who, is refused; nothing of it is in the response', async (t) => {
  for (const act of ['secret-actor', { client_id: 'secret-actor' }, [{ sub: 'secret-actor' }]]) {
    const { status, text } = await ask('/user', oidc.user({ claims: { act } }))
    t.equal(status, 401)
    t.match(JSON.parse(text), { code: 'invalid_claim', detail: /^The "act" of the token does not show who acts/ })
    t.notMatch(text, 'secret-actor')
  }
  t.notMatch(logged(), 'secret-actor')
})

t.test('the audit names the actors, the current one first', async (t) => {
  const before = logged().length
  await ask('/user', oidc.user({ id: 'ann', claims: { act: { sub: 'a\nb', iss: 'i', act: { sub: 'c' } } } }))
  const lines = logged()
    .slice(before)
    .split('\n')
    .filter((line) => line.includes('"audit"'))
  t.equal(lines.length, 2)
  for (const line of lines) t.match(JSON.parse(line).audit, { id: 'ann', actors: [['a\\u000ab', 'i'], ['c']] })
})
