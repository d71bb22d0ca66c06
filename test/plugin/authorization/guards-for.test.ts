/** Names that are declared once: the compiler, and the guards themselves, take no others. */
import { resolve } from 'node:path'
import swagger from '@fastify/swagger'
import t from 'tap'
import ts from 'typescript'
import {
  anyOf,
  type DeclaredPermissions,
  EntraConfigurationError,
  type Guard,
  guardsFor,
  requireAppPermission,
  requireRole,
  requireScope
} from '../../../src/plugin/index.js'
import { buildApi, optionsFor } from '../../support/api.js'
import { clientId, startTestTenant, tenantId } from '../../support/tenant.js'

const declaration = `import { guardsFor } from '../src/plugin/index.js'
const permissions = {
  scopes: { 'Orders.Read': 'Read orders', 'Orders.Write': { description: 'Write orders' } },
  roles: ['Admin']
} as const
const { requireScope, requireRole, requireAppPermission } = guardsFor(permissions)
`
const inline = `import { guardsFor } from '../src/plugin/index.js'
const { requireAppPermission } = guardsFor({ appPermissions: ['Orders.Read.All'] })
`
const untyped = `import { guardsFor } from '../src/plugin/index.js'
declare const scopes: Record<string, string>
const { requireScope } = guardsFor({ scopes })
`
const server = `import { requireAppPermission, requireRole, requireScope } from '../src/server/permissions.js'
`
/** What is written, and what the compiler names in its complaint; `undefined`: it has none. */
const rows: [name: string, source: string, complaint: RegExp | undefined][] = [
  ['what is declared', `${declaration}requireScope('Orders.Read')\nrequireScope('Orders.Write')`, undefined],
  ['a scope, misspelt', `${declaration}requireScope('Orders.Raed')`, /'"Orders\.Raed"' is not assignable/],
  ['a scope in another case', `${declaration}requireScope('orders.read')`, /'"orders\.read"' is not assignable/],
  ['a role of a list', `${declaration}requireRole('Admin')`, undefined],
  ['a role, misspelt', `${declaration}requireRole('Admim')`, /'"Admim"' is not assignable/],
  ['a role that is a scope', `${declaration}requireRole('Orders.Read')`, /'"Orders\.Read"' is not assignable/],
  ['two names', `${declaration}requireScope('Orders.Read', 'Orders.Write')`, /Expected 1 arguments, but got 2/],
  ['a permission, where none is declared', `${declaration}requireAppPermission('Any')`, /type 'never'/],
  ['a list within the call', `${inline}requireAppPermission('Orders.Read.All')`, undefined],
  ['and misspelt', `${inline}requireAppPermission('Orders.Raed.All')`, /'"Orders\.Raed\.All"' is not assignable/],
  ['names that nobody knows when it compiles', `${untyped}requireScope('Any')`, undefined],
  [
    'guards of the package itself',
    "import { requireScope } from '../src/plugin/index.js'\nrequireScope('Any')",
    undefined
  ],
  [
    'the server',
    `${server}requireScope('access_as_user')\nrequireRole('Admin')\nrequireAppPermission('Directory.Read.All')`,
    undefined
  ],
  ['the server, a scope misspelt', `${server}requireScope('acces_as_user')`, /'"acces_as_user"' is not assignable/],
  ['the server, a role misspelt', `${server}requireRole('Amdin')`, /'"Amdin"' is not assignable/],
  ['the server, a permission misspelt', `${server}requireAppPermission('Directory.All')`, /'"Directory\.All"' is not/]
]

t.test('a name that is not declared does not compile', (t) => {
  const sources = new Map(rows.map(([, source], index) => [resolve(`test/row-${index}.ts`), source]))
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.')
  const host = ts.createCompilerHost(options)
  const { readFile, fileExists } = host
  host.readFile = (name) => sources.get(name) ?? readFile(name)
  host.fileExists = (name) => sources.has(name) || fileExists(name)
  const program = ts.createProgram([...sources.keys()], { ...options, noUnusedLocals: false }, host)
  for (const [index, [name, , complaint]] of rows.entries()) {
    const found = ts.getPreEmitDiagnostics(program, program.getSourceFile(resolve(`test/row-${index}.ts`)))
    const said = found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
    if (complaint === undefined) t.same(said, [], name)
    else t.match(said, [complaint], name)
    t.equal(said.length, complaint === undefined ? 0 : 1, `${name}: nothing else`)
  }
  t.end()
})

