/** `/docs` as people use it: sign in at the tenant, try operations, sign out. All of it as `npm run dev` starts it. */
import type { Locator, Page, Response } from 'playwright-core'
import t from 'tap'
import { environmentFor } from '../../src/server/environment.js'
import { startTenant } from '../../src/tenant/index.js'
import { browserOf, noChromium } from '../support/browser.js'
import { run } from '../support/process.js'
import { startServer } from '../support/server.js'

const skip = noChromium
const openPage = browserOf(t)

/** `npm run dev`: where it is, and all that it prints. */
async function startDev() {
  const { output, printed } = run(t, 'src/server/dev.ts', { PORT: '0', TENANT_PORT: '0', LOG_LEVEL: 'debug' })
  const docs = (await printed(/^API .*?(http:\S+\/docs)\b/m))?.[1] ?? ''
  const tenant = /^Tenant {2}(\S+)/m.exec(output.out)?.[1] ?? ''
  return { docs, tenant, output }
}
const { docs, tenant, output } = skip ? { docs: '', tenant: '', output: { out: '' } } : await startDev()

/** Opens the dialog, and picks an account on the tenant's page. */
async function signIn(page: Page, username: string): Promise<void> {
  await page.getByRole('button', { name: 'Authorize', exact: true }).click()
  const [popup] = await Promise.all([
    page.waitForEvent('popup'),
    page.getByRole('button', { name: 'Apply given OAuth2 credentials' }).click()
  ])
  await Promise.all([popup.waitForEvent('close'), popup.getByRole('button', { name: username }).click()])
  await page.getByRole('button', { name: 'Remove authorization' }).waitFor()
  await page.getByRole('button', { name: 'Close' }).first().click()
}

async function signOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Authorize', exact: true }).click()
  await page.getByRole('button', { name: 'Remove authorization' }).click()
  await page.getByRole('button', { name: 'Close' }).first().click()
}

/** "Try it out" of an operation: what the page shows of the answer. */
async function tryOut(page: Page, path: string): Promise<{ status: number; body: string }> {
  const operation: Locator = page.locator('.opblock', { has: page.locator(`[data-path="${path}"]`) })
  const execute = operation.getByRole('button', { name: 'Execute' })
  if (!(await execute.isVisible())) {
    await operation.locator('.opblock-summary-control').click()
    await operation.getByRole('button', { name: 'Try it out' }).click()
  }
  const isAnswer = (response: Response) => new URL(response.url()).pathname === path
  const [answer] = await Promise.all([page.waitForResponse(isAnswer), execute.click()])
  const status = answer.status()
  const row = operation.locator('.live-responses-table .response').first()
  await row.locator('.response-col_status', { hasText: String(status) }).waitFor()
  return { status, body: await row.innerText() }
}

t.test('sign in, call, sign out', { skip }, async (t) => {
  const page = await openPage(t, { expected: [/status of 401 \(Unauthorized\) \(.*\/me\)$/] })
  const urls: string[] = []
  page.context().on('request', (request) => void urls.push(request.url()))
  const redeemed: Response[] = []
  page.on('response', (response) => {
    if (response.request().method() === 'POST' && response.url().startsWith(tenant)) redeemed.push(response)
  })
  await page.goto(docs)
  t.equal((await tryOut(page, '/me')).status, 401, 'a stranger is refused')
  await signIn(page, 'admin@contoso.example')

  const [answer, ...others] = redeemed
  if (!answer || others.length > 0) throw new Error(`the code was redeemed ${redeemed.length} times`)
  const form = new URLSearchParams(answer.request().postData() ?? '')
  t.equal(form.get('grant_type'), 'authorization_code')
  t.match(form.get('code_verifier'), /^[\w-]{43}$/, 'PKCE')
  const { access_token: token } = (await answer.json()) as { access_token: string }
  const me = await tryOut(page, '/me')
  t.equal(me.status, 200)
  t.match(me.body, 'admin@contoso.example')
  t.equal((await tryOut(page, '/role-protected')).status, 200, 'the admin holds the role')

  t.same([...new Set(urls.map((url) => new URL(url).origin))].sort(), [new URL(docs).origin, tenant].sort())
  const signature = token.slice(token.lastIndexOf('.') + 1)
  t.ok(signature.length > 300)
  t.same(
    urls.filter((url) => url.includes(signature)),
    [],
    'the token is in no URL'
  )
  t.notMatch(output.out, signature, 'and in no log')
  t.match(output.out, '"route":"/docs/static/oauth2-redirect.html"')
  t.notMatch(output.out, 'code=', 'nor is the code')
  t.equal(await page.evaluate('localStorage.length + sessionStorage.length'), 0, 'nothing is stored')

  await signOut(page)
  t.equal((await tryOut(page, '/me')).status, 401, 'signed out')
})

