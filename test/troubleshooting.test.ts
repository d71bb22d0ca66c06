/** docs/troubleshooting.md: what anybody may see is in it, and what is in it may be seen. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { agedOut, type GivenKeySet } from '../src/plugin/keys/preloaded.js'
import { type EntraOptions, toSettings } from '../src/plugin/options.js'
import { type RefusalCode, refusal } from '../src/plugin/refusals/refusal.js'
import { groupsByName } from '../src/plugin/routes/access-checks.js'
import { logLines } from './support/log-lines.js'
import { sentencesOf } from './support/sentences.js'

const page = await readFile(join('docs', 'troubleshooting.md'), 'utf8')

/** The first cells of a section's table, and the last ones. */
function rowsOf(heading: string): { seen: string; setting: string }[] {
  const [section = ''] = page.split(`\n## ${heading}\n`)[1]?.split('\n## ') ?? []
  const rows = section.split('\n').filter((line) => line.startsWith('| '))
  return rows.slice(1).map((row) => {
    const cells = row.slice(1, -1).split('|')
    return { seen: cells[0] ?? '', setting: cells.at(-1) ?? '' }
  })
}

const codesIn = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
/** A message as the page writes it: `<words>` and `…` stand for what differs. */
const pattern = (text: string) =>
  new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/<[^>]+>|…/g, '.*')}$`)

t.test('every code of a refusal is in the section of its status', async (t) => {
  const errors = await readFile(join('docs', 'errors.md'), 'utf8')
  const [section = ''] = errors.split('\n## Codes\n')[1]?.split('\n## ') ?? []
  const codes = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, code = '']) => code as RefusalCode)
  t.ok(codes.length >= 30, `${codes.length} codes`)
  const headings = ['400', '401', '403', '429', '502 and 503']
  for (const heading of headings) {
    const named = new Set(rowsOf(heading).flatMap(({ seen }) => codesIn(seen)))
    const expected = codes.filter((code) => heading.includes(String(refusal(code).status)))
    t.same(
      expected.filter((code) => !named.has(code)),
      [],
      heading
    )
    t.same(
      codes.filter((code) => named.has(code) && !expected.includes(code)),
      [],
      `${heading}: no code of another status`
    )
  }
})

/** What a log line says whose text is only known when the program runs. */
async function otherLines(): Promise<string[]> {
  const ids = { tenantId: 'organizations', clientId: '66666666-7777-4888-8999-aaaaaaaaaaaa' }
  const oidc = { issuer: 'https://login.example/realms/shop', audience: 'orders-api' }
  const insecure = { metadataUrl: 'http://keycloak:8080/doc', insecureHttpHosts: ['keycloak:8080'] }
  const options: EntraOptions[] = [
    { ...ids, allowedTenants: '*' },
    { ...ids, allowedTenants: () => true },
    { ...ids, allowedTenants: '*', audience: 'api://orders' },
    { ...ids, allowedTenants: '*', resource: { publicUrl: 'https://api.example.com' } },
    oidc,
    { ...oidc, provider: 'keycloak', ...insecure }
  ]
  const route = { method: 'GET', url: '/', auth: 'required', callers: '' } as const
  return [
    ...options.flatMap((each) => toSettings(each).warnings),
    ...groupsByName([{ ...route, rule: { kind: 'group', name: 'Administrators' } }]),
    ...['request refused', 'token refused', 'token accepted', 'request allowed', 'state of the tenant changed'],
    'fastify-entra is registered in the scope /api, and protects GET /api/orders',
    'fastify-entra does not protect GET /; register it on the root instance',
    ...[1, -2].map((seconds) => String(agedOut({ fetchedAt: seconds * 1000 } as GivenKeySet, 0, 1)))
  ]
}

t.test('every line of the log has a row, and no row is about another one', async (t) => {
  const lines = await logLines()
  t.same(
    lines.filter((line) => line.startsWith('= ')),
    ['= ignored', '= message', '= scope.seen', '= scope.unseen', '= warning'],
    'otherLines() has these'
  )
  const all = [...lines.filter((line) => !line.startsWith('= ')), ...(await otherLines())]
  const rows = rowsOf('A log line').flatMap(({ seen }) => codesIn(seen))
  for (const line of all)
    t.ok(
      rows.some((row) => pattern(row).test(line)),
      line
    )
  for (const row of rows)
    t.ok(
      all.some((line) => pattern(row).test(line)),
      row
    )
})

t.test('errors at startup are those of the source', async (t) => {
  const sentences = await sentencesOf(['EntraConfigurationError'])
  const rows = rowsOf('The app does not start').flatMap(({ seen }) => codesIn(seen))
  const foreign = rows.filter((row) => /^[A-Z_]+$/.test(row))
  t.same(foreign, ['FST_ERR_PLUGIN_TIMEOUT', 'ERR_REQUIRE_ESM'])
  for (const row of rows.filter((each) => !foreign.includes(each))) {
    const begins = pattern(`${row}…`)
    t.ok(
      sentences.some((sentence) => begins.test(sentence)),
      row
    )
  }
})

t.test('who sees a start error, a 503 or a consent error is told of the doctor', async (t) => {
  const command = 'npx --no-install fastify-entra doctor'
  for (const heading of ['The app does not start', '502 and 503'])
    t.match(page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0], command, heading)
  const consent = rowsOf('403').find(({ seen }) => seen.includes('`consent_required`'))
  t.match(consent?.setting, command, 'consent_required')
  t.match(await readFile(join('docs', 'production.md'), 'utf8'), command, 'docs/production.md')
})
