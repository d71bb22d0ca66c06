/** docs/coming-from.md: its samples are compiled and run, and answer as the table below each of them says. */
import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import ts from 'typescript'
import { signIn } from '../src/tenant/client.js'
import { startTenant, type Tenant } from '../src/tenant/index.js'
import { skipWithout } from './support/programs.js'
import { compileSamples, pointedAt, runSamples, samplesIn, signed } from './support/samples.js'
import { appToken, userToken } from './support/server.js'
import { seconds } from './support/tenant.js'

/** A row: who requests what, and the answers before and now. */
interface Promised {
  readonly who: string
  readonly path: string
  readonly now: number
}

/** A library of the page. */
interface Section {
  readonly heading: string
  readonly sample: string
  readonly promises: readonly Promised[]
}

const page = await readFile('docs/coming-from.md', 'utf8')
const head = '| who | requests | before | now |'

function sectionsOf(text: string): Section[] {
  return text
    .split('\n## ')
    .filter((section) => section.includes('\n```ts\n'))
    .map((section) => {
      const [sample = '', ...others] = samplesIn(section, 'ts')
      const [before = '', table = ''] = section.split(`\n${head}\n`)
      if (others.length > 0 || !before.includes(sample))
        throw new Error('a section has one sample, and its table after it')
      return { heading: section.slice(0, section.indexOf('\n')), sample, promises: promisesIn(table) }
    })
}

function promisesIn(table: string): Promised[] {
  const [rows = ''] = table.split('\n\n')
  return rows
    .trim()
    .split('\n')
    .slice(1)
    .map((row) => {
      const cells = /^\| ([^|]+) \| `(\/\w+)` \| \d{3} \| (\d{3}) \|$/.exec(row)
      if (!cells) throw new Error(`odd row: ${row}`)
      const [, who = '', path = '', now] = cells
      return { who: who.replaceAll('`', ''), path, now: Number(now) }
    })
}

/** A service that administrators gave these roles. */
const service = (tenant: Tenant, roles: string[]) =>
  signed(tenant, { scp: undefined, idtyp: 'app', sub: '40000000-0000-4000-8000-0000000000ff', azpacr: '1', roles })

const graphToken = async ({ origin, tenantId, description }: Tenant) => {
  const client = description.clients.find(({ name }) => name === 'spa')
  const request = { tenantId, clientId: String(client?.clientId), username: 'user@contoso.example' }
  return (await signIn(origin, { ...request, scope: 'https://graph.microsoft.com/User.Read' })).access_token
}

const otherTenant = ({ description }: Tenant) => {
  const [other] = description.otherTenants
  return { iss: other?.issuer, tid: other?.tenantId }
}

/** Who calls, as the tables name them, and the token that they send: those that the tenant issues where it would. */
const callers: Record<string, (tenant: Tenant) => Promise<string | undefined>> = {
  'an anonymous caller': async () => undefined,
  'a user': (tenant) => userToken(tenant, 'user@contoso.example'),
  'an admin': (tenant) => userToken(tenant, 'admin@contoso.example'),
  'a guest': (tenant) => userToken(tenant, 'guest@fabrikam.example'),
  'a user in 250 groups': (tenant) => userToken(tenant, 'groups@contoso.example'),
  'a user with access_as_user only': (tenant) => userToken(tenant, 'user@contoso.example', ['access_as_user']),
  'a user with Directory.Read only': (tenant) => userToken(tenant, 'user@contoso.example', ['Directory.Read']),
  'a user with the role Directory.Read.All': (tenant) =>
    signed(tenant, { scp: 'access_as_user', roles: ['Directory.Read.All'] }),
  'a user who left': (tenant) => signed(tenant, { oid: '77777777-8888-4999-aaaa-bbbbbbbbbbbb' }),
  'a service with its permission': (tenant) => appToken(tenant, 'daemon'),
  'a service without any permission': (tenant) => appToken(tenant, 'daemon-no-roles'),
  'a service with the role Admin': (tenant) => service(tenant, ['Admin']),
  'an ID token': (tenant) => signed(tenant, { scp: undefined, azp: undefined, azpacr: undefined, nonce: 'a-nonce' }),
  'a token for Microsoft Graph': graphToken,
  'a token of another tenant': (tenant) => signed(tenant, otherTenant(tenant)),
  'a token that expired ten seconds ago': (tenant) => signed(tenant, { exp: seconds() - 10 }),
  'a token that expired two minutes ago': (tenant) => signed(tenant, { exp: seconds() - 120 }),
  'a token without exp': (tenant) => signed(tenant, { exp: undefined }),
  'a token without iss': (tenant) => signed(tenant, { iss: undefined }),
  'a token without aud': (tenant) => signed(tenant, { aud: undefined }),
  'a v1 token': (tenant) => {
    const { origin, description } = tenant
    const v1 = { ver: '1.0', iss: `${origin}/${tenant.tenantId}/`, aud: `api://${description.api.clientId}` }
    const { clientId: appid } = description.clients.find(({ name }) => name === 'spa') ?? {}
    return signed(tenant, { ...v1, appid, appidacr: '0', azp: undefined, azpacr: undefined })
  },
  'a header with two tokens': async (tenant) => {
    const token = await userToken(tenant, 'user@contoso.example')
    return `${token} ${token}`
  }
}

