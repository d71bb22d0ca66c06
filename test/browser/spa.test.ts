/** The single-page app in Chromium: the whole story of a user, against the real API and the embedded tenant. */
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { browserOf, noChromium, seriousFindings } from '../support/browser.js'
import { getJson, userToken } from '../support/server.js'
import { answered, pick, signIn, startStory, watch } from '../support/spa.js'

const openPage = browserOf(t)
const options = { skip: noChromium }
/** For the tests that change nothing there; each has a browser profile of its own. */
const story = await startStory(t)
/** Chromium logs each answer that is no success; these are the ones that a test is about. */
const refused = { expected: [/the server responded with a status of (401|403)/] }
const admin = 'admin@contoso.example'

/** As if its 24 hours were over (Microsoft: "Refresh tokens", token lifetime of single-page apps). */
async function dropRefreshToken(page: Page): Promise<void> {
  const dropped = await page.evaluate(`
    const names = Object.keys(sessionStorage).filter((name) => name.includes('refreshtoken'))
    for (const name of names) sessionStorage.removeItem(name)
    names.length
  `)
  if (dropped === 0) throw new Error('the app holds no refresh token')
}

/** For the README, where SCREENSHOTS=1 asks for it; else a test leaves no files. */
async function picture(page: Page, name: string, colorScheme: 'light' | 'dark' = 'light'): Promise<void> {
  if (process.env.SCREENSHOTS !== '1') return
  await page.emulateMedia({ colorScheme })
  await page.setViewportSize({ width: 1100, height: 750 })
  await page.mouse.move(0, 0)
  await page.screenshot({ path: `docs/images/${name}.png` })
}

/** Nothing of a token was in an address, a console or the storage that tabs share. */
async function keepsSecrets(t: Test, seen: ReturnType<typeof watch>): Promise<void> {
  const secrets = await seen.secrets()
  t.ok(secrets.length >= 5, 'the tenant gave tokens')
  const told = await seen.told()
  t.same(
    secrets.filter((secret) => told.includes(secret)),
    [],
    'no token is told'
  )
}

t.test('a deep link leads to the sign-in, and back to the page first asked for', options, async (t) => {
  const page = await openPage(t)
  const seen = watch(page, story)
  const link = `${story.app}/protected?from=mail#top`
  await page.goto(link)
  await page.waitForURL(`${story.tenant.origin}/**`)
  await pick(page, 'user@contoso.example')
  await answered(page)
  t.equal(page.url(), link)
  t.equal(await page.title(), 'Your principal · fastify-entra example')
  t.equal(await page.locator('.status').innerText(), '200 OK')
  t.match(await page.locator('.principal').innerText(), /Contoso User\s+user@contoso\.example/)
  t.match(await page.locator('.principal').innerText(), /no roles[\s\S]+access_as_user/)
  await picture(page, 'spa-principal')
  await page.reload()
  await answered(page)
  t.same(seen.grants(), ['authorization_code'], 'a reload needs no new token')
  await keepsSecrets(t, seen)
})

t.test('who lacks a role is told so, in the words of the API', options, async (t) => {
  const page = await openPage(t, refused)
  await signIn(page, `${story.app}/protected`)
  for (const [link, route] of [
    ['Administrators only', '/role-protected'],
    ['Directory', '/users']
  ] as const) {
    const response = page.waitForResponse(story.api + route)
    await page.getByRole('navigation').getByRole('link', { name: link }).click()
    const { detail, requestId } = await (await response).json()
    await answered(page)
    t.equal(await page.locator('.status').innerText(), '403 Forbidden')
    t.match(detail, /role Admin/)
    t.equal(await page.getByRole('alert').locator('.detail').innerText(), detail)
    t.ok((await page.getByRole('alert').innerText()).includes(requestId), 'and the request can be found again')
    const missing = ['the role Admin, held by a user', 'the application permission Directory.Read.All']
    t.same(
      await page.getByRole('alert').getByRole('listitem').allInnerTexts(),
      route === '/users' ? missing : missing.slice(0, 1),
      'with a list of what is missing'
    )
    if (link === 'Administrators only') await picture(page, 'spa-refused')
    t.equal(await page.locator(':focus').innerText(), link, 'the heading is what screen readers say')
  }
  await page.goBack()
  await answered(page)
  t.equal(new URL(page.url()).pathname, '/admin', 'pages are in the history')
})

