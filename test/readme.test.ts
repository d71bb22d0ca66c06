/** Code in the README and the pages beside it is compiled as a reader would: strict, against the built package. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { describeTenant } from '../src/tenant/description.js'
import { startTenant } from '../src/tenant/index.js'
import { appToken, userToken } from './support/api.js'
import { get } from './support/http.js'
import { compileSamples, runSamples, samplesIn } from './support/samples.js'

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
const withoutTenant = async () =>
  (await readFile('README.md', 'utf8')).split('\n## Without a tenant\n')[1]?.split('\n## ')[0] ?? ''

t.test('"Without a tenant": IDs and secret are those of the embedded tenant', async (t) => {
  const section = await withoutTenant()
  const daemon = clients.find(({ name }) => name === 'daemon')
  t.match(section, `-d client_id=${daemon?.clientId} -d client_secret=${daemon?.clientSecret}`)
  const known = new Set([tenantId, api.clientId, daemon?.clientId])
  const ids = [...section.matchAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g)]
  t.ok(ids.length >= 5, `${ids.length} IDs`)
  for (const [id] of ids) t.ok(known.has(id), id)
})

t.test('"Without a tenant": the app answers the tokens that the tables and commands name', async (t) => {
  const section = await withoutTenant()
  const tenant = await startTenant({ port: 0 })
  t.teardown(() => tenant.close())
  const [sample = ''] = samplesIn(section, 'ts')
  const moved = sample.replace('http://127.0.0.1:4000', tenant.origin).replace('port: 3001', 'port: 0')
  const compiled = await compileSamples(t, [`${moved}export { app }\n`])
  t.equal(compiled.said, '')
  const [origin] = await runSamples(t, compiled)
  const status = async (path: string, token: string) => (await get(`${origin}${path}`, token)).status
  for (const { username, roles, groups } of users) {
    const token = await userToken(tenant, username)
    t.same([await status('/mine', token), await status('/all', token)], [200, 403], username)
    const row = section.split('\n').find((line) => line.startsWith(`| \`${username}\` |`)) ?? ''
    t.equal(/role `(\w+)`/.exec(row)?.[1], roles[0], `${username}: role`)
    const [, count = ''] = /(\w+) groups?\b/.exec(row) ?? []
    const number = { one: 1, two: 2 }[count] ?? Number(count)
    t.equal(number, groups.length, `${username}: groups`)
  }
  t.same([await status('/all', await appToken(tenant, 'daemon'))], [200])
  t.same([await status('/all', await appToken(tenant, 'daemon-no-roles'))], [403])
})
