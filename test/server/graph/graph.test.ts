import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { toSettings } from '../../../src/plugin/options.js'
import { readConfig } from '../../../src/server/config/config.js'
import { createGraph } from '../../../src/server/graph/graph.js'
import { clientCertificate } from '../../support/certificate.js'
import { appToken, startServerWithTenant } from '../../support/server.js'
import { granted, type Reply, replying, startDownstream } from '../../support/token-endpoint.js'

t.test('without credentials the route says so, after its guards', async (t) => {
  const api = await startServerWithTenant(t, { ENTRA_CLIENT_SECRET: '' })
  t.equal((await api.get('/users')).status, 401)
  t.equal((await api.get('/users', await appToken(api.tenant, 'daemon-no-roles'))).status, 403)
  const answer = await api.get('/users', await appToken(api.tenant, 'daemon'))
  t.equal(answer.status, 503)
  t.equal(answer.body.code, 'graph_not_configured')
})

t.test('a wrong secret is the operator’s fault: 502, and nothing of it is told', async (t) => {
  const api = await startServerWithTenant(t, { ENTRA_CLIENT_SECRET: 'wrong-secret' })
  const answer = await api.get('/users', await appToken(api.tenant, 'daemon'))
  t.equal(answer.status, 502)
  t.equal(answer.body.code, 'graph_credentials_refused')
  t.notMatch(JSON.stringify(answer.body), 'wrong-secret')
})

/** A tenant and Graph in one, whose answers can be replaced. */
async function startGraph(t: Test) {
  const seen = { tokens: 0, pages: 0 }
  const answers = {
    token: (): Reply => granted(`token-${seen.tokens}`),
    page: (_authorization?: string): Reply => ({ body: { value: [] } })
  }
  const made = await startDownstream(t, () => {
    seen.tokens += 1
    return answers.token()
  })
  const { tenant, app } = await made.start()
  for (const path of ['/v1.0/users', '/v1.0/me', '/v1.0/me/memberOf']) {
    tenant.answers.set(
      path,
      replying((_body, { headers }) => {
        seen.pages += 1
        return answers.page(headers.authorization)
      })
    )
  }
  const config = { url: tenant.origin, clientId: 'c', isConfigured: true }
  const graph = createGraph(config, app.entra.tokenForApp)
  t.teardown(() => graph.close())
  return { graph, answers, seen, tenant, close: () => tenant.close() }
}

t.test('one token serves until its last minute, then there is a new one', async (t) => {
  const { graph, answers, seen } = await startGraph(t)
  answers.page = (authorization) => ({ body: { value: [{ id: authorization }] } })
  t.match(await graph.listUsers(), [{ id: 'Bearer token-1' }])
  t.match(await graph.listUsers(), [{ id: 'Bearer token-1' }], 'the token is used again')

  const short = await startGraph(t)
  Object.assign(short.answers, { page: answers.page, token: () => granted(`token-${short.seen.tokens}`, 59) })
  t.match(await short.graph.listUsers(), [{ id: 'Bearer token-1' }])
  t.match(await short.graph.listUsers(), [{ id: 'Bearer token-2' }], 'a token in its last minute is not')
  t.equal(seen.tokens, 1)
})

const refusedCredentials = { error: 'invalid_client', error_codes: [7000215] }

t.test('an answer that is no answer is an outage; a refusal is a 502; the next call tries again', async (t) => {
  const rows: [name: string, of: 'token' | 'page', reply: Reply, expected: number][] = [
    ['a token endpoint that fails', 'token', { status: 500, body: '{}' }, 503],
    ['that limits', 'token', { status: 429, body: '{}' }, 503],
    ['that refuses the credentials', 'token', { status: 401, body: refusedCredentials }, 502],
    ['that refuses the request', 'token', { status: 400, body: { error: 'invalid_scope' } }, 502],
    ['that answers no JSON', 'token', { body: '<html>' }, 503],
    ['null', 'token', { body: 'null' }, 503],
    ['no token', 'token', { body: { expires_in: 3600 } }, 503],
    ['Graph that fails', 'page', { status: 503, body: '{}' }, 503],
    ['that limits', 'page', { status: 429, body: '{}' }, 503],
    ['that lacks the permission', 'page', { status: 403, body: '{}' }, 502],
    ['that refuses every token', 'page', { status: 401, body: '{}' }, 502],
    ['that answers no JSON', 'page', { body: '<html>' }, 503],
    ['null', 'page', { body: 'null' }, 503],
    ['no users', 'page', { body: '{}' }, 503],
    ['more than it may', 'page', { body: `{"value":["${'x'.repeat(2 ** 20)}"]}` }, 503]
  ]
  for (const [name, of, reply, expected] of rows) {
    const { graph, answers } = await startGraph(t)
    const sound = answers[of]
    answers[of] = () => reply
    const refused = of === 'token' ? 'graph_credentials_refused' : 'graph_refused'
    const code = expected === 503 ? 'graph_unavailable' : refused
    await t.rejects(graph.listUsers(), { statusCode: expected, code }, `${of}: ${name}`)
    answers[of] = sound
    // What the tenant refused, or throttled, is remembered for a moment.
    if (of === 'page' || reply.status === 500) t.same(await graph.listUsers(), [], 'and then it works')
  }
  const gone = await startGraph(t)
  await gone.close()
  await t.rejects(gone.graph.listUsers(), { statusCode: 503, code: 'graph_unavailable' }, 'the tenant is out of reach')
  const bug = new TypeError('a bug')
  const broken = createGraph({ url: 'http://127.0.0.1:9', clientId: 'c', isConfigured: true }, () =>
    Promise.reject(bug)
  )
  await t.rejects(broken.listUsers(), bug)
  await broken.close()
})