t.test('an administrator is let in', options, async (t) => {
  const page = await openPage(t)
  const seen = watch(page, story)
  await signIn(page, `${story.app}/admin`, admin)
  t.equal(await page.locator('.success').innerText(), 'You hold the role Admin.')
  await page.getByRole('link', { name: 'Directory' }).click()
  await page.getByRole('table').waitFor()
  t.match(await page.getByRole('table').innerText(), /Contoso User\s+user@contoso\.example/)
  await keepsSecrets(t, seen)
})

t.test('what needs more sends the user to prove it, and goes on where it was', options, async (t) => {
  const page = await openPage(t, refused)
  const seen = watch(page, story)
  await signIn(page, `${story.app}/protected`)
  await page.getByRole('link', { name: 'Step up' }).click()
  await page.waitForURL(`${story.tenant.origin}/**`)
  await pick(page, 'user@contoso.example')
  await answered(page)
  t.equal(page.url(), `${story.app}/step-up`)
  t.equal(await page.locator('.status').innerText(), '200 OK')
  t.match(await page.locator('.success').innerText(), /authentication context c1/)
  await picture(page, 'spa-step-up', 'dark')
  const [, challenged, accepted, ...more] = seen.sent()
  t.not(challenged, accepted, 'the second call has a token that proves more')
  t.same(more, [])
  await page.getByRole('button', { name: 'Renew token and call' }).click()
  await page.getByText('token renewed silently').waitFor()
  t.equal(await page.locator('.status').innerText(), '200 OK', 'a renewed token proves it too')
  await keepsSecrets(t, seen)
})

t.test('a challenge that a step up does not answer is shown, and not followed for ever', options, async (t) => {
  const page = await openPage(t, refused)
  let challenge = ''
  await page.route(`${story.api}/step-up-protected`, async (route) => {
    // Once the tenant was asked, the API goes on to ask for what it never got.
    const response = await route.fetch()
    challenge ||= String(response.headers()['www-authenticate'])
    const headers = { ...response.headers(), 'www-authenticate': challenge }
    await route.fulfill({ response, status: 401, headers, json: { detail: 'More is needed.' } })
  })
  await signIn(page, `${story.app}/protected`)
  await page.getByRole('link', { name: 'Step up' }).click()
  await pick(page, 'user@contoso.example')
  await answered(page)
  t.equal(await page.getByRole('alert').innerText(), 'More is needed.')
  const asked = page.waitForRequest(/\/authorize\?.*claims=/)
  await page.getByRole('button', { name: 'Call again' }).click()
  await asked // another try is the user's to make
})

t.test('a token is renewed without asking: by a refresh token, else in a hidden frame', options, async (t) => {
  // MSAL renews five minutes before the end: this one is always near its end.
  const story = await startStory(t, { accessTokenLifetimeSeconds: 120 })
  const page = await openPage(t)
  const seen = watch(page, story)
  await signIn(page, `${story.app}/protected`)
  let navigations = 0
  page.on('framenavigated', (frame) => {
    if (frame === page.mainFrame()) navigations += 1
  })
  const again = async () => {
    const called = page.waitForResponse(`${story.api}/me`)
    await page.getByRole('button', { name: 'Call again' }).click()
    t.equal((await called).status(), 200)
    await answered(page)
    t.match(await page.locator('.outcome').innerText(), /200 OK[\s\S]+token renewed silently/)
  }
  await again()
  t.equal(seen.grants().at(-1), 'refresh_token')
  await dropRefreshToken(page)
  await again()
  t.equal(seen.grants().at(-1), 'authorization_code')
  t.equal(navigations, 0, 'the user stays where she is')
  t.equal(new Set(seen.sent()).size, seen.sent().length, 'each call has a token of its own')
  await keepsSecrets(t, seen)
})

t.test('where only the user can help, the app asks, and comes back', options, async (t) => {
  const story = await startStory(t, { accessTokenLifetimeSeconds: 120 })
  const page = await openPage(t)
  await signIn(page, `${story.app}/protected`)
  await dropRefreshToken(page)
  await page.context().clearCookies() // signed out at the tenant, elsewhere
  await page.getByRole('button', { name: 'Call again' }).click()
  await page.waitForURL(`${story.tenant.origin}/**`)
  await pick(page, admin)
  await answered(page)
  t.equal(page.url(), `${story.app}/protected`)
  t.match(await page.locator('.principal').innerText(), /Contoso Admin/)
})

