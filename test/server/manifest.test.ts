/** The registration that routes need: what is in it, where its words come from, and that its IDs stay. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import {
  allOf,
  anyOf,
  type Guard,
  requireAgent,
  requireApp,
  requireAppPermission,
  requireAuthAge,
  requireAuthContext,
  requireClient,
  requireClientAuth,
  requireGroup,
  requireHuman,
  requireMember,
  requirePolicy,
  requireRole,
  requireScope,
  requireTenant,
  requireUser
} from '../../src/plugin/index.js'
import { manifestOf } from '../../src/plugin/manifest/application.js'
import { ManifestFailure } from '../../src/plugin/manifest/failure.js'
import type { Permissions } from '../../src/plugin/manifest/permissions.js'
import type { Route } from '../../src/plugin/manifest/requirements.js'
import { nameBasedUuid, stableId } from '../../src/plugin/manifest/stable-id.js'
import { clientId, declared, route, words } from './manifest-support.js'

/** Why there is no manifest. */
function refusalOf(routes: Route[], tables: Partial<Permissions> = {}) {
  try {
    manifestOf(routes, declared(tables), clientId)
    return undefined
  } catch (error) {
    return error instanceof ManifestFailure ? [error.exitCode, error.message] : error
  }
}

t.test('IDs are UUIDs of version 5, and stay what they are', async (t) => {
  const dns = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'
  t.equal(nameBasedUuid(dns, 'www.example.com'), '2ed6657d-e927-568b-95e1-2665a8aea6a2', 'RFC 9562, A.4')
  const id = stableId('20000000-abcd-4000-8000-000000000001', 'Orders.Read')
  t.equal(id, 'aa86c9fe-816f-5353-a40d-870978f123e5', 'pinned: another one takes away every grant')
  t.equal(stableId('20000000-ABCD-4000-8000-000000000001', 'Orders.Read'), id, 'GUIDs have no case')
  t.not(stableId('20000000-abcd-4000-8000-000000000002', 'Orders.Read'), id, 'another API, another ID')
  t.not(stableId('20000000-abcd-4000-8000-000000000001', 'Orders.read'), id, 'values have')
})

t.test('what the guards name is in the registration, with the words that are declared', async (t) => {
  const permissions = declared({
    scopes: {
      'Orders.Read': { ...words, forUsers: { displayName: 'Your orders', description: 'Reads your orders' } },
      'Orders.Write': words
    },
    roles: { Admin: words, Clerk: words },
    appPermissions: { 'Orders.Read.All': words, Clerk: words }
  })
  const routes = [
    route('/all', allOf(requireRole('Admin'), requireScope('Orders.Write'))),
    route(
      '/any',
      anyOf(allOf(requireScope('Orders.Read'), anyOf(requireRole('Clerk'))), requireAppPermission('Clerk'))
    ),
    route('/app', requireAppPermission('Orders.Read.All')),
    route('/open')
  ]
  const clientId = '20000000-abcd-4000-8000-000000000001'
  const { application, warnings } = manifestOf(routes, permissions, clientId.toUpperCase())
  const permission = (value: string) => ({ id: stableId(clientId, value), value, isEnabled: true })
  const consent = { adminConsentDisplayName: 'Name', adminConsentDescription: 'What it allows' }
  const role = { displayName: 'Name', description: 'What it allows' }
  t.strictSame(application, {
    identifierUris: [`api://${clientId}`],
    api: {
      requestedAccessTokenVersion: 2,
      oauth2PermissionScopes: [
        {
          ...permission('Orders.Read'),
          ...consent,
          type: 'User',
          userConsentDisplayName: 'Your orders',
          userConsentDescription: 'Reads your orders'
        },
        {
          ...permission('Orders.Write'),
          ...consent,
          type: 'Admin',
          userConsentDisplayName: null,
          userConsentDescription: null
        }
      ]
    },
    appRoles: [
      { ...permission('Admin'), ...role, allowedMemberTypes: ['User'] },
      { ...permission('Clerk'), ...role, allowedMemberTypes: ['User', 'Application'] },
      { ...permission('Orders.Read.All'), ...role, allowedMemberTypes: ['Application'] }
    ],
    optionalClaims: { accessToken: [{ name: 'idtyp', source: null, essential: false, additionalProperties: [] }] }
  })
  t.strictSame(warnings, [])
  t.strictSame(
    manifestOf(routes.toReversed(), permissions, clientId).application,
    application,
    'in any order of routes'
  )
})

