/** `fastify-entra manifest`: the registration of an app of one's own, from its guards, and its comparison with the real one. */
import { join } from 'node:path'
import t from 'tap'
import { declaredPermissions } from '../../../src/plugin/command/declared-permissions.js'
import { run } from '../../../src/plugin/command/run.js'
import type { Application } from '../../../src/plugin/manifest/application.js'
import { environmentFor } from '../../../src/server/environment.js'
import { startTenant } from '../../../src/tenant/index.js'

const client = '20000000-0000-4000-8000-000000000001'
const none = async () => ''
const manifest = (app: string, ...args: string[]) =>
  run(['manifest', join(import.meta.dirname, 'apps', app), ...args], { ENTRA_CLIENT_ID: client }, none)

t.test('from guards alone: names are the words, where nothing else is declared', async (t) => {
  const { exitCode, out, err } = await manifest('app.ts')
  t.match({ exitCode, err }, { exitCode: 0, err: '' })
  const { api, appRoles, identifierUris, optionalClaims }: Application = JSON.parse(out)
  t.same(identifierUris, [`api://${client}`])
  t.match(api.oauth2PermissionScopes, [
    {
      value: 'Orders.Read',
      type: 'Admin',
      adminConsentDisplayName: 'Orders.Read',
      adminConsentDescription: 'Orders.Read'
    }
  ])
  t.match(appRoles, [
    { value: 'Admin', allowedMemberTypes: ['User'] },
    { value: 'Orders.Write.All', allowedMemberTypes: ['Application'] }
  ])
  t.same(
    optionalClaims.accessToken.map(({ name }) => name),
    ['idtyp']
  )
})

t.test('guards in the config and in onRequest count as well, and so does what the module exports', async (t) => {
  const { out } = await manifest('registered.ts')
  const { api, appRoles, optionalClaims }: Application = JSON.parse(out)
  t.match(api.oauth2PermissionScopes, [
    { value: 'access_as_user', type: 'User', userConsentDisplayName: 'Call the API for you' }
  ])
  t.match(appRoles, [
    { value: 'Admin', displayName: 'Admin' },
    { value: 'Orders.Write.All', description: 'Write orders', id: '77777777-7777-4777-8777-777777777777' }
  ])
  t.same(
    optionalClaims.accessToken.map(({ name }) => name),
    ['idtyp', 'sid']
  )
  t.match(await manifest('registered.ts', '--format', 'terraform'), { exitCode: 0, out: /display_name += "Orders"/ })
  const other = '20000000-0000-4000-8000-000000000009'
  t.match(await manifest('registered.ts', '--format', 'bicep', '--client', other), {
    out: new RegExp(`api://${other}`)
  })
})

t.test('an API that clients discover, and a client that needs no consent', async (t) => {
  const { out, err } = await manifest('discovered.ts')
  t.equal(err, '')
  const { api, identifierUris }: Application = JSON.parse(out)
  t.same(identifierUris, [`api://${client}`, 'https://api.example.com/mcp'])
  const [scope] = api.oauth2PermissionScopes
  t.same(api.preAuthorizedApplications, [
    { appId: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee', delegatedPermissionIds: [scope?.id] }
  ])
})

t.test('declarations of clients that are none', async (t) => {
  for (const preAuthorizedApplications of [5, null, 'x', { a: 'Read' }, { a: [1] }])
    t.throws(() => declaredPermissions({ routes: [], permissions: { preAuthorizedApplications } }, 'app.js'), {
      name: 'CommandFailure',
      message:
        'app.js: preAuthorizedApplications of its export permissions is not allowed; give lists of scopes by client ID'
    })
})

t.test('what cannot be a registration, and what is no use of the command', async (t) => {
  t.match(await manifest('contradictory.ts'), {
    exitCode: 1,
    out: '',
    err: /declares the scope Read and the role Read with different/
  })
  t.match(await manifest('odd.ts'), {
    exitCode: 2,
    err: /its export permissions is no object; export what guardsFor\(\) gets\n$/
  })
  t.match(await manifest('missing.ts'), { exitCode: 2, err: /Cannot find module/ })
  t.match(await run(['manifest', 'app.ts'], {}, none), {
    exitCode: 2,
    err: /^manifest needs .*; give --client or ENTRA_CLIENT_ID\n$/
  })
  for (const args of [['--format', 'xml'], ['--check', '--format', 'json'], ['another'], ['--all']])
    t.match(await manifest('app.ts', ...args), { exitCode: 2, out: '', err: /^manifest takes one module/ })
  t.match(await run(['manifest', '--help'], {}, none), { exitCode: 0, out: /--check/ })
})

t.test('a token for Microsoft Graph is not sent over plain HTTP', async (t) => {
  const env = { ENTRA_CLIENT_ID: client, GRAPH_URL: 'http://graph.example' }
  t.match(await run(['manifest', 'app.ts', '--check'], env, none), {
    exitCode: 2,
    err: /^GRAPH_URL "http:\/\/graph\.example" is not allowed; give an origin/
  })
})

t.test('--check, over HTTP', async (t) => {
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const env = environmentFor(tenant)
  Object.assign(process.env, env) // the process of the app inherits it
  t.teardown(() => {
    for (const name of Object.keys(env)) Reflect.deleteProperty(process.env, name)
  })
  const check = (app: string, clientId = client) => {
    const args = ['manifest', join(import.meta.dirname, 'apps', app), '--check', '--client', clientId]
    return run(args, env, none)
  }
  const inSync = `the registration of ${client} has what the guards require\n`
  t.same(await check('server.ts'), { exitCode: 0, out: '', err: inSync })
  const { exitCode, out } = await check('registered.ts')
  t.equal(exitCode, 1)
  t.match(out, /^appRoles: Orders\.Write\.All is missing$/m)
  t.match(out, /^api\.oauth2PermissionScopes: "Directory\.Read" is not in code$/m)
  t.match(await check('registered.ts', '20000000-0000-4000-8000-000000000009'), {
    exitCode: 2,
    err: /does not show the registration of .*; it answered 404\n$/
  })
  process.env.ENTRA_CLIENT_SECRET = 'another-secret'
  t.match(await check('registered.ts'), { exitCode: 2, out: '', err: /DownstreamError: / })
  process.env.ENTRA_CLIENT_SECRET = ''
  t.match(await check('registered.ts'), { exitCode: 2, out: '', err: /EntraConfigurationError: .*downstream/ })
})