t.test('a token that the API refuses is renewed, once', options, async (t) => {
  const story = await startStory(t)
  const page = await openPage(t, refused)
  const seen = watch(page, story)
  await signIn(page, `${story.app}/protected`)
  await story.tenant.rotate({ keep: false })
  // A token by the new key has the API look: the old one is gone.
  t.equal((await getJson(`${story.api}/me`, await userToken(story.tenant, admin))).status, 200)
  await page.getByRole('button', { name: 'Call again' }).click()
  await page.getByText('token renewed silently').waitFor()
  t.equal(await page.locator('.status').innerText(), '200 OK')
  t.same(seen.grants(), ['authorization_code', 'refresh_token'])
  t.equal(new Set(seen.sent()).size, 2)
  t.equal(seen.sent().length, 3, 'the first call, the refused one and its repetition')
})

t.test('signing out ends the session here and at the tenant', options, async (t) => {
  const page = await openPage(t)
  const seen = watch(page, story)
  await page.goto(`${story.app}/login`)
  await pick(page, 'user@contoso.example')
  await answered(page)
  t.equal(page.url(), `${story.app}/protected`, 'a sign-in that no page asked for leads to the principal')
  await page.getByRole('link', { name: 'Sign out' }).click()
  await page.getByRole('link', { name: 'Sign in' }).waitFor()
  t.equal(page.url(), `${story.app}/`)
  await keepsSecrets(t, seen)
  const kept = String(await page.evaluate('JSON.stringify({ ...sessionStorage })'))
  for (const secret of await seen.secrets()) t.notOk(kept.includes(secret), 'this tab has no token any more')
  await page.goto(`${story.app}/protected`)
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  t.ok(page.url().startsWith(story.tenant.origin), 'the tenant asks again')
})

t.test('what goes wrong is said', options, async (t) => {
  const story = await startStory(t)
  const page = await openPage(t, { expected: [/ERR_CONNECTION_REFUSED/, /status of 404/] })
  const notFound = await page.goto(`${story.app}/nowhere/at/all`)
  t.equal(notFound?.status(), 404)
  await page.goto(`${story.app}/nowhere`)
  t.match(await page.getByRole('alert').innerText(), /no page at this address/)
  await page.goto(`${story.app}/login/callback`)
  await page.getByText('There is no sign-in to complete.').waitFor()
  await page.goto(`${story.app}/#error=access_denied&error_description=x&state=x`)
  await page.getByRole('heading', { name: 'Call a protected API' }).waitFor()
  await signIn(page, `${story.app}/protected`)
  await story.closeApi()
  await page.getByRole('button', { name: 'Call again' }).click()
  await page.getByText('cannot be reached').waitFor()
  t.match(await page.getByRole('alert').innerText(), `(CORS): add ${story.app} to its CORS_ORIGINS`)
  t.equal(await page.locator('.status').innerText(), 'No response')
})

t.test('anyone can use it: no serious finding of axe, in light, dark and on a phone', options, async (t) => {
  const page = await openPage(t, refused)
  const audit = async (name: string) => {
    for (const [colorScheme, width] of [
      ['light', 1280],
      ['dark', 360]
    ] as const) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: 800 })
      t.same(await seriousFindings(page), [], `${name}, ${colorScheme}, ${width} pixels wide`)
      t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), 'nothing sticks out')
    }
  }
  await page.goto(`${story.app}/login/callback`)
  await page.getByText('There is no sign-in to complete.').waitFor()
  await audit('callback')
  await page.goto(`${story.app}/`)
  await page.getByRole('heading', { level: 1 }).waitFor()
  await audit('start')
  await signIn(page, `${story.app}/protected`)
  await page.getByText('Response as JSON').click()
  await audit('principal')
  await page.goto(`${story.app}/users`)
  await answered(page)
  await audit('refusal')
  await page.getByRole('link', { name: 'Sign out' }).click()
  await page.getByRole('link', { name: 'Sign in' }).waitFor()
  await signIn(page, `${story.app}/users`, admin)
  await audit('directory')
})

