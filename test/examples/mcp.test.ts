/** examples/mcp: an official client that knows a URL and its own client ID comes to a tool's answer, by what the server says. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createGraph } from '../../examples/mcp/src/graph.js'
import { type Mcp, startMcp } from '../../src/server/dev-mcp.js'
import { signIn } from '../../src/tenant/client.js'
import { startTenant, type Tenant } from '../../src/tenant/index.js'
import { connect } from './mcp-client.js'

interface World {
  readonly tenant: Tenant
  readonly mcp: Mcp
  /** Lines of the server's log. */
  readonly lines: Record<string, unknown>[]
}

async function start(t: Test, accessTokenLifetimeSeconds = 3600): Promise<World> {
  const tenant = await startTenant({ port: 0, accessTokenLifetimeSeconds })
  const lines: Record<string, unknown>[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const mcp = await startMcp(tenant, 0, { logger: { level: 'info', stream } })
  t.teardown(async () => {
    await mcp.close()
    await tenant.close()
  })
  return { tenant, mcp, lines }
}

t.test('from nothing to the answer of a tool, with a step up', async (t) => {
  const { tenant, mcp, lines } = await start(t)
  const { client, steps, whileSigningIn } = await connect(tenant, mcp.url, 'user@contoso.example')
  t.teardown(() => client.close())
  const scope = (name: string) => `${mcp.url}/${name}`
  t.same(
    steps.slice(0, 3),
    [401, { signIn: scope('access_as_user') }, 200],
    'the 401 alone says where to sign in, and for what'
  )
  t.same(
    (await client.listTools()).tools.map(({ name }) => name),
    ['my_profile', 'my_groups', 'server_status']
  )
  const profile = await client.callTool({ name: 'my_profile' })
  t.match(JSON.stringify(profile.content), 'user@contoso.example', 'from Microsoft Graph, on behalf of the user')
  const before = steps.length
  const groups = await whileSigningIn(() => client.callTool({ name: 'my_groups', arguments: { top: 5 } }))
  t.notOk(groups.isError)
  const signIns = steps.slice(before).filter((step) => typeof step === 'object')
  t.same(signIns, [{ signIn: `${scope('access_as_user')} ${scope('Directory.Read')}` }], 'once, for both scopes')
  t.equal(steps.slice(before).filter((step) => step === 403).length, 1)
  await t.rejects(
    whileSigningIn(() => client.callTool({ name: 'server_status' })),
    'a role cannot be requested'
  )
  const decisions = lines.filter(({ audit }) => audit).map(({ audit }) => audit as Record<string, unknown>)
  for (const [operation, event] of [
    ['my_profile', 'allowed'],
    ['my_groups', 'denied'],
    ['my_groups', 'allowed'],
    ['server_status', 'denied']
  ])
    t.ok(
      decisions.some((each) => each.operation === operation && each.event === event),
      `${operation}: ${event}`
    )
})

t.test('an administrator may call the tool of administrators', async (t) => {
  const { tenant, mcp } = await start(t)
  const { client } = await connect(tenant, mcp.url, 'admin@contoso.example')
  t.teardown(() => client.close())
  t.match(JSON.stringify(await client.callTool({ name: 'server_status' })), 'uptimeSeconds')
})

t.test('hostile messages: no tool runs, nothing is a 5xx, and the server lives', async (t) => {
  const { tenant, mcp, lines } = await start(t)
  const token = (
    await signIn(tenant.origin, {
      tenantId: tenant.tenantId,
      clientId: String(tenant.description.clients.find(({ name }) => name === 'spa')?.clientId),
      username: 'user@contoso.example',
      redirectUri: 'http://localhost:5173/callback',
      scope: `${mcp.url}/access_as_user`
    })
  ).access_token
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'server_status' } }
  const { host, port } = new URL(mcp.url)
  /** Raw, as fetch() would mend some of it. */
  async function send(body: string, headers: Record<string, string> = {}, method = 'POST'): Promise<number> {
    const asked = request({
      port,
      method,
      path: '/mcp',
      headers: {
        host,
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers
      }
    })
    asked.end(body)
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    return Number(response.statusCode)
  }
  t.equal(await send(JSON.stringify(call)), 403, 'a role is required')
  const named = (name: unknown) => JSON.stringify({ ...call, params: { name } })
  const bodies = [
    JSON.stringify([call]),
    JSON.stringify([[call]]),
    JSON.stringify(Array.from({ length: 5000 }, () => call)),
    ...['__proto__', 'constructor', ['server_status'], { server_status: 1 }, null, 'Server_status'].map(named),
    JSON.stringify({ ...call, params: null }),
    JSON.stringify({ ...call, method: ['tools/call'] }),
    '{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"server_status"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"my_profile","name":"server_status"}}',
    '['.repeat(50_000) + ']'.repeat(50_000),
    `{"jsonrpc":"2.0","id":1,"method":"x","params":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
    'null',
    '1',
    '"tools/call"',
    '{',
    ''
  ]
  for (const body of bodies) {
    const status = await send(body)
    t.ok(status < 500, `${body.slice(0, 60)}: ${status}`)
  }
  for (const host of ['a b', 'x:99999', '[::1', '%00', 'a@b', 'evil.example'])
    t.ok((await send(JSON.stringify(call), { host })) < 500, `Host: ${host}`)
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PUT']) t.ok((await send('', {}, method)) < 500, method)
  t.equal(await send(named('my_profile'), { 'content-type': 'text/plain' }), 415)
  t.notOk(
    lines.some(({ audit }) => isAllowed(audit, 'server_status')),
    'nothing allowed the tool of administrators'
  )
})

const isAllowed = (audit: unknown, operation: string) =>
  Object(audit).event === 'allowed' && Object(audit).operation === operation

t.test(
  'what Microsoft Graph refuses is an error of the tool that names the status, and nothing of the token',
  async (t) => {
    const server = createServer((_request, response) => response.writeHead(403).end('{}'))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const request = { onBehalfOf: async () => 'token-for-graph', signal: new AbortController().signal }
    await t.rejects(createGraph(url).get(request, '/v1.0/me', 'User.Read'), { message: 'Microsoft Graph answered 403' })
  }
)