t.test('optional claims are those that the guards read', async (t) => {
  const group = '50000000-0000-4000-8000-000000000001'
  const ofAgents = ['xms_act_fct', 'xms_par_app_azp', 'xms_sub_fct']
  const rows: [guard: Guard, claims: string[], groups?: string][] = [
    [requireUser(), []],
    [requireApp(), []],
    [requireMember(), ['acct', ...ofAgents]],
    [requireAgent(), ofAgents],
    [requireHuman(), ofAgents],
    [requireClient(clientId), []],
    [requireTenant(clientId), []],
    [requireClientAuth('certificate'), []],
    [requirePolicy('own', () => true), []],
    [requireGroup(group), ['groups'], 'SecurityGroup'],
    [requireAuthContext('c1'), ['acrs', 'xms_cc']],
    [requireAuthAge({ maxAgeSeconds: 60 }), ['auth_time']],
    [
      anyOf(requireAuthContext('c1'), allOf(requireGroup(group), requireMember())),
      ['acct', 'acrs', 'groups', 'xms_act_fct', 'xms_cc', 'xms_par_app_azp', 'xms_sub_fct'],
      'SecurityGroup'
    ]
  ]
  for (const [guard, claims, groups] of rows) {
    const { application } = manifestOf([route('/', guard), route('/again', guard)], declared(), clientId)
    const names = application.optionalClaims.accessToken.map(({ name }) => name)
    t.strictSame(names, ['idtyp', ...claims], guard.rule.kind)
    t.equal(application.groupMembershipClaims, groups, `${guard.rule.kind}: groupMembershipClaims`)
  }
})

t.test('optional claims that are declared are there, once', async (t) => {
  const permissions = declared({ optionalClaims: ['xms_cc', 'acct', 'idtyp'] })
  const { application } = manifestOf([route('/', requireMember())], permissions, clientId)
  const names = application.optionalClaims.accessToken.map(({ name }) => name)
  t.strictSame(names, ['idtyp', 'acct', 'xms_act_fct', 'xms_cc', 'xms_par_app_azp', 'xms_sub_fct'])
})

t.test('what a guard names and nobody declared is an error that says where', async (t) => {
  const rows: [guards: Guard[], says: string][] = [
    [[requireScope('Orders.Read')], 'the scope Orders.Read (GET /a)'],
    [[requireRole('Admin')], 'the role Admin (GET /a)'],
    [[requireAppPermission('Orders.Read.All')], 'the application permission Orders.Read.All (GET /a)'],
    [[requireScope('constructor')], 'the scope constructor (GET /a)'],
    [[requireScope('A'), requireRole('B')], 'the scope A (GET /a), the role B (GET /a)']
  ]
  for (const [guards, says] of rows) {
    const message = `src/server/permissions.ts does not declare ${says}`
    t.strictSame(refusalOf([route('/a', ...guards), route('/b', ...guards)]), [1, message])
  }
  const asApp = refusalOf([route('/', requireAppPermission('Admin'))], { roles: { Admin: words } })
  t.match(asApp, [1, 'the application permission Admin'], 'a role is none')
})

t.test('what is declared and no route asks for stays out, with a warning', async (t) => {
  const permissions = declared({ scopes: { A: words }, roles: { B: words }, appPermissions: { C: words } })
  const { application, warnings } = manifestOf([route('/', requireRole('B'))], permissions, clientId)
  t.strictSame(application.api.oauth2PermissionScopes, [])
  t.match(application.appRoles, [{ value: 'B', allowedMemberTypes: ['User'] }])
  t.equal(application.appRoles.length, 1)
  t.strictSame(warnings, [
    'src/server/permissions.ts declares the scope A, and no route requires it',
    'src/server/permissions.ts declares the application permission C, and no route requires it'
  ])
  const shared = declared({ scopes: { B: words }, roles: { B: words } })
  t.match(manifestOf([route('/', requireRole('B'))], shared, clientId).warnings, [/the scope B,/], 'a role is no scope')
})

