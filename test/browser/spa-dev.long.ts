/** The single-page app as `npm run dev` serves it: over http, over https, and nowhere else. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { browserOf, noChromium } from '../support/browser.js'
import { noCertificateList, trusting } from '../support/chromium-trust.js'
import { run } from '../support/process.js'
import { answered, pick, signIn } from '../support/spa.js'

const openPage = browserOf(t)
const options = { skip: noChromium }
const tls = { skip: noChromium || noCertificateList }
/** Chromium logs each answer that is no success; these are the ones that a test is about. */
const refused = { expected: [/the server responded with a status of (401|403)/] }

t.test('it is in no build, and so in no image', async (t) => {
  const { stdout } = await promisify(execFile)('node_modules/.bin/tsc', [
    '-p',
    'tsconfig.build.json',
    '--listFilesOnly'
  ])
  t.match(stdout, /src\/server\/app\.ts/)
  t.notMatch(stdout, /dev-spa|examples\/|node_modules\/vite\//)
  const [everything, ...exceptions] = (await readFile('.dockerignore', 'utf8'))
    .split('\n')
    .filter((line) => /^[^#]/.test(line))
  t.equal(everything, '*')
  t.same(
    exceptions.filter((line) => line.includes('examples')),
    []
  )
})

t.test('npm run dev prints where it is, and it works there', options, async (t) => {
  const dev = run(t, 'src/server/dev.ts', { PORT: '0', TENANT_PORT: '0' })
  const app = (await dev.printed(/^App {5}(http:\S+) /m))?.[1] ?? ''
  const page = await openPage(t, refused)
  await signIn(page, `${app}/protected`)
  t.equal(await page.locator('.status').innerText(), '200 OK')
  await page.getByRole('link', { name: 'Administrators only' }).click()
  t.match(await page.getByRole('alert').innerText(), /role Admin/)
})

t.test('with TENANT_TLS=1 the authority is https, which Chromium trusts by its certificate list', tls, async (t) => {
  const dev = run(t, 'src/server/dev.ts', { PORT: '0', TENANT_PORT: '0', TENANT_TLS: '1' })
  const app = (await dev.printed(/^App {5}(http:\S+) /m))?.[1] ?? ''
  const [, tenant = '', ca = ''] = (await dev.printed(/^Tenant {2}(https:\S+).*\nTrust {3}(\S+)/m)) ?? []
  const stranger = await openPage(t, { expected: [/ERR_CERT_AUTHORITY_INVALID/] })
  await t.rejects(stranger.goto(tenant), /ERR_CERT_AUTHORITY_INVALID/, 'who does not trust it is warned')
  const page = await browserOf(t, await trusting(t, await readFile(ca, 'utf8')))(t, refused)
  await signIn(page, `${app}/protected`)
  t.equal(await page.locator('.status').innerText(), '200 OK')
  await page.getByRole('button', { name: 'Renew token and call' }).click()
  await page.getByText('token renewed silently').waitFor()
  await page.getByRole('link', { name: 'Step up' }).click()
  await page.waitForURL(`${tenant}/**`)
  await pick(page, 'user@contoso.example')
  await answered(page)
  t.equal(await page.locator('.status').innerText(), '200 OK')
  await page.getByRole('link', { name: 'Sign out' }).click()
  await page.getByRole('link', { name: 'Sign in' }).waitFor()
})
