/**
 * The tables that say what shows a promise: each test and each rule that they name is there, by that very name. And links: what they
 * lead to is there as well.
 */
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { entraNames } from '../src/plugin/entra/options.js'
import * as library from '../src/plugin/index.js'
import { timeNames } from '../src/plugin/keys/timings.js'
import { oidcNames } from '../src/plugin/oidc/options.js'
import { toSettings } from '../src/plugin/options.js'
import { type RefusalCode, refusal } from '../src/plugin/refusals/refusal.js'
import { readConfig } from '../src/server/config/config.js'
import { discoveryFaults, goodAnswers, keySetFaults, transportFaults } from './faults/faults.js'
import { tables } from './hostile/tables.js'
import { entraEntries } from './products/entra-entries.js'
import { oidcEntries } from './products/oidc-entries.js'
import { sentencesOf, tableOf } from './support/sentences.js'

/** What a cell names: a file below `test`, without its ending, and a test or rule of it. */
interface Reference {
  readonly file: string
  readonly name: string
}

const column = 'shown by, in `test/`'
const cellsOf = (line: string) =>
  line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim())

/** The rows of the one table below a heading that has the column. */
async function rowsOf(document: string, heading: string): Promise<string[][]> {
  const text = await readFile(document, 'utf8')
  const [section = ''] = text.split(`\n## ${heading}\n`)[1]?.split('\n## ') ?? []
  const lines = section.split('\n').filter((line) => line.startsWith('|'))
  const [head = '', , ...rows] = lines
  if (cellsOf(head).at(-1) !== column) throw new Error(`${document} has no column "${column}" under "${heading}"`)
  return rows.map(cellsOf)
}

/** A cell is nothing but references: `file` "name", "name"; `file` "name". */
function referencesIn(cell: string): Reference[] {
  const names = '"[^"]+"(?:, "[^"]+")*'
  if (!new RegExp(`^\`[a-z/-]+\` ${names}(; \`[a-z/-]+\` ${names})*$`).test(cell)) throw new Error(`odd cell: ${cell}`)
  return cell.split('; `').flatMap((part) => {
    const [file = ''] = /[a-z/-]+/.exec(part) ?? []
    return [...part.matchAll(/"([^"]+)"/g)].map(([, name = '']) => ({ file, name }))
  })
}

const faults = [...transportFaults, ...discoveryFaults, ...keySetFaults, ...goodAnswers]
const ruleTables = new Map<string, ReadonlySet<string>>([
  ['faults/faults', new Set(faults.map(({ rule }) => rule))],
  ...Object.entries(tables).map(([name, rows]) => [`hostile/${name}`, new Set(rows.map(({ rule }) => rule))] as const)
])

