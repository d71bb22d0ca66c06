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
  t.equal(answer.body.code, 'graph_refused')
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
  t.match(await graph.listUsers(), [{ id: 'Bearer token-1' }])
  t.match(await graph.listUsers(), [{ id: 'Bearer token-1' }], 'the token is used again')

  lifetime = 59
  const short = createGraph({ url, clientId: 'c', clientSecret: 's' }, () => `${url}/token`)
  t.match(await short.listUsers(), [{ id: 'Bearer token-2' }])
  t.match(await short.listUsers(), [{ id: 'Bearer token-3' }], 'a token in its last minute is not')
})

t.test('an outage is a 503, a refusal a 502, and the next call tries again', async (t) => {
  let status = 500
  const url = await serve(t, (_request, response) => {
    response.statusCode = status
    response.end(JSON.stringify({ access_token: 'token', expires_in: 3600, value: [] }))
  })
  const graph = createGraph({ url, clientId: 'c', clientSecret: 's' }, () => `${url}/token`)
  await t.rejects(graph.listUsers(), { statusCode: 503, code: 'graph_unavailable' })
  status = 403
  await t.rejects(graph.listUsers(), { statusCode: 502, code: 'graph_refused' })
  status = 200
  t.same(await graph.listUsers(), [])
  const unknown = createGraph({ url, clientId: 'c', clientSecret: 's' }, () => undefined)
  await t.rejects(unknown.listUsers(), { statusCode: 503, code: 'graph_unavailable' })
})
