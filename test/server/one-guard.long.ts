/**
 * One guard is changed in a copy of the source: the access page, the OpenAPI document, the manifest and the running server change with it,
 * and agree, before and after.
 */
import { execFile, spawn } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { environmentFor } from '../../src/server/environment.js'
import { startTenant } from '../../src/tenant/index.js'
import { get } from '../support/http.js'
import { inherited } from '../support/process.js'
import { type OpenapiDocument, operationsOf } from './contract/document.js'
import type { ServerRoute } from './contract/routes.js'
import { minter } from './contract/tokens.js'
import { contractFindings } from './contract/walk.js'
import { type Claim, type Way, waysInWords } from './contract/ways.js'

const file = 'src/server/routes/users.ts'
const guardOfUsers = "requireScope('Directory.Read')"
const otherGuard = "requireScope('access_as_user')"

const tenant = await startTenant({ port: 0 })
t.teardown(() => tenant.close())
const mint = await minter(tenant)
const environment = { ...inherited, ...environmentFor(tenant), DOCS: 'public', PORT: '0', HOST: '127.0.0.1' }
const run = promisify(execFile)

/** A line of the access page. */
interface Row {
  readonly methods: readonly string[]
  readonly url: string
  readonly mark: string
  readonly callers: string
}

/** What one and the same source says of itself. */
interface Api {
  readonly origin: string
  readonly rows: readonly Row[]
  readonly document: OpenapiDocument
  readonly manifest: Manifest
}

interface Manifest {
  readonly api: { readonly oauth2PermissionScopes: readonly { readonly value: string }[] }
  readonly appRoles: readonly { readonly value: string; readonly allowedMemberTypes: readonly string[] }[]
}

/** The source in a folder of its own, with an edit, built as `npm run build` does. */
async function build(edit: (source: string) => string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fastify-entra-guard-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const name of ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json'])
    await cp(name, join(folder, name), { recursive: true, filter: (path) => !path.includes('node_modules') })
  await symlink(resolve('node_modules'), join(folder, 'node_modules'))
  await writeFile(join(folder, file), edit(await readFile(file, 'utf8')))
  await run('npm', ['run', '--silent', 'build'], { cwd: folder, env: inherited })
  return folder
}