/** The names of a file's tests, as its source has them. */
async function testsOf(file: string): Promise<ReadonlySet<string>> {
  // Those that take long end in `.long.ts`: `.ci/run` runs them.
  const path = ['test', 'long'].map((kind) => `test/${file}.${kind}.ts`).find((each) => existsSync(each))
  const source = path ? await readFile(path, 'utf8') : ''
  return new Set([...source.matchAll(/\bt\.test\(\s*'((?:[^'\\\n])+)'/g)].map(([, name = '']) => name))
}

const unknown = async ({ file, name }: Reference) => !(ruleTables.get(file) ?? (await testsOf(file))).has(name)

const documents = [
  { document: 'SECURITY.md', heading: 'OWASP ASVS 5.0', least: 12 },
  { document: join('docs', 'outages.md'), heading: 'When the tenant is down', least: 15 }
]

for (const { document, heading, least } of documents) {
  t.test(`${document}, ${heading}: what each row names is there`, async (t) => {
    const rows = await rowsOf(document, heading)
    t.ok(rows.length >= least, `${rows.length} rows`)
    for (const row of rows) {
      for (const reference of referencesIn(row.at(-1) ?? '')) {
        t.notOk(await unknown(reference), `${row[0]}: ${reference.file} "${reference.name}"`)
      }
    }
  })
}

t.test('ASVS: each requirement of V9 and V10.3 has one row, in their order', async (t) => {
  const numbers = (await rowsOf('SECURITY.md', 'OWASP ASVS 5.0')).map(([number]) => number)
  const section = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}.${i + 1}`)
  t.same(numbers, [...section('9.1', 3), ...section('9.2', 4), ...section('10.3', 5)])
})

t.test('what is named has to be named exactly', async (t) => {
  const near: Reference[] = [
    { file: 'faults/promises', name: 'an outag' },
    { file: 'faults/promises', name: 'an outage ' },
    { file: 'faults/nowhere', name: 'an outage' },
    { file: 'hostile/header', name: 'RFC 7519 §4.1.1 iss' },
    { file: 'faults/faults', name: 'one bad entry' }
  ]
  for (const reference of near) t.ok(await unknown(reference), `${reference.file} "${reference.name}"`)
  t.notOk(await unknown({ file: 'faults/promises', name: 'an outage' }))
  for (const cell of [
    '',
    'a test',
    '`faults/promises`',
    '`faults/promises` an outage',
    '`faults/promises` "x" and more'
  ])
    t.throws(() => referencesIn(cell), JSON.stringify(cell))
})

t.test(
  'docs/products.md, "Products": each row names a product that is tested, with variables that its test sets',
  async (t) => {
    const text = await readFile(join('docs', 'products.md'), 'utf8')
    const [section = ''] = text.split('\n## Products\n')[1]?.split('\n## ') ?? []
    const rows = section
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .slice(1)
      .map(cellsOf)
    t.ok(rows.length >= 15, `${rows.length} rows`)
    const entries = { ...entraEntries, ...oidcEntries }
    for (const [product = '', configuration = '', test = ''] of rows) {
      const entry = entries[test.replaceAll('"', '')]
      t.ok(entry, `${product}: ${test}`)
      for (const [, variable = ''] of configuration.matchAll(/\b((?:ENTRA|OIDC)_[A-Z_]+)=/g))
        t.ok(entry && Object.hasOwn(entry.env, variable), `${product}: ${variable}`)
    }
  }
)

/** A heading's anchor, as GitHub makes it. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replaceAll(' ', '-')

const pages = (await readdir('docs')).filter((name) => name.endsWith('.md')).map((name) => join('docs', name))
const examples = (await readdir('examples')).map((name) => join('examples', name, 'README.md'))
const besides = ['ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', join('bench', 'README.md')]
const everyDocument = ['README.md', ...besides, ...pages, ...examples]

t.test('every page, and every example, is in a list of the README', async (t) => {
  const listed = (await readFile('README.md', 'utf8')).split('\n## Documentation\n')[1] ?? ''
  for (const page of [...pages, ...examples]) t.match(listed, `](${page})`, page)
})

/** Cells of a row; a bar in code, `\`a \\| b\``, parts none. */
const width = (line: string) => line.replaceAll('\\|', '').split('|').length

/** Rows of the tables of a text, each with the head of its table. Code between fences has none. */
function tableRows(text: string): { head: string; row: string }[] {
  const lines = text.replace(/^```[\s\S]*?^```$/gm, '').split('\n')
  let head = ''
  return lines.flatMap((line, index) => {
    if (!line.startsWith('|')) return []
    if (!lines[index - 1]?.startsWith('|')) head = line
    return [{ head, row: line }]
  })
}

t.test('no row of a table holds two things with a dot between them', async (t) => {
  for (const document of everyDocument) {
    for (const { row } of tableRows(await readFile(document, 'utf8'))) t.notMatch(row, / · /, `${document}: ${row}`)
  }
})

t.test('every row of every table has as many cells as its head', async (t) => {
  for (const document of [...everyDocument, 'CHANGELOG.md']) {
    for (const { head, row } of tableRows(await readFile(document, 'utf8')))
      t.ok(row.endsWith('|') && width(row) === width(head), `${document}: ${row.slice(0, 60)}`)
  }
  const broken = '| a | b |\n|---|---|\n| 1 | 2 | 3 |\n\n| c |\n|---|\n| 4 |'
  t.same(
    tableRows(broken).map(({ head, row }) => width(head) === width(row)),
    [true, true, false, true, true, true]
  )
})

/** What the first cells of a section's tables name in code. */
function namesIn(text: string, heading: string): string[] {
  const [section = ''] = `\n${text}`.split(`\n${heading}\n`)[1]?.split('\n## ') ?? []
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  return rows.flatMap((row) => [...(cellsOf(row)[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
}

/** What a function that throws says. */
function complaint(make: () => unknown): string {
  try {
    make()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('nothing was thrown')
}

t.test('docs/options.md: every option, and no other', async (t) => {
  const text = await readFile(join('docs', 'options.md'), 'utf8')
  const [ofEntra = [], ofOidc = [], ofBoth = []] = ['Entra', 'another OpenID provider', 'both'].map((whose) =>
    namesIn(text, `## Options for ${whose}`)
  )
  const shared = [
    ...timeNames,
    'preloadedKeys',
    'saveKeys',
    'tokenCache',
    'audit',
    'groups',
    'isRevoked',
    'strictRoutes',
    'userDecorator',
    'resource'
  ]
  t.match(
    complaint(() => toSettings({ none: 1 } as never)),
    `are ${[...entraNames, ...shared].join(', ')}`
  )
  const known = new Set([...entraNames, ...oidcNames, 'tenants', ...shared])
  t.same([...new Set([...ofEntra, ...ofOidc, ...ofBoth])].sort(), [...known].sort())
  const everywhere = new Set(ofBoth)
  t.same(
    [...ofEntra, ...ofBoth].filter((name) => ![...entraNames, 'tenants', ...shared].includes(name)),
    []
  )
  t.same(
    [...ofOidc, ...ofBoth].filter((name) => ![...oidcNames, 'tenants', ...shared].includes(name)),
    []
  )
  for (const name of [...ofEntra, ...ofOidc]) t.notOk(everywhere.has(name), `${name} is in one place`)
})

t.test('docs/errors.md, "Codes": every code of a refusal, and no other, with its status and challenge', async (t) => {
  const [section = ''] =
    (await readFile(join('docs', 'errors.md'), 'utf8')).split('\n## Codes\n')[1]?.split('\n## ') ?? []
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  const inTable = rows.map((row) => (cellsOf(row)[0] ?? '').replaceAll('`', ''))
  const [table = ''] =
    (await readFile(join('src', 'plugin', 'refusals', 'refusal.ts'), 'utf8'))
      .split('const kinds = {')[1]
      ?.split('\n} as const') ?? []
  const codes = [...table.matchAll(/^ {2}(\w+): /gm)].map(([, code = '']) => code)
  t.ok(codes.length >= 30, `${codes.length} codes`)
  t.same([...inTable].sort(), codes.sort(), 'one row each')
  for (const row of rows) {
    const [code = '', status, challenge, cause = '', fix = ''] = cellsOf(row)
    if (!codes.includes(code.replaceAll('`', ''))) continue
    const told = refusal(code.replaceAll('`', '') as RefusalCode)
    t.equal(status, String(told.status), `${code}: status`)
    const without = told.status === 401 ? 'without error' : 'none'
    t.equal(challenge, told.error ? `\`${told.error}\`` : without, `${code}: challenge`)
    t.ok(cause.length > 0 && fix.length > 0, `${code}: cause and fix`)
  }
})

t.test('README, "Guards": every guard, and no other', async (t) => {
  const named = namesIn(await readFile('README.md', 'utf8'), '## Guards').map((name) => name.split('(')[0])
  const exported = Object.keys(library).filter((name) => /^require|^a(?:ny|ll)Of$/.test(name))
  t.same([...named].sort(), exported.sort())
})

t.test('README, "Set up your tenant": every optional claim, beside the guards that require it', async (t) => {
  const [section = ''] =
    (await readFile('README.md', 'utf8')).split('\n## Set up your tenant\n')[1]?.split('\n## ') ?? []
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map(cellsOf)
    .flatMap(([names = '', ...others]) => names.split(', ').map((name) => [name, ...others]))
  const source = await readFile(join('src', 'plugin', 'manifest', 'requirements.ts'), 'utf8')
  const [table = ''] = source.split('const optionalClaims')[1]?.split('\n}') ?? []
  const required = [...table.matchAll(/^ {2}(\w+): \[('.*')\]/gm)].flatMap(([, kind = '', claims = '']) =>
    [...claims.matchAll(/'(\w+)'/g)].map(([, claim = '']) => ({ claim, guard: `require${kind}`.toLowerCase() }))
  )
  t.ok(required.length >= 5, `${required.length} claims`)
  for (const { claim, guard } of required) {
    const [, by = ''] = rows.find(([name]) => name === `\`${claim}\``) ?? []
    t.match(by.toLowerCase(), guard, `${claim}: ${guard}`)
  }
  const others = ['idtyp', 'sid'] // what every route reads; what revocation of a session reads
  t.same(
    rows.map(([name = '']) => name.replaceAll('`', '')).sort(),
    [...new Set([...required.map(({ claim }) => claim), ...others])].sort()
  )
})

t.test('docs/principal.md: every member, and no other', async (t) => {
  const named = namesIn(await readFile(join('docs', 'principal.md'), 'utf8'), '# The principal')
  const source = await readFile(join('src', 'plugin', 'claims', 'principal.ts'), 'utf8')
  const bodies = [...source.matchAll(/interface (?:Caller|\w+Principal)\b[^{]*\{([\s\S]*?)\n\}/g)].map(
    ([, body = '']) => body
  )
  t.equal(bodies.length, 3)
  const members = bodies.flatMap((body) => [...body.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name))
  t.same([...named].sort(), [...new Set(members)].sort())
})

t.test('docs/server.md, "Variables": every variable that the server reads, and no other', async (t) => {
  const names = namesIn(await readFile(join('docs', 'server.md'), 'utf8'), '## Variables')
  const files = ['server/config/config.ts', 'plugin/environment/read-options.ts']
  const source = (await Promise.all(files.map((file) => readFile(join('src', file), 'utf8')))).join('')
  const own = [...source.matchAll(/\benv\.([A-Z_]+)\b/g)].map(([, name = '']) => name)
  const listed = complaint(() => readConfig({ ENTRA_NONE: '1' })).split('it has ')[1] ?? ''
  t.same([...names].sort(), [...new Set([...own, ...listed.split(', ')])].sort())
})

t.test('docs/server.md, "The development server": every variable of its own', async (t) => {
  const names = namesIn(await readFile(join('docs', 'server.md'), 'utf8'), '## The development server')
  const source = await readFile(join('src', 'server', 'dev.ts'), 'utf8')
  t.same([...names].sort(), [...new Set(source.match(/\b(?:TENANT|SPA|MCP)_[A-Z]+\b/g))].sort())
})

t.test('docs/tenant.md, "What an administrator does": every request, with its parameters', async (t) => {
  const named = namesIn(await readFile(join('docs', 'tenant.md'), 'utf8'), '## What an administrator does')
  const source = await readFile(join('src', 'tenant', 'control.ts'), 'utf8')
  const paths = [...source.matchAll(/'(\/_control\/[a-z-]+)'/g)].map(([, path = '']) => path)
  t.ok(paths.length >= 6, `${paths.length} requests`)
  const urls = named.filter((name) => name.startsWith('/')).map((name) => new URL(name, 'http://tenant.example'))
  t.same([...new Set(urls.map(({ pathname }) => pathname))].sort(), paths.sort())
  t.equal(new Set(named).size, named.length, 'one row for each request')
  for (const name of urls.flatMap(({ searchParams }) => [...searchParams.keys()]))
    t.match(source, new RegExp(`'${name}'`), name)
})

t.test('package.json and the README name one address of the repository', async (t) => {
  const { repository, homepage, bugs } = JSON.parse(await readFile('package.json', 'utf8')) as {
    repository: { url: string }
    homepage: string
    bugs: { url: string }
  }
  const address = /^git\+(https:\/\/.+)\.git$/.exec(repository.url)?.[1] ?? ''
  t.equal(homepage, `${address}#readme`)
  t.equal(bugs.url, `${address}/issues`)
  t.match(await readFile('README.md', 'utf8'), `git clone ${address}.git && cd fastify-entra\n`)
})

t.test('every link within the project leads somewhere', async (t) => {
  for (const document of everyDocument) {
    for (const [, file = '', anchor] of (await readFile(document, 'utf8')).matchAll(
      /\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)/g
    )) {
      const target = file === '' ? document : join(dirname(document), file)
      if (!t.ok(existsSync(target), `${document}: ${target}`) || anchor === undefined) continue
      const headings = [...(await readFile(target, 'utf8')).matchAll(/^#+ (.*)$/gm)]
      const anchors = headings.map(([, heading = '']) => anchorOf(heading))
      t.ok(anchors.includes(anchor), `${document}: ${target}#${anchor}`)
    }
  }
})

t.test('docs/errors.md, "Errors at startup" and "Reasons in the key log": all that the source has', async (t) => {
  const path = 'docs/errors.md'
  const page = await readFile(path, 'utf8')
  const [before = '', rest = ''] = page.split(/(?<=<!-- errors at startup[^\n]*-->\n)/)
  const after = rest.slice(rest.indexOf('<!-- end -->'))
  const table = tableOf(await sentencesOf(['EntraConfigurationError']))
  if (process.env.DOCS === 'write') await writeFile(path, `${before}${table}\n${after}`)
  t.equal(await readFile(path, 'utf8'), `${before}${table}\n${after}`, 'written from the source')
  const reasons = await sentencesOf(['Error', 'MetadataMismatchError'], ['keys/', 'lib/json-client', 'issuers/'])
  for (const reason of reasons) t.ok(after.includes(`\`${reason}\``), reason)
})
