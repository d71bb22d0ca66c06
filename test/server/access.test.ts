/** The access page, as a browser gets it: every route with its callers, and nothing that anybody else wrote. */
import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { type AccessEntry, anyOf, requireAppPermission, requirePolicy, requireScope } from '../../src/plugin/index.js'
import { buildApp } from '../../src/server/app.js'
import { readConfig } from '../../src/server/config/config.js'
import { openapiDocument } from '../../src/server/document.js'
import { accessPage } from '../../src/server/pages/access-page.js'
import { accessStyle } from '../../src/server/pages/access-style.js'
import { get } from '../support/http.js'
import { clientId, startTestTenant, tenantId } from '../support/tenant.js'

const tenant = await startTestTenant(t)
const token = await tenant.userToken()

/** The server before it listens, so that a test can add routes. */
async function serverOf(t: Test, env: Record<string, string> = {}) {
  const { origin: ENTRA_AUTHORITY } = tenant
  const own = { ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_AUTHORITY, LOG_LEVEL: 'silent' }
  const app = await buildApp(readConfig({ ...own, DOCS: 'public', ...env }))
  t.teardown(() => app.close())
  const listen = async () => `${await app.listen({ host: '127.0.0.1', port: 0 })}/docs/access`
  return { app, listen }
}

t.test('GET / links to all that a browser can open, and to documents only where they are served', async (t) => {
  for (const DOCS of ['public', 'off']) {
    const { app, listen } = await serverOf(t, { DOCS })
    await listen()
    const { links } = (await app.inject('/')).json<{ links: Record<string, string> }>()
    // Files of Swagger UI, and other spellings of the same documents, are no pages of their own.
    const parts = /^\/$|^\/favicon\.ico$|^\/docs\/(json|yaml|static\/.*)?$/
    const pages = app.accessMatrix().filter(({ method, url }) => method === 'GET' && !parts.test(url))
    t.same(Object.values(links).sort(), pages.map(({ url }) => url).sort(), DOCS)
    t.match(await app.inject('/favicon.ico'), { statusCode: 204, body: '' })
  }
})