t.test('tokens and exchanges of one question have one deadline', async (t) => {
  const { answers, seen, tenant } = await startGraph(t)
  const config = { url: tenant.origin, clientId: 'c', isConfigured: true }
  const never = () => new Promise<never>(() => {})
  const ids: (string | undefined)[] = []
  const secondHangs = async (insteadOf: string | undefined) => {
    ids.push(insteadOf)
    return insteadOf === undefined ? 'a-token' : never()
  }
  const hanging = createGraph(config, never, 200)
  const refused = createGraph(config, (_scope, { insteadOf } = {}) => secondHangs(insteadOf), 200)
  t.teardown(() => Promise.all([hanging.close(), refused.close()]))
  const tooLate = { statusCode: 503, code: 'graph_unavailable' }
  await t.rejects(hanging.listUsers(), tooLate, 'the token')
  await t.rejects(hanging.profileOf(never), tooLate, 'the user’s token')
  answers.page = () => ({ status: 401, body: '{}' })
  await t.rejects(refused.listUsers(), tooLate, 'the second token')
  await t.rejects(
    refused.groupsOf((_scopes, { insteadOf } = {}) => secondHangs(insteadOf)),
    tooLate
  )
  t.same(ids, [undefined, 'a-token', undefined, 'a-token'])
  t.equal(seen.pages, 2)
})

t.test('a token that was revoked is replaced once, and many callers share one', async (t) => {
  const { graph, answers, seen } = await startGraph(t)
  await Promise.all(Array.from({ length: 8 }, () => graph.listUsers()))
  t.equal(seen.tokens, 1)
  answers.page = (authorization) =>
    authorization === 'Bearer token-1' ? { status: 401, body: '{}' } : { body: '{"value":[null,{"id":"1"}]}' }
  const nobody = { displayName: null, userPrincipalName: 'undefined', mail: null }
  t.match(await graph.listUsers(), [{ id: 'undefined' }, { ...nobody, id: '1' }], 'odd users are no error')
  t.equal(seen.tokens, 2)
})

t.test(
  'for a caller: with the caller’s token, and one scope; what Graph answers is what users of it are told',
  async (t) => {
    const { graph, answers, tenant } = await startGraph(t)
    const asked: unknown[] = []
    const onBehalfOf = async (scopes: string | readonly string[]) => {
      asked.push(scopes)
      return 'for-the-user'
    }
    answers.page = (authorization) => ({
      body: { id: '1', displayName: authorization, userPrincipalName: 'u', mail: 7 }
    })
    t.same(await graph.profileOf(onBehalfOf), {
      id: '1',
      displayName: 'Bearer for-the-user',
      userPrincipalName: 'u',
      mail: null
    })
    const group = { '@odata.type': '#microsoft.graph.group' }
    const role = { '@odata.type': '#microsoft.graph.directoryRole', id: '4' }
    answers.page = (displayName) => ({
      body: { value: [{ ...group, id: '2', displayName }, role, { ...group, id: '3' }] }
    })
    t.same(await graph.groupsOf(onBehalfOf), [
      { id: '2', displayName: 'Bearer for-the-user' },
      { id: '3', displayName: null }
    ])
    t.same(asked, [`${tenant.origin}/User.Read`, `${tenant.origin}/GroupMember.Read.All`])
    answers.page = () => ({ status: 403, body: '{}' })
    await t.rejects(graph.groupsOf(onBehalfOf), { statusCode: 403, message: /GroupMember.Read.All/ })
    answers.page = () => ({ status: 400, body: '{}' })
    await t.rejects(graph.groupsOf(onBehalfOf), { statusCode: 502, message: /permission GroupMember.Read.All/ })
    answers.page = () => ({ status: 500, body: '{}' })
    await t.rejects(graph.profileOf(onBehalfOf), { statusCode: 503, code: 'graph_unavailable' })
  }
)

t.test('a certificate in a file', async (t) => {
  const sound = { ENTRA_TENANT_ID: crypto.randomUUID(), ENTRA_CLIENT_ID: crypto.randomUUID() }
  const file = join(t.testdir(), 'certificate.pem')
  const { pem } = await clientCertificate()
  await writeFile(file, pem)
  const { graph, entra } = readConfig({ ...sound, ENTRA_CLIENT_CERTIFICATE: file })
  t.match(graph, { isConfigured: true })
  t.match(entra, { downstream: { clientCertificateFile: file } })
  t.equal(toSettings(entra).clients.size > 0, true)
  const both = { ...sound, ENTRA_CLIENT_CERTIFICATE: file, ENTRA_CLIENT_SECRET: 's' }
  t.throws(() => readConfig(both), { message: /^ENTRA_CLIENT_SECRET and ENTRA_CLIENT_CERTIFICATE are two credentials/ })
  const pasted = { ...sound, ENTRA_CLIENT_CERTIFICATE: pem }
  t.throws(() => toSettings(readConfig(pasted).entra), {
    message:
      /^downstream.clientCertificateFile cannot be read \((ENO\w+|ENAMETOOLONG)\); .* in place of what is not shown$/
  })
})
