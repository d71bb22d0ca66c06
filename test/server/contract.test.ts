/** The contract: what the server says of itself in its OpenAPI document is what it does, permission for permission. */
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { describe } from '../../src/plugin/authorization/rules.js'
import {
  allOf,
  anyOf,
  type Rule,
  requireApp,
  requireAppPermission,
  requireAuthContext,
  requireGroup,
  requireMember,
  requireRole,
  requireScope,
  requireUser
} from '../../src/plugin/index.js'
import { environmentFor } from '../../src/server/environment.js'
import { startTenant } from '../../src/tenant/index.js'
import { get } from '../support/http.js'
import { startServer } from '../support/server.js'
import {
  type NamedOperation,
  type OpenapiDocument,
  type Operation,
  operationsOf,
  type SecurityRequirement
} from './contract/document.js'
import { routesOf } from './contract/routes.js'
import { minter } from './contract/tokens.js'
import { contractFindings, outageFindings, type Server } from './contract/walk.js'
import { waysInWords, waysOf } from './contract/ways.js'

const tenant = await startTenant({ port: 0 })
t.teardown(() => tenant.close())
const mint = await minter(tenant)
const scopeBase = `api://${tenant.description.api.clientId}/`

/** A server with all the routes that it can have. */
async function start(env: Record<string, string> = {}): Promise<Server> {
  const settings: Record<string, string> = {
    ...environmentFor(tenant),
    DOCS: 'public',
    CORS_ORIGINS: 'https://app.example',
    ...env
  }
  const { started, routes } = await routesOf(() => startServer(t, settings))
  const issuer = `${settings.ENTRA_AUTHORITY}/${tenant.tenantId}/v2.0`
  return { origin: started.listeningOrigin, routes, mint, issuer, scopeBase }
}

const server = await start()
const served = await get(`${server.origin}/openapi.json`)
const document = JSON.parse(served.body) as OpenapiDocument

t.test('every operation answers as the document says, and every route is in it', async (t) => {
  t.ok(operationsOf(document).length > 0, 'there are operations')
  t.same(await contractFindings(document, server), [])
})

t.test('what the document keeps quiet about', async (t) => {
  const hidden = server.routes.filter((route) => route.hidden).map(({ name }) => name)
  const ofThePage = hidden.filter((name) => /^(GET|HEAD) \/docs(\/(json|yaml|static\/.*)?)?$/.test(name))
  t.ok(ofThePage.includes('GET /docs/static/*'))
  const others = hidden.filter((name) => !ofThePage.includes(name))
  t.same(others.sort(), ['GET /docs/access', 'GET /favicon.ico', 'GET /openapi.json', 'GET /openapi.yaml', 'OPTIONS *'])
})

t.test('while the tenant is out of reach, what is protected answers 503, and what is public as ever', async (t) => {
  const cutOff = await start({ ENTRA_AUTHORITY: 'http://127.0.0.1:9' })
  t.same(await outageFindings(document, cutOff), [])
})

/** Roles, permissions and groups have no member in OpenAPI that clients agree on: an extension of the operation names them. */
t.test('each role, permission and group that a guard asks for is named in an extension', async (t) => {
  const unnamed = operationsOf(document).flatMap(({ name, operation }) => {
    const extensions = JSON.stringify(Object.entries(operation).filter(([member]) => member.startsWith('x-')))
    const ways = server.routes.find((route) => route.name === name)?.ways ?? []
    const asks = new Set(ways.flatMap((way) => way.asks).filter((ask) => !ask.startsWith('scp ')))
    return [...asks].filter((ask) => !extensions.includes(`"${ask.split(' ')[1]}"`)).map((ask) => `${name}: ${ask}`)
  })
  t.same(unnamed, [])
})

t.test('words for people are read back as the guards have them', (t) => {
  const rows: Rule[] = [
    ...[requireScope('a'), requireRole('a'), requireAppPermission('a'), requireUser(), requireApp()],
    ...[requireMember(), requireGroup('g'), requireAuthContext('c1')],
    ...[allOf(requireScope('a')), anyOf(allOf(requireScope('a')), requireApp())],
    anyOf(allOf(requireScope('a'), requireRole('b')), requireAppPermission('c')),
    allOf(anyOf(requireScope('a'), allOf(requireRole('b'), requireGroup('g'))), anyOf(requireUser(), requireApp()))
  ].map(({ rule }) => rule)
  for (const rule of rows) t.same(waysInWords(describe(rule)), waysOf(rule), describe(rule))
  t.throws(() => waysInWords('the policy p'), /teach the contract test/)
  t.end()
})

type Tamper = (copy: OpenapiDocument) => void

