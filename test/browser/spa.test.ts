/** The single-page app in Chromium: the whole story of a user, against the real API and the embedded tenant. */
import t, { type Test } from 'tap'
import { browserOf, noChromium, seriousFindings } from '../support/browser.js'
import { answered, pick, signIn, startStory, watch } from '../support/spa.js'

const openPage = browserOf(t)
const options = { skip: noChromium }
/** Chromium logs each answer that is no success; these are the ones that a test is about. */
const refused = { expected: [/the server responded with a status of (401|403)/] }
const admin = 'admin@contoso.example'

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
  const story = await startStory(t)
  const page = await openPage(t)
  const seen = watch(page, story)
  const link = `${story.app}/protected?from=mail#top`
  await page.goto(link)
  t.ok(page.url().startsWith(story.tenant.origin), 'the tenant asks who it is')
  await pick(page, 'user@contoso.example')
  await answered(page)
  t.equal(page.url(), link)
  t.equal(await page.title(), 'Your principal · fastify-entra example')
  t.equal(await page.locator('.status').innerText(), '200 OK')
  t.match(await page.locator('.principal').innerText(), /Contoso User\s+user@contoso\.example/)
  t.match(await page.locator('.principal').innerText(), /no roles[\s\S]+access_as_user/)
  await page.reload()
  await answered(page)
  t.same(seen.grants(), ['authorization_code'], 'a reload needs no new token')
  await keepsSecrets(t, seen)
})