const permissions = {
  scopes: { 'Orders.Read': 'Read orders', 'Orders.Write': { description: 'Write orders' } },
  roles: ['Admin', 'Reader'],
  appPermissions: { 'Orders.Read.All': { description: 'Read all orders' } }
} as const

t.test('they are the guards of the package, with what the permission allows', async (t) => {
  const own = guardsFor(permissions)
  const described = (guard: Guard, description: string) => ({ ...guard.rule, description })
  t.strictSame(own.requireScope('Orders.Read').rule, described(requireScope('Orders.Read'), 'Read orders'))
  t.strictSame(own.requireScope('Orders.Write').rule, described(requireScope('Orders.Write'), 'Write orders'))
  t.strictSame(own.requireRole('Admin').rule, requireRole('Admin').rule, 'a list has no words')
  const all = requireAppPermission('Orders.Read.All')
  t.strictSame(own.requireAppPermission('Orders.Read.All').rule, described(all, 'Read all orders'))
  t.ok(Object.isFrozen(own.requireScope('Orders.Read').rule))
})

t.test('who does not compile gets an error where it is written', async (t) => {
  const own = guardsFor(permissions as DeclaredPermissions)
  const of = (by: string, got: string, known: string) =>
    `${by} got ${got}, and the names declared with guardsFor are ${known}; correct the name, or declare it`
  const said = (make: () => unknown) => {
    try {
      make()
      return 'nothing'
    } catch (error) {
      t.type(error, EntraConfigurationError)
      return (error as Error).message
    }
  }
  t.equal(
    said(() => own.requireScope('Orders.Raed')),
    of('requireScope', '"Orders.Raed"', 'Orders.Read, Orders.Write')
  )
  t.equal(
    said(() => own.requireRole('admin')),
    of('requireRole', '"admin"', 'Admin, Reader')
  )
  t.equal(
    said(() => own.requireAppPermission('toString')),
    of('requireAppPermission', '"toString"', 'Orders.Read.All'),
    'what every object has is not declared'
  )
  t.equal(
    said(() => guardsFor({} as DeclaredPermissions).requireRole('Admin')),
    of('requireRole', '"Admin"', 'none')
  )
  t.equal(
    said(() => own.requireScope('api://orders/Orders.Read')),
    'requireScope got "api://orders/Orders.Read", which includes the App ID URI; give the short name, such as Orders.Read',
    'the same sentences as without a declaration'
  )
  t.match(
    said(() => (own.requireRole as (...names: string[]) => Guard)('Admin', 'Reader')),
    /^requireRole got \["Admin","Reader"\] in place of a name/
  )
})

t.test('a function that makes guards, given instead of a guard, throws at startup', async (t) => {
  const { app } = await buildApi(t, { options: { tenantId, clientId, authority: 'http://127.0.0.1:9' } })
  const preHandler = guardsFor(permissions).requireRole as never
  t.throws(() => app.get('/x', { preHandler }, () => ''), {
    message: /^GET \/x has a function that makes guards in preHandler/
  })
})

t.test('the OpenAPI document says of each scope what it allows, once', async (t) => {
  const tenant = await startTestTenant(t)
  const { origin, paths } = tenant
  const endpoints = { authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token` }
  const discovery = { issuer: `${origin}/${tenantId}/v2.0`, jwks_uri: origin + paths.keys, ...endpoints }
  tenant.answers.set(paths.discovery, (_request, response) => response.end(JSON.stringify(discovery)))
  const { app } = await buildApi(t, { options: optionsFor(tenant) })
  await app.register(swagger, { openapi: {}, transform: app.entra.openapi.transform })
  const own = guardsFor(permissions)
  const bare = requireScope('Orders.Read')
  app.get('/a', { preHandler: bare }, () => '')
  app.get('/b', { preHandler: anyOf(own.requireScope('Orders.Read'), own.requireScope('Orders.Write')) }, () => '')
  app.get('/c', { preHandler: [bare, requireScope('Other')] }, () => '')
  await app.ready()
  t.match(app.entra.openapi.securitySchemes.entraUser, { type: 'oauth2' })
  const { flows } = app.entra.openapi.securitySchemes.entraUser as { flows: { authorizationCode: { scopes: object } } }
  t.strictSame(
    Object.entries(flows.authorizationCode.scopes),
    Object.entries({
      [`api://${clientId}/Orders.Read`]: 'Read orders',
      [`api://${clientId}/Orders.Write`]: 'Write orders',
      [`api://${clientId}/Other`]: 'Other'
    }),
    'a scope without a description has its name'
  )
})