t.test('a document that differs from the server is found out', async (t) => {
  const [accessAsUser, directoryRead] = [`${scopeBase}access_as_user`, `${scopeBase}Directory.Read`]
  const app = { entraApp: [`${scopeBase}.default`] }
  const asUser = '(the scope Directory.Read, and the role Admin, held by a user)'
  const json = (type: string) => ({ content: { 'application/json': { schema: { type } } } })
  const rows: [name: string, tamper: Tamper, ...findings: RegExp[]][] = [
    [
      'a scope less',
      secure('/me', { entraUser: [] }),
      /^GET \/me: a user with scp Unrelated gets 403 and should be let in$/
    ],
    [
      'a scope less beside a role',
      secure('/users', { entraUser: [] }, app),
      /^GET \/users: a user with roles Admin gets 403 and should be let in$/
    ],
    [
      'a scope more',
      secure('/me', { entraUser: [accessAsUser, directoryRead] }),
      /^GET \/me: a user with .*scp access_as_user.* gets 200 and should get 403$/
    ],
    [
      'a scope that no guard knows',
      secure('/me', { entraUser: [accessAsUser, `${scopeBase}Extra`] }),
      /^GET \/me: a user with .*scp access_as_user.* gets 200 and should get 403$/,
      /^GET \/me asks for .*\/Extra, which entraUser does not list$/
    ],
    [
      'another scope',
      secure('/me', { entraUser: [directoryRead] }),
      /^GET \/me: a user with scp Directory.Read gets 403 and should be let in$/,
      /^GET \/me: a user with .*scp access_as_user.* gets 200 and should get 403$/
    ],
    [
      'a scope where any token will do',
      secure('/protected', { entraUser: [accessAsUser] }, app),
      /^GET \/protected: a user with .* gets 200 and should get 403$/
    ],
    [
      'an application permission that is not asked for',
      secure('/protected', { entraUser: [] }, { entraApp: [`${scopeBase}Extra.All`] }),
      /^GET \/protected: an app with .* gets 200 and should get 403$/
    ],
    [
      'an alternative less',
      secure('/users', { entraUser: [directoryRead] }),
      /^GET \/users: an app with .*roles Directory.Read.All.* gets 200 and should get 403$/
    ],
    [
      'an alternative more',
      secure('/me', { entraUser: [accessAsUser] }, app),
      /^GET \/me: an app with roles Unrelated gets 403 and should be let in$/
    ],
    [
      'public, and is protected',
      secure('/me'),
      /^GET \/me: nobody gets 401 and should be let in$/,
      /^HEAD \/me: nobody gets 401 and should be let in$/,
      /^GET \/me is public, and lists 401$/
    ],
    [
      'open to strangers, and is not',
      secure('/me', {}, { entraUser: [accessAsUser] }),
      /^GET \/me: nobody gets 401 and should be let in$/
    ],
    [
      'protected, and is public',
      secure('/healthz', { entraUser: [] }),
      /^GET \/healthz: nobody gets 200 and should get 401$/,
      /^GET \/healthz lists no 401 with a problem and WWW-Authenticate$/
    ],
    [
      'both where either will do',
      secure('/protected', { entraUser: [], ...app }),
      /^GET \/protected asks for a user and an app at once$/
    ],
    [
      'a scope that clients cannot ask for',
      secure('/me', { entraUser: ['access_as_user'] }),
      /^GET \/me asks for access_as_user, which is no scope of this API$/
    ],
    ['silent about who may call', (copy) => delete at(copy, '/me').security, /^GET \/me does not say who may call it$/],
    [
      'a refusal less',
      (copy) => delete at(copy, '/me').responses[403],
      /^GET \/me lists no 403 with a problem and WWW-Authenticate$/,
      /^GET \/me: an app with nothing gets 403, which is not listed$/
    ],
    [
      'another body',
      (copy) => Object.assign(at(copy, '/me').responses, { 200: json('array') }),
      /^GET \/me: a user with scp access_as_user gets 200 with a body that is not as listed: data must be array$/
    ],
    [
      'another media type',
      (copy) => Object.assign(at(copy, '/me').responses, { 200: { content: {} } }),
      /^GET \/me: a user with scp access_as_user gets 200 as application\/json, which is not listed$/
    ],
    [
      'a header more',
      (copy) => Object.assign(at(copy, '/me').responses, { 200: { ...json('object'), headers: { ETag: {} } } }),
      /^GET \/me: a user with scp access_as_user gets 200 without ETag$/
    ],
    [
      'a success that never comes',
      (copy) => Object.assign(at(copy, '/me').responses, { 201: json('object') }),
      /^GET \/me lists 201, and never answers so$/
    ],
    [
      'an operation less',
      (copy) => delete copy.paths['/users'],
      /^GET \/users is not in the document$/,
      /^entraUser lists .*\/Directory\.Read, which no operation asks for$/
    ],
    [
      'an operation more',
      (copy) => Object.assign(copy.paths, { '/nowhere': copy.paths['/me'] }),
      /^GET \/nowhere is in the document, and no route$/,
      /^GET \/nowhere: a user with scp access_as_user gets 404, which is not listed$/
    ],
    [
      'another method',
      (copy) => Object.assign(copy.paths, { '/me': { post: at(copy, '/me') } }),
      /^GET \/me is not in the document$/,
      /^POST \/me is in the document, and no route$/
    ],
    [
      'a role that the server does not ask for',
      say('/me', 'the scope access_as_user, and the role Extra, held by a user', { 'x-roles': ['Extra'] }),
      /^GET \/me: a user with .*scp access_as_user.* gets 200 and should get 403$/
    ],
    [
      'a role that the server asks for, and the document does not',
      say('/role-protected', 'a user', { 'x-roles': undefined }),
      /^GET \/role-protected: a user with scp Unrelated gets 403 and should be let in$/
    ],
    [
      'another role',
      say('/role-protected', 'the role Extra, held by a user', { 'x-roles': ['Extra'] }),
      /^GET \/role-protected: a user with roles Extra gets 403 and should be let in$/,
      /^GET \/role-protected: a user with .*roles Admin.* gets 200 and should get 403$/
    ],
    [
      'a role where any token will do',
      say('/protected', 'the role Admin, held by a user, or an app-only token', { 'x-roles': ['Admin'] }),
      /^GET \/protected: a user with scp Unrelated gets 200 and should get 403$/
    ],
    [
      'a role that one of two is enough for',
      say('/users', 'the scope Directory.Read, or the application permission Directory.Read.All', {
        'x-roles': undefined
      }),
      /^GET \/users: a user with scp Directory.Read gets 403 and should be let in$/
    ],
    [
      'another application permission',
      say('/users', `${asUser}, or the application permission Extra.All`, {
        'x-application-permissions': ['Extra.All']
      }),
      /^GET \/users: an app with roles Extra.All gets 403 and should be let in$/,
      /^GET \/users: an app with .*roles Directory.Read.All.* gets 200 and should get 403$/
    ],
    [
      'an application permission more',
      say(
        '/users',
        `${asUser}, or (the application permission Directory.Read.All, and the application permission More)`,
        {
          'x-application-permissions': ['Directory.Read.All', 'More']
        }
      ),
      /^GET \/users: an app with .*roles Directory.Read.All.* gets 200 and should get 403$/
    ],
    [
      'an application permission that the server asks for, and the document does not',
      say('/users', `${asUser}, or an app-only token`, { 'x-application-permissions': undefined }),
      /^GET \/users: an app with roles Unrelated gets 403 and should be let in$/
    ],
    [
      'a group that the server does not ask for',
      say('/me', 'the scope access_as_user, and a user in the group g1', { 'x-groups': ['g1'] }),
      /^GET \/me: a user with .*scp access_as_user.* gets 200 and should get 403$/
    ],
    [
      'no word of who may call beside scopes',
      (copy) => delete at(copy, '/role-protected')['x-access'],
      /^GET \/role-protected: a user with scp Unrelated gets 403 and should be let in$/,
      /^GET \/role-protected lists Admin in x-roles, and x-access names nothing$/
    ],
    [
      'names in lists that its words do not have',
      (copy) => {
        Object.assign(at(copy, '/me'), { 'x-roles': ['Extra'], 'x-groups': ['g1'] })
        Object.assign(at(copy, '/users'), { 'x-application-permissions': [] })
      },
      /^GET \/me lists Extra in x-roles, and x-access names nothing$/,
      /^GET \/me lists g1 in x-groups, and x-access names nothing$/,
      /^GET \/users lists nothing in x-application-permissions, and x-access names Directory.Read.All$/
    ],
    [
      'a scope in words that clients are not told to ask for',
      say('/role-protected', 'the role Admin, held by a user, and the scope Extra', {}),
      /^GET \/role-protected asks for no scope, and x-access names Extra$/
    ],
    [
      'a scope that is not described',
      ({ components }) => {
        const { scopes = {} } = components.securitySchemes.entraUser?.flows?.authorizationCode ?? {}
        scopes[accessAsUser] = ''
      },
      /^entraUser does not describe .*\/access_as_user$/
    ]
  ]
  for (const [name, tamper, ...expected] of rows) {
    const copy = structuredClone(document)
    tamper(copy)
    const changed = operationsOf(copy).filter((each) => !operationsOf(document).some(isSameAs(each)))
    const findings = await contractFindings(copy, server, changed)
    const missed = expected.filter((finding) => !findings.some((each) => finding.test(each)))
    t.same(missed, [], name, { findings })
  }
})

function isSameAs(one: NamedOperation) {
  return (other: NamedOperation) => isDeepStrictEqual(one, other)
}

/** Says other alternatives of who may GET a path. */
function secure(path: string, ...security: SecurityRequirement[]): Tamper {
  return (copy) => Object.assign(at(copy, path), { security })
}

/** Says in other words who may GET a path, and in other lists. */
function say(path: string, words: string, lists: { [List in keyof Operation]?: Operation[List] | undefined }): Tamper {
  return (copy) => Object.assign(at(copy, path), { 'x-access': words, ...lists })
}

/** What GETs a path, to be tampered with. */
function at({ paths }: OpenapiDocument, path: string): Operation {
  const operation = paths[path]?.get
  if (!operation) throw new Error(`the document has no GET ${path}`)
  return operation
}