t.test('every "after" compiles, runs, and answers as its table says', async (t) => {
  const sections = sectionsOf(page)
  t.ok(sections.length >= 7, `${sections.length} sections`)
  const compiled = await compileSamples(
    t,
    sections.map(({ sample }) => sample)
  )
  t.equal(compiled.said, '')
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const addresses = await runSamples(t, compiled, (program) => pointedAt(tenant, program))
  t.equal(addresses.length, sections.length, 'all of them listen')
  for (const [index, { heading, promises }] of sections.entries()) {
    t.test(heading, async (t) => {
      t.ok(promises.length >= 8, `${promises.length} answers`)
      for (const { who, path, now } of promises) {
        const token = await callers[who]?.(tenant)
        t.ok(token ?? who === 'an anonymous caller', `${who} is known`)
        const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {}
        const response = await fetch(`${addresses[index]}${path}`, { headers })
        t.equal(response.status, now, `${who}: ${path} ${now}, and it says ${await response.text()}`)
      }
    })
  }
  t.same(
    Object.keys(callers).filter((who) => !sections.some(({ promises }) => promises.some((row) => row.who === who))),
    [],
    'no caller is left over'
  )
})

t.test('every "before" is a program of its language', async (t) => {
  const scripts = samplesIn(page, 'js')
  t.equal(scripts.length, 4)
  for (const code of scripts) {
    const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, allowJs: true }
    const { diagnostics = [] } = ts.transpileModule(code, {
      compilerOptions: options,
      fileName: 'before.mjs',
      reportDiagnostics: true
    })
    t.same(
      diagnostics.map(({ messageText }) => messageText),
      []
    )
  }
  t.test('Python', { skip: skipWithout('python3') }, async (t) => {
    const programs = samplesIn(page, 'python')
    t.equal(programs.length, 2)
    for (const input of programs) {
      const { status, stderr } = spawnSync('python3', ['-c', 'import ast, sys; ast.parse(sys.stdin.read())'], { input })
      t.equal(status, 0, String(stderr))
    }
  })
})

/** Where options, guards, the principal and errors are listed. */
const reference = ['README.md', 'docs/options.md', 'docs/principal.md', 'docs/errors.md']

t.test('what the page calls ours is in the README, or in the reference, by that name', async (t) => {
  const reading = reference.map((path) => readFile(path, 'utf8'))
  const text = (await Promise.all(reading)).join('\n')
  const tables = page.split('\n').filter((line) => line.startsWith('| ') && line.split(' | ').length === 2)
  const names = tables.flatMap((line) => {
    const ours = line.slice(line.indexOf(' | '))
    return [...ours.matchAll(/`(?:\w+\.)?([a-z][A-Za-z0-9]+)(?:`|:|\()/g)].map(([, name = '']) => name)
  })
  t.ok(names.length >= 60, `${names.length} names`)
  for (const name of new Set(names)) t.match(text, new RegExp(`\\b${name}\\b`), name)
})