/** Text as a browser shows it. */
const shown = (html: string) =>
  html
    .replace(/<[^>]*>/g, '')
    .replace(/&#(\d+);/g, (_all, code) => String.fromCharCode(Number(code)))
    .trim()

/** The rows of the page's one table. */
const rowsOf = (html: string) =>
  [...html.matchAll(/<tr><th scope="row">(.*?)<\/th><td>(.*?)<\/td><\/tr>/g)].map(([, route = '', callers = '']) => ({
    methods: shown(/^<span class="methods">(.*?)<\/span>/.exec(route)?.[1] ?? '').split(', '),
    url: shown(/<code>(.*)<\/code>$/.exec(route)?.[1] ?? ''),
    mark: shown(/^<strong class="mark [a-z]+">(.*?)<\/strong>/.exec(callers)?.[1] ?? ''),
    callers: shown(callers.replace(/^<strong.*?<\/strong>/, ''))
  }))

t.test('DOCS says who may read the page, as of the documents', async (t) => {
  const rows: [docs: string, stranger: number, user: number][] = [
    ['off', 401, 404],
    ['public', 200, 200],
    ['protected', 401, 200]
  ]
  for (const [DOCS, stranger, user] of rows) {
    const url = await (await serverOf(t, { DOCS })).listen()
    t.equal((await get(url)).status, stranger, `${DOCS}: a stranger`)
    t.equal((await get(url, token)).status, user, `${DOCS}: a user`)
  }
})

t.test('every route of the app is on it, with who may call', async (t) => {
  const { app, listen } = await serverOf(t, { CORS_ORIGINS: 'https://app.example' })
  const { body, headers } = await get(await listen())
  t.equal(headers.get('content-type'), 'text/html; charset=utf-8')
  const rows = rowsOf(body)
  const matrix = app.accessMatrix()
  t.ok(matrix.length > 20)
  for (const { method, url, callers } of matrix) {
    const found = rows.filter((row) => row.url === url && row.methods.includes(method))
    t.equal(found.length, 1, `${method} ${url} has one row`)
    t.equal(found[0]?.callers, callers, `${method} ${url}`)
  }
  t.equal(rows.flatMap(({ methods }) => methods).length, matrix.length, 'and nothing else is')
  const marks = Object.fromEntries(rows.map(({ url, mark }) => [url, mark]))
  t.match(marks, {
    '/': 'Public',
    '/healthz': 'Public',
    '/docs/access': 'Public',
    '/protected': 'Token',
    '/me': 'Permission'
  })
  t.match(
    rows.find(({ url }) => url === '/users'),
    { methods: ['GET', 'HEAD'], callers: /Directory\.Read\b.*, or the application permission Directory\.Read\.All$/ }
  )
})

t.test('the page and the OpenAPI document agree', async (t) => {
  const { app, listen } = await serverOf(t)
  const rows = rowsOf((await get(await listen())).body)
  const { paths } = openapiDocument(app) as { paths: Record<string, Record<string, { security: unknown[] }>> }
  t.ok(Object.keys(paths).length > 5)
  for (const [url, operations] of Object.entries(paths)) {
    for (const [method, { security }] of Object.entries(operations)) {
      const row = rows.find((each) => each.url === url && each.methods.includes(method.toUpperCase()))
      t.equal(row?.mark === 'Public', security.length === 0, `${method} ${url}: ${row?.mark}`)
    }
  }
})

t.test('the counts are those of the rows', async (t) => {
  const { listen } = await serverOf(t, { DOCS: 'protected' })
  const { body } = await get(await listen(), token)
  const rows = rowsOf(body)
  const counts = Object.fromEntries(
    [...body.matchAll(/<li><b>(\d+)<\/b>(.*?)<p>/g)].map(([, count, name = '']) => [shown(name), Number(count)])
  )
  const expected: Record<string, number> = { routes: rows.length }
  for (const { mark } of rows) expected[mark] = (expected[mark] ?? 0) + 1
  t.same(counts, expected)
  t.same(Object.keys(counts), ['routes', 'Public', 'Token', 'Permission'])
})

t.test('what routes and policies are called is text, whatever it is', async (t) => {
  const { app, listen } = await serverOf(t)
  const evil = '<script>alert(1)</script>'
  const policy = requirePolicy(`<img/src=x>&'${evil}`, () => true)
  app.get(`/${evil}`, { preHandler: anyOf(requireScope("<b>&'"), policy) }, () => '')
  app.get('/&amp;', { constraints: { host: '"><i>' }, preHandler: requireAppPermission('&lt;') }, () => '')
  const { body } = await get(await listen())
  t.notMatch(body, /<(script|img|b>&|i>)/)
  const rows = rowsOf(body)
  t.match(
    rows.find(({ url }) => url === `/${evil}`),
    { callers: `the scope <b>&', or the policy <img/src=x>&'${evil}` }
  )
  t.match(
    rows.find(({ url }) => url.startsWith('/&amp;')),
    { url: '/&amp; (host "><i>)', callers: 'the application permission &lt;' }
  )
})

t.test('a policy for content that lets nothing in but the page itself', async (t) => {
  const { listen } = await serverOf(t)
  const { body, headers } = await get(await listen())
  const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(body) ?? []
  const hash = createHash('sha256').update(style).digest('base64')
  t.equal(
    headers.get('content-security-policy'),
    `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
  )
  t.equal(headers.get('x-content-type-options'), 'nosniff', 'and the rest is as everywhere')
  t.equal(body.match(/<style/g)?.length, 1)
  t.notMatch(body, / style=|<script| on[a-z]+=|url\(|@import|src=/)
})

t.test('it can be read aloud: language, title, one heading, a table with caption and headers', async (t) => {
  const { listen } = await serverOf(t)
  const { body } = await get(await listen())
  t.match(body, /^<!doctype html>\n<html lang="en">\n/)
  t.match(body, '<meta name="viewport" content="width=device-width, initial-scale=1">')
  for (const [name, found] of Object.entries({
    title: /<title>[^<]+<\/title>/g,
    h1: /<h1>[^<]+<\/h1>/g,
    main: /<main>/g,
    caption: /<table>\n<caption>[^<]+<\/caption>/g
  }))
    t.equal(body.match(found)?.length, 1, name)
  t.equal(body.match(/<th scope="col">/g)?.length, 2)
  const rows = body.match(/<tr>/g)?.length ?? 0
  t.equal(body.match(/<th scope="row">/g)?.length, rows - 1)
  const opened = body.match(/<(?!meta|link|!)[a-z]/g)?.length
  t.equal(opened, body.match(/<\/[a-z]/g)?.length, 'what is opened is closed')
})

t.test('every kind of route has a mark of its own', async (t) => {
  const { rule } = requireScope('a')
  const entry = (url: string, more: object = {}) => ({
    method: 'GET',
    url,
    auth: 'required',
    rule: undefined,
    callers: url,
    ...more
  })
  const matrix = [
    entry('/public', { auth: 'none' }),
    entry('/optional', { auth: 'optional' }),
    entry('/token'),
    entry('/permission', { rule }),
    entry('/optional-guarded', { auth: 'optional', rule }),
    entry('/nobody', { auth: 'none', rule }),
    entry('/unknown', { auth: 'unknown' })
  ] as AccessEntry[]
  const marks = ['Public', 'Token optional', 'Token', 'Permission', 'Permission', 'Nobody', 'Not known']
  t.same(
    rowsOf(accessPage(matrix)).map(({ mark }) => mark),
    marks
  )
  t.match(accessPage(matrix.slice(0, 1)), '<b>1</b>route<p>')
  const methods = ['GET', 'HEAD', 'PUT'].map((method) => entry('/x', { method, callers: method === 'PUT' ? 'b' : 'a' }))
  t.same(
    rowsOf(accessPage(methods as AccessEntry[])).map((row) => [row.methods, row.callers]),
    [
      [['GET', 'HEAD'], 'a'],
      [['PUT'], 'b']
    ]
  )
})

/** WCAG 2.2, "relative luminance" and "contrast ratio". */
function contrast(one: string, other: string): number {
  const luminance = (color: string) => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5]
      .map((at) => Number.parseInt(color.slice(at, at + 2), 16) / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

t.test('WCAG 2.2 §1.4.3: contrast of 4.5 or more, light and dark', async (t) => {
  const [, ...schemes] = accessStyle.split(':root {').map((text) => text.slice(0, text.indexOf('}')))
  t.equal(schemes.length, 2)
  for (const scheme of schemes) {
    const colors = new Map(
      [...scheme.matchAll(/--([a-z-]+): (#[0-9a-f]{6});/g)].map(([, name, color]) => [name, color])
    )
    const backs = (name: string) => (colors.has(`${name}-back`) ? [`${name}-back`] : ['page', 'sheet'])
    const texts = ['text', 'muted', 'link', 'public', 'optional', 'token', 'permission', 'warning']
    for (const [name, back] of texts.flatMap((name) => backs(name).map((back) => [name, back] as const))) {
      const ratio = contrast(String(colors.get(name)), String(colors.get(back)))
      t.ok(ratio >= 4.5, `${name} on ${back}: ${ratio.toFixed(1)}`)
    }
  }
})

t.test('the server does not start with a route that nobody decided about', async (t) => {
  const { app } = await serverOf(t)
  app.get('/forgotten', () => '')
  await t.rejects(async () => app.ready(), { code: 'ENTRA_CONFIGURATION', message: /GET \/forgotten;/ })
})
