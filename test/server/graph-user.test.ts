/** What Microsoft Graph answers to a user's token, and what that user is told: never a fault of the server. */
import t, { type Test } from 'tap'
import { getJson, startServer } from '../support/server.js'
import { clientId, startTestTenant, tenantId } from '../support/tenant.js'
import { granted, type Reply, replying, secret, serveTokens } from '../support/token-endpoint.js'

/** The server, and a tenant that is Graph as well. */
async function start(t: Test) {
  const tenant = await startTestTenant(t)
  const endpoint = serveTokens(tenant, (_form, count) => granted(`token-${count}`))
  const me: Reply = { body: { id: '1', displayName: 'A User', userPrincipalName: 'u', mail: null } }
  const graph = { me: (_authorization: string): Reply => me, asked: [] as string[] }
  const listener = replying((_body, { headers: { authorization } }) => {
    graph.asked.push(String(authorization))
    return graph.me(String(authorization))
  })
  for (const path of ['/v1.0/me', '/v1.0/me/memberOf']) tenant.answers.set(path, listener)
  const entra = { ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_CLIENT_SECRET: secret }
  const app = await startServer(t, { ...entra, ENTRA_AUTHORITY: tenant.origin, GRAPH_URL: tenant.origin })
  const token = await tenant.userToken()
  const ask = (path = '/me/profile') => getJson(app.listeningOrigin + path, token)
  return { ask, endpoint, graph, me }
}

const claims = Buffer.from('{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}').toString('base64')

t.test('401 with claims: they are handed on, and the token is forgotten', async (t) => {
  const { ask, graph, endpoint, me } = await start(t)
  const challenge = `Bearer realm="", authorization_uri="https://login.example/", error="insufficient_claims", claims="${claims}"`
  graph.me = () => ({ status: 401, headers: { 'www-authenticate': challenge }, body: '' })
  const answer = await ask()
  t.match(answer, { status: 401, body: { code: 'insufficient_claims' } })
  t.match(answer.headers.get('www-authenticate'), `claims="${claims}"`)
  t.same(graph.asked, ['Bearer token-1'])
  graph.me = () => me
  t.equal((await ask()).status, 200)
  t.same(graph.asked, ['Bearer token-1', 'Bearer token-2'])
  t.equal(endpoint.forms.length, 2)
})

t.test('401 without: once more, with a new token', async (t) => {
  const { ask, graph, me } = await start(t)
  graph.me = (authorization) => (authorization === 'Bearer token-1' ? { status: 401, body: '' } : me)
  t.equal((await ask()).status, 200)
  t.same(graph.asked, ['Bearer token-1', 'Bearer token-2'])
})

t.test('a user whom Graph refuses, or does not know: 403 and 404', async (t) => {
  const rows: [status: number, expected: number, code: string][] = [
    [401, 403, 'graph_forbidden'],
    [403, 403, 'graph_forbidden'],
    [404, 404, 'graph_not_found']
  ]
  for (const [status, expected, code] of rows)
    for (const path of ['/me/profile', '/me/groups']) {
      const { ask, graph } = await start(t)
      graph.me = () => ({ status, body: { error: { code: 'Some_Code', message: 'of somebody@contoso.example' } } })
      const { status: answered, body } = await ask(path)
      t.match([answered, body.code], [expected, code], `${path}: ${status}`)
      t.notMatch(JSON.stringify(body), 'contoso.example')
      t.equal(graph.asked.length, status === 401 ? 2 : 1)
    }
})