t.test('the URL of the option resource is one more App ID URI', async (t) => {
  const url = 'https://api.example.com/mcp'
  const { application } = manifestOf([route('/')], declared(), clientId, url)
  t.strictSame(application.identifierUris, [`api://${clientId}`, url])
})

t.test('clients that are declared are authorized in advance, for scopes of guards', async (t) => {
  const client = 'AAAAAAAA-bbbb-4ccc-8ddd-eeeeeeeeeeee'
  const scopes = { A: words, B: words, C: words }
  const routes = [route('/', requireScope('A'), requireScope('B'))]
  const tables = { scopes, preAuthorizedApplications: { [client]: ['B', 'A'] } }
  t.strictSame(manifestOf(routes, declared(tables), clientId).application.api.preAuthorizedApplications, [
    { appId: client.toLowerCase(), delegatedPermissionIds: [stableId(clientId, 'B'), stableId(clientId, 'A')] }
  ])
  t.strictSame(refusalOf(routes, { scopes, preAuthorizedApplications: { spa: ['A'] } }), [
    1,
    'src/server/permissions.ts pre-authorizes spa as a client; give the application (client) ID of the client, a GUID'
  ])
  for (const name of ['C', 'Unknown'])
    t.strictSame(refusalOf(routes, { scopes, preAuthorizedApplications: { [client]: [name] } }), [
      1,
      `src/server/permissions.ts pre-authorizes ${client} for the scope ${name}, which no route requires; name a scope of a guard`
    ])
})

t.test('an ID that a registration has already is kept', async (t) => {
  const id = '00001111-aaaa-2222-bbbb-3333cccc4444'
  const permissions = declared({ scopes: { A: { ...words, id } }, appPermissions: { B: { ...words, id } } })
  const routes = [route('/', requireScope('A')), route('/b', requireAppPermission('B'))]
  const { application } = manifestOf(routes, permissions, clientId)
  t.equal(application.api.oauth2PermissionScopes[0]?.id, id)
  t.equal(application.appRoles[0]?.id, id)
})

t.test('what Entra would refuse is refused before', async (t) => {
  const long = 'x'.repeat(120)
  t.same(refusalOf([], { scopes: { [long]: words } }), undefined, '120 characters')
  const other = { ...words, description: 'Something else' }
  const rows = {
    'a name that Entra refuses': [{ scopes: { [`${long}x`]: words } }, { roles: { '.hidden': words } }],
    'with different definitions': [
      { scopes: { A: words }, roles: { A: other } },
      { scopes: { A: words }, appPermissions: { A: { ...words, displayName: 'Other' } } },
      { roles: { A: words }, appPermissions: { A: { ...words, id: clientId } } }
    ]
  }
  for (const [says, tables] of Object.entries(rows)) {
    for (const each of tables) {
      t.match(refusalOf([], each), [1, says], JSON.stringify(each))
    }
  }
  const shared = declared({ scopes: { A: words }, roles: { A: words } })
  const { application } = manifestOf([route('/', requireScope('A'), requireRole('A'))], shared, clientId)
  t.equal(application.appRoles[0]?.id, application.api.oauth2PermissionScopes[0]?.id, 'one permission, one ID')
})

t.test('the server loads none of it', async (t) => {
  const loaded = new Set<string>()
  const load = async (path: string): Promise<void> => {
    if (loaded.has(path)) return
    loaded.add(path)
    const source = await readFile(path, 'utf8')
    const imports = source.matchAll(/^(?:import|export) (?!type )[^']*from '(\.[^']+)\.js'/gm)
    for (const [, imported = ''] of imports) await load(`${join(path, '..', imported)}.ts`)
  }
  await load('src/server/main.ts')
  t.ok(loaded.has('src/server/routes/users.ts'), 'its routes are found')
  t.strictSame(
    [...loaded].filter((path) => path.includes('manifest')),
    []
  )
})
