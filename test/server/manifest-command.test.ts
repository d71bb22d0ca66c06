/** `npm run manifest` and its `--check`: what is printed, the status of the process, and both over real HTTP. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import {
  DownstreamError,
  EntraConfigurationError,
  requireRole,
  requireScope,
  type TokenForApp
} from '../../src/plugin/index.js'
import type { Route } from '../../src/plugin/manifest/requirements.js'
import { refusal } from '../../src/plugin/refusals/refusal.js'
import { buildApp } from '../../src/server/app.js'
import type { ServerConfig } from '../../src/server/config/config.js'
import { environmentFor } from '../../src/server/environment.js'
import { runManifest } from '../../src/server/manifest/command.js'
import { permissions } from '../../src/server/permissions.js'
import { startTenant } from '../../src/tenant/index.js'
import { run } from '../support/process.js'
import { clientId, declared, route, words } from './manifest-support.js'

const entra = { ENTRA_TENANT_ID: '10000000-0000-4000-8000-000000000001', ENTRA_CLIENT_ID: clientId }

const unreachable: TokenForApp = async () => {
  throw new DownstreamError(refusal('downstream_unavailable'))
}

/** The command on routes that are given, without an API. */
function manifest(
  args: string[],
  env: Record<string, string>,
  routes: readonly Route[],
  tokenForApp: TokenForApp = unreachable
) {
  const start = async () => ({ routes, tokenForApp, close: async () => {} })
  return runManifest(args, env, { permissions: declared({ scopes: { Read: words } }), start })
}

/** The command as a process. */
async function command(t: Test, env: Record<string, string>, ...args: string[]) {
  const { process, output } = run(t, 'src/server/manifest.ts', env, ...args)
  const [exitCode] = await once(process, 'close')
  return { exitCode, ...output }
}

