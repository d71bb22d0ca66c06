/** Code in the README and the pages beside it is compiled as a reader would: strict, against the built package. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { describeTenant } from '../src/tenant/description.js'
import { contoso } from '../src/tenant/directory/contoso.js'
import { startTenant } from '../src/tenant/index.js'
import { get } from './support/http.js'
import { compileSamples, runSamples, runTests, samplesIn } from './support/samples.js'
import { appToken, userToken } from './support/server.js'

/** Its samples are compiled, and run, by a test of their own. */
const elsewhere = 'coming-from.md'

t.test('every TypeScript sample compiles', async (t) => {
  const pages = (await readdir('docs')).filter((name) => name.endsWith('.md') && name !== elsewhere)
  const documents = ['README.md', ...pages.map((name) => join('docs', name))]
  const found = await Promise.all(documents.map(async (path) => samplesIn(await readFile(path, 'utf8'), 'ts')))
  t.ok(found[0]?.length, 'the README has samples')
  const samples = found.flat()
  t.ok(samples.length >= 14, `${samples.length} samples`)
  t.equal((await compileSamples(t, samples)).said, '')
})

const { tenantId, api, clients, users } = describeTenant('http://127.0.0.1:4000')
/** The first section: a route, the tenant's command, and what the API answers. */
const sectionOf = async (path: string, heading: string) =>
  (await readFile(path, 'utf8')).split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
const protectARoute = () => sectionOf('README.md', 'Protect a route')

t.test('"Protect a route": IDs and secret are those of the embedded tenant', async (t) => {
  const section = await protectARoute()
  const daemon = clients.find(({ name }) => name === 'daemon')
  t.match(section, `-d client_id=${daemon?.clientId} -d client_secret=${daemon?.clientSecret}`)
  const objectId = contoso.clients.find(({ name }) => name === 'daemon')?.objectId
  const known = new Set([tenantId, api.clientId, daemon?.clientId, objectId])
  const ids = [...section.matchAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g)]
  t.ok(ids.length >= 6, `${ids.length} IDs`)
  for (const [id] of ids) t.ok(known.has(id), id)
})

t.test('"Protect a route": the app answers as the page says, and as the table of test accounts does', async (t) => {
  const section = await protectARoute()
  const accounts = await sectionOf(join('docs', 'tenant.md'), 'Test accounts')
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const [sample = ''] = samplesIn(section, 'ts')
  const moved = sample.replace('http://127.0.0.1:4000', tenant.origin).replace(/port: \d+/, 'port: 0')
  t.not(moved, sample)
  const compiled = await compileSamples(t, [`${moved}export { app }\n`])
  t.equal(compiled.said, '')
  const [origin] = await runSamples(t, compiled)
  const status = async (path: string, token: string) => (await get(`${origin}${path}`, token)).status
  for (const { username, roles, groups } of users) {
    const token = await userToken(tenant, username)
    t.same([await status('/me', token), await status('/jobs', token)], [200, 403], username)
    const row = accounts.split('\n').find((line) => line.startsWith(`| \`${username}\` |`)) ?? ''
    t.equal(/role `(\w+)`/.exec(row)?.[1], roles[0], `${username}: role`)
    const [, count = ''] = /(\w+) groups?\b/.exec(row) ?? []
    const number = { one: 1, two: 2 }[count] ?? Number(count)
    t.equal(number, groups.length, `${username}: groups`)
  }
  const daemon = await appToken(tenant, 'daemon')
  t.same([await status('/jobs', daemon), await status('/me', daemon)], [200, 403])
  t.same([await status('/jobs', await appToken(tenant, 'daemon-no-roles'))], [403])

  const [allowed = '', refused = ''] = samplesIn(section, 'json')[0]?.split('\n') ?? []
  t.same(JSON.parse((await get(`${origin}/jobs`, daemon)).body), JSON.parse(allowed))
  const answer = await fetch(`${origin}/jobs`)
  t.equal(answer.status, 401)
  t.match(answer.headers.get('www-authenticate'), /^Bearer realm="[^"]+"$/)
  const body = (await answer.json()) as Record<string, unknown>
  t.same({ ...body, requestId: 'req-2' }, JSON.parse(refused))
  t.match(body.requestId, /^req-/)
  t.equal((await fetch(`${origin}/health`)).status, 200)
})

t.test(
  '"Protect a route": the app listens where the development server does not, which uses the next free port',
  async (t) => {
    const section = await protectARoute()
    const [port = 0, ...called] = [...section.matchAll(/(?:port: |curl -i http:\/\/127\.0\.0\.1:)(\d+)/g)].map(
      ([, each]) => Number(each)
    )
    t.same(called, [port, port])
    const server = await sectionOf(join('docs', 'server.md'), 'The development server')
    const others = [...server.matchAll(/^\| `\w+_PORT` \|.*\| (\d+) \|$/gm)].map(([, each]) => Number(each))
    t.equal(others.length, 3)
    for (const other of [3000, ...others]) t.notOk(port >= other && port <= other + 20, `${port}, beside ${other}`)
  }
)

t.test('docs/tenant.md, "Test accounts": each user and each service', async (t) => {
  const accounts = await sectionOf(join('docs', 'tenant.md'), 'Test accounts')
  const rows = [...accounts.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name)
  const services = clients.filter(({ name }) => name.startsWith('daemon')).map(({ name }) => name)
  t.same([...rows].sort(), [...users.map(({ username }) => username), ...services].sort())
})

t.test('docs/testing.md: the tests pass', async (t) => {
  const page = await readFile(join('docs', 'testing.md'), 'utf8')
  const samples = samplesIn(page, 'ts')
  t.ok(samples.length >= 4, `${samples.length} samples`)
  const compiled = await compileSamples(t, samples)
  t.equal(compiled.said, '')
  t.equal(await runTests(compiled), samples.join('').split("\ntest('").length - 1)
})

t.test('docs/errors.md: the body is the one that the README shows', async (t) => {
  const [shown = ''] = samplesIn(await readFile(join('docs', 'errors.md'), 'utf8'), 'json')
  const [, refused = ''] = samplesIn(await protectARoute(), 'json')[0]?.split('\n') ?? []
  t.same({ ...JSON.parse(shown), requestId: 'req-2' }, JSON.parse(refused))
})
