/** examples/mcp: an official client that knows a URL and its own client ID comes to a tool's answer, by what the server says. */
import t, { type Test } from 'tap'
import { type Mcp, startMcp } from '../../src/server/dev-mcp.js'
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