t.test('writes Graph’s JSON, Terraform or Bicep', async (t) => {
  const routes = [route('/', requireScope('Read'))]
  const json = await manifest([], entra, routes)
  t.match(json, { exitCode: 0, err: '' })
  t.match(JSON.parse(json.out), {
    identifierUris: [`api://${clientId}`],
    api: { oauth2PermissionScopes: [{ value: 'Read' }] }
  })
  t.strictSame(await manifest(['--format', 'json'], entra, routes), json)
  t.match(await manifest(['--format', 'terraform'], entra, routes), {
    exitCode: 0,
    out: /^resource "azuread_application"/m
  })
  t.match(await manifest(['--format=bicep'], entra, routes), { exitCode: 0, out: /^resource api 'Microsoft.Graph/m })
})

t.test('nothing but the client ID counts when it writes', async (t) => {
  const routes = [route('/', requireScope('Read'))]
  const { out } = await manifest([], entra, routes)
  const others = { ...entra, ENTRA_TENANT_ID: '', PORT: 'none', DOCS: 'public', OIDC_ISSUER: 'https://other.example' }
  t.equal((await manifest([], others, routes)).out, out)
  const another = { ENTRA_CLIENT_ID: '20000000-0000-4000-8000-000000000009' }
  t.not((await manifest([], another, routes)).out, out)
})

t.test('a permission that is not declared is one sentence and status 1; one too many a warning', async (t) => {
  t.strictSame(await manifest([], entra, [route('/', requireRole('Admin'))]), {
    exitCode: 1,
    out: '',
    err: 'src/server/permissions.ts does not declare the role Admin (GET /)\n'
  })
  t.match(await manifest([], entra, []), {
    exitCode: 0,
    err: 'src/server/permissions.ts declares the scope Read, and no route requires it\n'
  })
})

t.test('what cannot be asked is one sentence and status 2', async (t) => {
  const usage = 'npm run manifest takes --check, or --format json, terraform or bicep\n'
  const rows: [args: string[], env: Record<string, string>, err: string | RegExp][] = [
    [['--formt', 'json'], entra, usage],
    [['--format', 'yaml'], entra, usage],
    [['--format', 'constructor'], entra, usage],
    [['check'], entra, usage],
    [['--check', '--format', 'json'], entra, usage],
    [['--check'], {}, /^ENTRA_TENANT_ID and ENTRA_CLIENT_ID are missing/],
    [['--check'], { ...entra, PORT: 'none' }, /^PORT "none" is not allowed/],
    [
      ['--check'],
      { OIDC_ISSUER: 'https://other.example', OIDC_AUDIENCE: 'a' },
      /^ENTRA_CLIENT_ID is missing; only Entra/
    ],
    [['--check'], entra, 'ENTRA_CLIENT_SECRET is missing; --check reads the registration with it\n'],
    [
      ['--check'],
      { ...entra, ENTRA_CLIENT_SECRET: 's' },
      /^the tenant or Microsoft Graph cannot be reached: downstream_unavailable\n$/
    ]
  ]
  for (const [args, env, err] of rows) {
    const outcome = await manifest(args, env, [])
    t.match(outcome, { exitCode: 2, out: '', err }, `${args.join(' ')} ${JSON.stringify(env)}`)
    t.equal(outcome.err.split('\n').length, 2, 'one line')
  }
})

t.test('a setting that the plugin refuses is named by its variable', async (t) => {
  const start = () => Promise.reject(new EntraConfigurationError('clientId "none" is not allowed'))
  const outcome = await runManifest([], { ENTRA_CLIENT_ID: 'none' }, { permissions, start })
  t.strictSame(outcome, { exitCode: 2, out: '', err: 'ENTRA_CLIENT_ID "none" is not allowed\n' })
})

t.test('a bug keeps its stack', async (t) => {
  const bug = new TypeError('a bug')
  const start = () => Promise.reject(bug)
  await t.rejects(runManifest([], entra, { permissions, start }), bug)
})

/** Whether a server has no connection, by then. One that is kept alive lasts for seconds. */
async function quietWithin(server: Server, milliseconds: number): Promise<boolean> {
  const end = Date.now() + milliseconds
  const count = () => new Promise((resolve) => server.getConnections((_error, connections) => resolve(connections)))
  while ((await count()) !== 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20))
  return (await count()) === 0
}

t.test('whatever Graph answers', async (t) => {
  let answer = { status: 200, body: '{}' }
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(String(request.url))
    response.writeHead(answer.status).end(answer.body)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const env = { ...entra, ENTRA_CLIENT_SECRET: 's', GRAPH_URL: url }
  const check = () => manifest(['--check'], env, [route('/', requireScope('Read'))], async () => 't')

  const nothing = [
    `identifierUris: api://${clientId} is missing`,
    'api: requestedAccessTokenVersion is null, and 2 in code',
    'api.oauth2PermissionScopes: Read is missing',
    'optionalClaims.accessToken: idtyp is missing',
    ''
  ].join('\n')
  t.strictSame(await check(), { exitCode: 1, out: nothing, err: '' })
  t.ok(await quietWithin(server, 2000), 'no connection is left open')
  t.match(asked[0], `/v1.0/applications(appId='${clientId}')?$select=`)
  answer = { status: 200, body: '{"api":null,"appRoles":null,"optionalClaims":null,"identifierUris":"x"}' }
  t.strictSame(await check(), { exitCode: 1, out: nothing, err: '' })
  answer = { status: 200, body: '{"api":{"oauth2PermissionScopes":[null]}}' }
  t.match(await check(), { exitCode: 1, out: /^api.oauth2PermissionScopes: null is not in code$/m })

  const notShown = `Microsoft Graph does not show the registration of ${clientId}; it must be in this tenant, and hold Application.Read.All`
  for (const status of [403, 404]) {
    answer = { status, body: '{"error":{"code":"Some"}}' }
    t.strictSame(await check(), { exitCode: 2, out: '', err: `${notShown}: answered ${status} {"code":"Some"}\n` })
  }
  answer = { status: 503, body: '{}' }
  t.match(await check(), {
    exitCode: 2,
    out: '',
    err: /^the tenant or Microsoft Graph cannot be reached: answered 503/
  })
})

t.test('npm run manifest with RESOURCE_URL, written and compared', async (t) => {
  const url = 'https://api.example.com/mcp'
  const { out } = await command(t, { RESOURCE_URL: url })
  t.same(JSON.parse(out).identifierUris, [`api://${clientId}`, url])
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const env = { ...environmentFor(tenant), RESOURCE_URL: url }
  const drift = `identifierUris: ${url} is missing\n`
  t.strictSame(await command(t, env, '--check'), { exitCode: 1, out: drift, err: '' })
  tenant.addAppIdUri(url)
  t.match(await command(t, env, '--check'), { exitCode: 0, out: '' })
  t.match(await command(t, { RESOURCE_URL: '/mcp' }), { exitCode: 2, err: /^RESOURCE_URL "\/mcp" is not allowed: / })
})

t.test('npm run manifest: what the routes of this server need, without the network', async (t) => {
  const { exitCode, out, err } = await command(t, {})
  t.equal(exitCode, 0)
  t.equal(err, 'ENTRA_CLIENT_ID is not set; these IDs are for the API of the embedded tenant\n')
  const { api, appRoles } = JSON.parse(out) as Record<'api', { oauth2PermissionScopes: { value: string }[] }> &
    Record<'appRoles', { value: string; allowedMemberTypes: string[] }[]>
  t.strictSame(
    api.oauth2PermissionScopes.map(({ value }) => value),
    Object.keys(permissions.scopes),
    'every scope that is declared is asked for'
  )
  t.strictSame(
    appRoles.map(({ value, allowedMemberTypes }) => [value, ...allowedMemberTypes]),
    [
      ...Object.keys(permissions.roles).map((role) => [role, 'User']),
      ...Object.keys(permissions.appPermissions).map((permission) => [permission, 'Application'])
    ],
    'and every role and application permission'
  )
})

t.test('npm run manifest -- --check, over HTTP: in sync, with drift, and when it cannot be asked', async (t) => {
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const env = environmentFor(tenant)
  t.equal(tenant.description.api.clientId, clientId, 'the manifest without a client ID is that of this API')

  const inSync = `the registration of ${clientId} has what the code requires\n`
  t.strictSame(await command(t, env, '--check'), { exitCode: 0, out: '', err: inSync })
  t.match(await command(t, { ...env, ENTRA_CLIENT_SECRET: 'wrong-secret' }, '--check'), {
    exitCode: 2,
    out: '',
    err: /^the tenant refused ENTRA_CLIENT_ID with ENTRA_CLIENT_SECRET: .*\n$/
  })

  await fetch(`${tenant.origin}/_control/api?requestedAccessTokenVersion=1`, { method: 'POST' })
  const drift = 'api: requestedAccessTokenVersion is 1, and 2 in code\n'
  t.strictSame(await command(t, env, '--check'), { exitCode: 1, out: drift, err: '' })

  await tenant.close()
  t.match(await command(t, env, '--check'), {
    exitCode: 2,
    out: '',
    err: /^the tenant or Microsoft Graph cannot be reached: .*\n$/
  })
})

t.test('a guard or a word that changed in code is drift of the registration, over HTTP', async (t) => {
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const routes = [route('/', requireScope('access_as_user'))]
  const start = async (config: ServerConfig) => {
    const app = await buildApp(config)
    return { routes, tokenForApp: app.entra.tokenForApp, close: () => app.close() }
  }
  const scopes = { access_as_user: { ...permissions.scopes.access_as_user, description: 'New words' } }
  const subject = { permissions: declared({ scopes }), start }
  const { exitCode, out } = await runManifest(['--check'], environmentFor(tenant), subject)
  t.equal(exitCode, 1)
  t.strictSame(out.split('\n'), [
    'api.oauth2PermissionScopes: access_as_user: adminConsentDescription is "Allows the app to call the API for the user who is signed in.", and "New words" in code',
    'api.oauth2PermissionScopes: "Directory.Read" is not in code',
    'appRoles: "Admin" is not in code',
    'appRoles: "Directory.Read.All" is not in code',
    ''
  ])
})
