import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createGraph } from '../../src/server/graph.js'
import { appToken, startApi } from '../support/api.js'

async function serve(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('without credentials the route says so, after its guards', async (t) => {
  const api = await startApi(t, { ENTRA_CLIENT_SECRET: '' })
  t.equal((await api.get('/users')).status, 401)
  t.equal((await api.get('/users', await appToken(api.tenant, 'daemon-no-roles'))).status, 403)
  const answer = await api.get('/users', await appToken(api.tenant, 'daemon'))
  t.equal(answer.status, 503)
  t.equal(answer.body.code, 'graph_not_configured')
})

t.test('a wrong secret is the operator’s fault: 502, and nothing of it is told', async (t) => {
  const api = await startApi(t, { ENTRA_CLIENT_SECRET: 'wrong-secret' })
  const answer = await api.get('/users', await appToken(api.tenant, 'daemon'))
  t.equal(answer.status, 502)
  t.equal(answer.body.code, 'graph_credentials_refused')
  t.notMatch(JSON.stringify(answer.body), 'wrong-secret')
})

t.test('one token serves until its last minute, then there is a new one', async (t) => {
  let lifetime = 3600
  let tokens = 0
  const url = await serve(t, (request, response) => {
    response.setHeader('content-type', 'application/json')
    if (request.url === '/token') {
      tokens += 1
      response.end(JSON.stringify({ access_token: `token-${tokens}`, expires_in: lifetime }))
      return
    }
    response.end(JSON.stringify({ value: [{ id: request.headers.authorization }] }))
  })
  const graph = createGraph({ url, clientId: 'c', clientSecret: 's' }, () => `${url}/token`)
  t.teardown(() => graph.close())
  t.match(await graph.listUsers(), [{ id: 'Bearer token-1' }])
  t.match(await graph.listUsers(), [{ id: 'Bearer token-1' }], 'the token is used again')

  lifetime = 59
  const short = createGraph({ url, clientId: 'c', clientSecret: 's' }, () => `${url}/token`)
  t.teardown(() => short.close())
  t.match(await short.listUsers(), [{ id: 'Bearer token-2' }])
  t.match(await short.listUsers(), [{ id: 'Bearer token-3' }], 'a token in its last minute is not')
})

/** A tenant and Graph in one, whose answers can be replaced. */
async function startGraph(t: Test) {
  const seen = { tokens: 0, pages: 0 }
  const answers = {
    token: () => ({ status: 200, body: JSON.stringify({ access_token: `token-${seen.tokens}`, expires_in: 3600 }) }),
    page: (_authorization = '') => ({ status: 200, body: '{"value":[]}' })
  }
  const url = await serve(t, (request, response) => {
    const isToken = request.url === '/token'
    seen[isToken ? 'tokens' : 'pages'] += 1
    const { status, body } = isToken ? answers.token() : answers.page(request.headers.authorization)
    response.writeHead(status).end(body)
  })
  const graph = createGraph({ url, clientId: 'c', clientSecret: 's' }, () => `${url}/token`)
  t.teardown(() => graph.close())
  return { graph, answers, seen }
}

t.test('an answer that is no answer is an outage; a refusal is a 502; the next call tries again', async (t) => {
  const rows: [name: string, of: 'token' | 'page', status: number, body: string, expected: number][] = [
    ['a token endpoint that fails', 'token', 500, '{}', 503],
    ['that limits', 'token', 429, '{}', 503],
    ['that refuses the credentials', 'token', 401, '{}', 502],
    ['that refuses the request', 'token', 400, '{}', 502],
    ['that answers no JSON', 'token', 200, '<html>', 503],
    ['null', 'token', 200, 'null', 503],
    ['no token', 'token', 200, '{"expires_in":3600}', 503],
    ['no lifetime', 'token', 200, '{"access_token":"t"}', 503],
    ['Graph that fails', 'page', 503, '{}', 503],
    ['that limits', 'page', 429, '{}', 503],
    ['that lacks the permission', 'page', 403, '{}', 502],
    ['that refuses every token', 'page', 401, '{}', 502],
    ['that answers no JSON', 'page', 200, '<html>', 503],
    ['null', 'page', 200, 'null', 503],
    ['no users', 'page', 200, '{}', 503],
    ['more than it may', 'page', 200, `{"value":["${'x'.repeat(2 ** 20)}"]}`, 503]
  ]
  for (const [name, of, status, body, expected] of rows) {
    const { graph, answers } = await startGraph(t)
    const sound = answers[of]
    answers[of] = () => ({ status, body })
    const refused = of === 'token' ? 'graph_credentials_refused' : 'graph_refused'
    const code = expected === 503 ? 'graph_unavailable' : refused
    await t.rejects(graph.listUsers(), { statusCode: expected, code }, `${of}: ${name}`)
    answers[of] = sound
    t.same(await graph.listUsers(), [], 'and then it works')
  }
  const unknown = createGraph({ url: 'http://127.0.0.1:9', clientId: 'c', clientSecret: 's' }, () => undefined)
  await t.rejects(unknown.listUsers(), { statusCode: 503, code: 'graph_unavailable' }, 'the tenant was never reached')
  await unknown.close()
})

t.test('a token that was revoked is replaced once, and many callers share one', async (t) => {
  const { graph, answers, seen } = await startGraph(t)
  await Promise.all(Array.from({ length: 8 }, () => graph.listUsers()))
  t.equal(seen.tokens, 1)
  answers.page = (authorization) =>
    authorization === 'Bearer token-1'
      ? { status: 401, body: '{}' }
      : { status: 200, body: '{"value":[null,{"id":"1"}]}' }
  const nobody = { displayName: null, userPrincipalName: 'undefined', mail: null }
  t.match(await graph.listUsers(), [{ id: 'undefined' }, { ...nobody, id: '1' }], 'odd users are no error')
  t.equal(seen.tokens, 2)
})