/** Starts what was built, as a process, and asks it and the manifest's command who may call. */
async function askApi(folder: string): Promise<Api> {
  const child = spawn(process.execPath, ['dist/server/main.js'], { cwd: folder, env: environment })
  t.teardown(() => child.kill('SIGKILL'))
  const origin = await new Promise<string>((resolve, reject) => {
    let out = ''
    child.stdout.on('data', (chunk) => {
      out += chunk
      const [, address] = /Server listening at (http:[^"]+)/.exec(out) ?? []
      if (address) resolve(address)
    })
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${out}`)))
  })
  const page = await get(`${origin}/docs/access`)
  const document = await get(`${origin}/openapi.json`)
  const { stdout } = await run('npm', ['run', '--silent', 'manifest'], { cwd: folder, env: environment })
  return {
    origin,
    rows: rowsOf(page.body),
    document: JSON.parse(document.body) as OpenapiDocument,
    manifest: JSON.parse(stdout) as Manifest
  }
}

function rowsOf(page: string): Row[] {
  const row = /<tr>.*?class="methods">(.*?)<.*?<code>(.*?)<.*?class="mark [a-z]+">(.*?)<\/strong>(.*?)<\/td>/g
  return [...page.matchAll(row)].map(([, methods = '', url = '', mark = '', callers = '']) => ({
    methods: methods.split(', '),
    url,
    mark,
    callers: callers.trim()
  }))
}

/** Where the four differ, as sentences; the server is asked with real tokens. */
async function disagreements({ origin, rows, document, manifest }: Api): Promise<string[]> {
  const routes = rows.flatMap(toRoutes)
  const server = { origin, routes, mint, issuer: tenant.issuer, scopeBase: `api://${tenant.description.api.clientId}/` }
  const documented = operationsOf(document)
  const inDocument = new Map(documented.map(({ name, operation }) => [name, operation['x-access']]))
  const words = rows.flatMap(({ methods, url, mark, callers }) =>
    methods.map((method) => [`${method} ${url}`, mark === 'Permission' ? callers : undefined] as const)
  )
  return [
    ...(await contractFindings(document, server)),
    ...words
      .filter(([name, said]) => inDocument.has(name) && inDocument.get(name) !== said)
      .map(([name, said]) => `${name}: the page says ${said}, and the document ${inDocument.get(name)}`),
    ...manifestFindings(
      manifest,
      [...inDocument.values()].flatMap((said) => (said ? waysInWords(said) : []))
    )
  ]
}

const isHidden = (url: string) => /^\/(docs|openapi|favicon)\b/.test(url)

/** The page's routes, as the walk takes them: HEAD goes with its GET. */
function toRoutes({ methods, url, mark, callers }: Row): ServerRoute[] {
  const ways = mark === 'Permission' ? waysInWords(callers) : []
  const own = methods.filter((method) => method !== 'HEAD' || !methods.includes('GET'))
  return own.map((method) => ({ name: `${method} ${url}`, hidden: isHidden(url), ways }))
}

function manifestFindings({ api, appRoles }: Manifest, ways: readonly Way[]): string[] {
  const asked = (caller: Way['caller'], claim: Claim) => {
    const asks = ways.filter((way) => way.caller === caller).flatMap((way) => way.asks)
    return [...new Set(asks.filter((ask) => ask.startsWith(`${claim} `)))].map((ask) => ask.slice(claim.length + 1))
  }
  const rolesFor = (member: string) =>
    appRoles.filter((role) => role.allowedMemberTypes.includes(member)).map(({ value }) => value)
  const rows = [
    ['scopes', api.oauth2PermissionScopes.map(({ value }) => value), asked('user', 'scp')],
    ['roles', rolesFor('User'), asked('user', 'roles')],
    ['application permissions', rolesFor('Application'), asked('app', 'roles')]
  ] as const
  return rows
    .map(([what, has, needs]) => [what, [...has].sort().join(', '), [...needs].sort().join(', ')] as const)
    .filter(([, has, needs]) => has !== needs)
    .map(([what, has, needs]) => `the manifest has the ${what} ${has}, and the document ${needs}`)
}

const source = await readFile(file, 'utf8')
if (source.split(guardOfUsers).length !== 2) throw new Error(`${file} has another guard than the one to be changed`)
const [plain, edited] = await Promise.all(
  [(text: string) => text, (text: string) => text.replace(guardOfUsers, otherGuard)].map(build)
)
const before = await askApi(String(plain))
const after = await askApi(String(edited))

t.test('page, document, manifest and server agree', async (t) => {
  t.ok(before.rows.length > 8 && operationsOf(before.document).length > 6, 'there is something to agree about')
  t.same(await disagreements(before), [])
})

t.test('and still do when one guard was changed', async (t) => {
  t.same(await disagreements(after), [])
})

t.test('each of the four has changed with the guard', async (t) => {
  const changed = after.rows.filter((row, index) => JSON.stringify(row) !== JSON.stringify(before.rows[index]))
  t.match(
    changed,
    [{ url: '/users', callers: /^\(the scope access_as_user, and the role Admin/ }],
    'the page, in this one row'
  )
  t.equal(changed.length, 1)

  const security = ({ document }: Api) => document.paths['/users']?.get?.security
  t.match(JSON.stringify(security(before)), '/Directory.Read"')
  t.match(JSON.stringify(security(after)), '/access_as_user"')

  const scopes = ({ manifest }: Api) => manifest.api.oauth2PermissionScopes.map(({ value }) => value).sort()
  t.same(scopes(before), ['Directory.Read', 'access_as_user'].sort())
  t.same(scopes(after), ['access_as_user'], 'nobody asks for the other scope any more')

  const statuses = async ({ origin }: Api) => {
    const tokens = [
      mint({ caller: 'user', asks: ['scp Directory.Read', 'roles Admin'] }),
      mint({ caller: 'user', asks: ['scp access_as_user', 'roles Admin'] })
    ]
    return Promise.all(tokens.map(async (token) => (await get(`${origin}/users`, await token)).status))
  }
  t.same(await statuses(before), [200, 403])
  t.same(await statuses(after), [403, 200])
})

t.test('whichever of them lagged behind would be found out', async (t) => {
  const rows: [what: string, mixed: Api, finding: RegExp][] = [
    [
      'the server',
      { ...after, origin: before.origin },
      /^GET \/users: a user with .*access_as_user.* gets 403 and should/
    ],
    [
      'the page',
      { ...after, rows: before.rows },
      /^GET \/users: the page says \(the scope Directory.Read, .* and the document/
    ],
    [
      'the document',
      { ...after, document: before.document },
      /^GET \/users: the page says \(the scope access_as_user, /
    ],
    [
      'the manifest',
      { ...after, manifest: before.manifest },
      /^the manifest has the scopes Directory.Read, access_as_user, and the doc/
    ]
  ]
  for (const [what, mixed, finding] of rows)
    t.ok(
      (await disagreements(mixed)).some((each) => finding.test(each)),
      what
    )
})