t.test("the tenant's pages: no serious finding of axe, in light, dark and on a phone", options, async (t) => {
  const page = await openPage(t, { expected: [/the server responded with a status of (400|401|403)/] })
  const audit = async (name: string) => {
    for (const [colorScheme, width] of [
      ['light', 1280],
      ['dark', 375]
    ] as const) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: 800 })
      t.same(await seriousFindings(page), [], `${name}, ${colorScheme}, ${width} pixels wide`)
      t.equal(await page.evaluate('document.documentElement.scrollWidth'), width, 'nothing sticks out')
      const low = `[...document.querySelectorAll('a, button, input:not([type=hidden]), select, summary')]
        .filter((each) => each.getBoundingClientRect().height < 44).map(({ outerHTML }) => outerHTML)`
      t.same(await page.evaluate(low), [], 'controls are 44 px high')
    }
  }
  await page.goto(story.tenant.origin)
  await audit('start page')
  await page.getByLabel('Account or app').selectOption('daemon')
  await page.getByRole('button', { name: 'Get a token' }).click()
  await page.getByRole('heading', { name: 'Token of daemon' }).waitFor()
  await audit('token')
  await page.goto(`${story.tenant.issuer.replace('/v2.0', '')}/oauth2/v2.0/authorize?client_id=unknown`)
  await page.getByText('AADSTS700016').waitFor()
  await audit('error')
  await page.goto(`${story.tenant.issuer.replace('/v2.0', '')}/oauth2/v2.0/deviceauth`)
  await page.getByLabel('Code').waitFor()
  await audit('device')
  await page.goto(`${story.app}/protected`)
  await page.getByText('Sign in to continue to spa.').waitFor()
  await audit('sign-in')
  await pick(page, 'user@contoso.example')
  await answered(page)
  await page.getByRole('link', { name: 'Step up' }).click()
  await page.getByText('requires a stronger sign-in of Contoso User').waitFor()
  await audit('step-up')
  await pick(page, admin)
  await page.getByRole('heading', { name: 'Use another account?' }).waitFor()
  await audit('another account')
  await page.getByRole('button', { name: 'Continue as Contoso User' }).click()
  await answered(page)
  t.equal(await page.locator('.status').innerText(), '200 OK')
})

t.test('on a phone: one row each for the header, a link and a user, and what scrolls shows it', options, async (t) => {
  const page = await openPage(t, { viewport: { width: 375, height: 700 }, isMobile: true, hasTouch: true })
  await signIn(page, `${story.app}/users`, admin)
  const height = async (selector: string) => (await page.locator(selector).first().boundingBox())?.height ?? 0
  t.ok((await height('header')) < 70, 'the header')
  for (const selector of ['nav a', '.brand', '.user a', '.actions button', 'summary'])
    t.ok((await height(selector)) >= 44, `${selector} is easy to touch`)
  t.ok((await height('tbody tr')) < 50, 'a user')
  for (const selector of ['nav', '.scroll']) {
    const look = `(({ scrollWidth, clientWidth }, { backgroundImage }) => scrollWidth > clientWidth && backgroundImage)`
    const background = await page.evaluate(
      `${look}(document.querySelector('${selector}'), getComputedStyle(document.querySelector('${selector}')))`
    )
    t.match(background, /(linear-gradient.*){4}/, `${selector} has a shade where there is more`)
  }
  t.ok(await page.evaluate('document.querySelector("nav").scrollLeft > 0'), 'the link of the open page is in view')
  await page.goto(`${story.app}/protected`)
  await answered(page)
  t.equal(await page.evaluate('document.documentElement.scrollWidth'), 375)
  t.ok(await page.locator('.facts wbr').count(), 'identifiers break after their punctuation')
})

t.test("no script but the app's own runs in its pages", options, async (t) => {
  for (const path of ['/', '/login/callback', '/config.json']) {
    const { headers } = await fetch(story.app + path)
    t.match(headers.get('content-security-policy'), /default-src 'none'; script-src 'self'; style-src 'self'/)
    t.equal(headers.get('referrer-policy'), 'no-referrer')
    t.equal(headers.get('set-cookie'), null)
  }
})