t.test('another account can be picked without leaving the page', { skip }, async (t) => {
  const page = await openPage(t)
  await page.goto(docs)
  for (const username of ['user@contoso.example', 'admin@contoso.example']) {
    await signIn(page, username)
    t.match((await tryOut(page, '/me')).body, username)
    await signOut(page)
  }
})

t.test('without a scope: the tenant says what is missing', { skip }, async (t) => {
  const page = await openPage(t)
  await page.goto(docs)
  await page.getByRole('button', { name: 'Authorize', exact: true }).click()
  await page.getByText('select none').click()
  await page.getByRole('button', { name: 'Apply given OAuth2 credentials' }).click()
  await page
    .getByText(/AADSTS70011: The request names no scope\. Add one/)
    .first()
    .waitFor()
})

t.test('on a phone nothing sticks out, and the dialog opens at its beginning', { skip }, async (t) => {
  const page = await openPage(t, { viewport: { width: 375, height: 700 }, isMobile: true })
  await page.goto(docs)
  await page.locator('[data-path="/users"]').click()
  await page.getByText('"insufficient_permissions"').waitFor()
  t.equal(await page.evaluate('document.documentElement.scrollWidth'), 375)
  await page.getByRole('button', { name: 'Authorize', exact: true }).click()
  await page.locator('.close-modal:focus').waitFor()
  t.equal(await page.evaluate('document.querySelector(".modal-ux-content").scrollTop'), 0)
  t.equal(await page.locator('.modal-ux input:checked').count(), 2, 'both scopes are selected')
})

t.test('a user without the role is refused, and reads why', { skip }, async (t) => {
  const page = await openPage(t, { expected: [/status of 403 \(Forbidden\) \(.*\/role-protected\)$/] })
  await page.goto(docs)
  await signIn(page, 'user@contoso.example')
  t.equal((await tryOut(page, '/me')).status, 200)
  const refused = await tryOut(page, '/role-protected')
  t.equal(refused.status, 403)
  t.match(refused.body, 'Admin', 'with what is missing')
})

t.test('while the tenant cannot be reached the page comes, and knows its endpoints after', { skip }, async (t) => {
  const before = await startTenant({ port: 0 })
  const { port } = new URL(before.origin)
  const env = environmentFor(before)
  await before.close()
  const app = await startServer(t, { ...env, DOCS: 'public' })
  // Chromium looks for the endpoints as the API does.
  const page = await openPage(t, { expected: [/ERR_CONNECTION_REFUSED|Failed to fetch/] })
  await page.goto(`${app.listeningOrigin}/docs`)
  t.equal((await tryOut(page, '/unprotected')).status, 200)

  const after = await startTenant({ port: Number(port) })
  t.teardown(() => after.close())
  while (!app.entra.metadata) await new Promise((resolve) => setTimeout(resolve, 100))
  await page.reload()
  await signIn(page, 'admin@contoso.example')
  t.equal((await tryOut(page, '/me')).status, 200)
})
