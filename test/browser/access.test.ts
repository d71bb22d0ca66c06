/** The access page in Chromium, as people see it: every route with its callers and its mark, in any light and any width. */
import type { Page } from 'playwright-core'
import t from 'tap'
import { browserOf, noChromium, seriousFindings } from '../support/browser.js'
import { startServerWithTenant } from '../support/server.js'

const skip = noChromium
const openPage = browserOf(t)
const { app, address } = await startServerWithTenant(t, { DOCS: 'public', CORS_ORIGINS: 'https://app.example' })
const url = `${address}/docs/access`

/** What the table shows: text that is drawn, not markup. */
async function shownRows(page: Page) {
  const rows = page.getByRole('row').filter({ has: page.locator('.mark') })
  const [routes, marks, cells] = await Promise.all(
    ['th', '.mark', 'td'].map((part) => rows.locator(part).allInnerTexts())
  )
  return (routes ?? []).map((route, index) => {
    const [methods = '', path = ''] = route.split(/\s+(?=[/*])/)
    const mark = String(marks?.[index])
    return { methods: methods.split(', '), path, mark, callers: String(cells?.[index]).replace(mark, '').trim() }
  })
}

t.test('every route, caller and mark is on it', { skip }, async (t) => {
  const page = await openPage(t)
  await page.goto(url)
  const rows = await shownRows(page)
  const matrix = app.accessMatrix()
  t.ok(matrix.length > 20)
  for (const { method, url, auth, rule, callers } of matrix) {
    const found = rows.filter((row) => row.path === url && row.methods.includes(method))
    const mark = auth === 'none' ? 'Public' : rule ? 'Permission' : 'Token'
    t.match(found, [{ mark, callers }], `${method} ${url}: ${mark}`)
    t.equal(found.length, 1)
  }
  t.equal(rows.flatMap(({ methods }) => methods).length, matrix.length, 'and nothing else is')
  t.match(
    rows.filter(({ path }) => path === '/protected'),
    [{ mark: 'Token', callers: 'any valid token' }]
  )
})

const looks = {
  'light and wide': { colorScheme: 'light', viewport: { width: 1280, height: 900 } },
  'dark and wide': { colorScheme: 'dark', viewport: { width: 1280, height: 900 } },
  'light, on a phone': { colorScheme: 'light', viewport: { width: 360, height: 740 } },
  'dark, on a phone': { colorScheme: 'dark', viewport: { width: 360, height: 740 } },
  'with high contrast': { forcedColors: 'active', viewport: { width: 1280, height: 900 } }
} as const

for (const [name, look] of Object.entries(looks)) {
  t.test(`axe-core finds nothing serious: ${name}`, { skip }, async (t) => {
    const page = await openPage(t, look)
    await page.goto(url)
    t.same(await seriousFindings(page), [])
    const { width } = look.viewport
    t.ok(Number(await page.evaluate('document.documentElement.scrollWidth')) <= width, 'nothing is cut off at the side')
  })
}

t.test('its links are reached by keyboard, and lead somewhere', { skip }, async (t) => {
  const page = await openPage(t)
  await page.goto(url)
  await page.keyboard.press('Tab')
  t.equal(await page.evaluate('document.activeElement.textContent'), 'OpenAPI document')
  await page.keyboard.press('Tab')
  await Promise.all([page.waitForURL(`${address}/docs`), page.keyboard.press('Enter')])
  await page.getByRole('link', { name: 'Access matrix' }).waitFor()
})
