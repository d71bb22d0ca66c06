/** `/docs` over HTTP: who gets it, under which policies, and what its page is told. */
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { yamlKeeper } from '../../src/server/document.js'
import { get, raw } from '../support/http.js'
import { appToken, startServer, startServerWithTenant, userToken } from '../support/server.js'
import { clientId, startTestTenant, tenantId } from '../support/tenant.js'

const tenant = await startTestTenant(t)
const token = await tenant.userToken()

async function start(t: Test, env: Record<string, string>) {
  const own = { ENTRA_TENANT_ID: tenantId, ENTRA_CLIENT_ID: clientId, ENTRA_AUTHORITY: tenant.origin }
  const app = await startServer(t, { ...own, ...env })
  return { app, origin: app.listeningOrigin }
}

/** Of Swagger UI one file of each kind, and our own. */
const documents = [
  ...['/openapi.json', '/openapi.yaml', '/docs/access', '/docs', '/docs/', '/docs/json', '/docs/yaml'],
  ...['/docs/static/index.html', '/docs/static/swagger-initializer.js', '/docs/static/swagger-ui-bundle.js'],
  ...['/docs/static/swagger-ui.css', '/docs/static/theme/docs.css', '/docs/static/theme/docs.js']
]
const redirect = ['/docs/static/oauth2-redirect.html', '/docs/static/oauth2-redirect.js']

t.test(
  'DOCS says who gets them; what the tenant sends browsers back to is for all, as they have no token yet',
  async (t) => {
    const rows: [docs: string, paths: string[], stranger: number, user: number][] = [
      ['off', [...documents, ...redirect], 401, 404],
      ['public', [...documents, ...redirect], 200, 200],
      ['protected', documents, 401, 200],
      ['protected', redirect, 200, 200]
    ]
    for (const [DOCS, paths, stranger, user] of rows) {
      const { origin } = await start(t, { DOCS })
      for (const path of paths) {
        t.equal((await get(origin + path)).status, stranger, `${DOCS}: ${path}, a stranger`)
        t.equal((await get(origin + path, token)).status, user, `${DOCS}: ${path}, a user`)
      }
    }
  }
)

t.test('a file that Swagger UI has not is a problem like any', async (t) => {
  const { origin } = await start(t, { DOCS: 'public' })
  const answer = await get(`${origin}/docs/static/none.js`)
  t.equal(answer.status, 404)
  t.match(JSON.parse(answer.body), { code: 'not_found' })
})

t.test('its page at another path leads to itself, whatever host the request names', async (t) => {
  const { origin } = await start(t, { DOCS: 'public' })
  const port = Number(new URL(origin).port)
  for (const target of ['/docs/static/index.html', 'http://evil.example/docs/static/index.html']) {
    const { status, headers } = await raw(port, target, [])
    t.same([status, headers.get('location')?.trim()], [302, '/docs/'], target)
  }
})

t.test('its policy for content permits the authority, and no one else', async (t) => {
  const { origin } = await start(t, { DOCS: 'protected' })
  const { headers } = await get(`${origin}/docs`, token)
  t.equal(
    headers.get('content-security-policy'),
    [
      ...["default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:"],
      ...[`connect-src 'self' ${tenant.origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`]
    ].join('; ')
  )
  t.equal(headers.get('x-content-type-options'), 'nosniff', 'the rest is as everywhere')
  t.equal(headers.get('cross-origin-opener-policy'), 'same-origin-allow-popups')
  t.equal((await get(origin + redirect[0])).headers.get('cross-origin-opener-policy'), 'unsafe-none')
  const strict = ['/unprotected', '/openapi.json', '/me'].map((path) => get(origin + path, token))
  for (const answer of [...(await Promise.all(strict)), await get(`${origin}/docs`)]) {
    t.match(answer.headers.get('content-security-policy'), /^default-src 'self';.*upgrade-insecure-requests$/)
    t.equal(answer.headers.get('cross-origin-opener-policy'), 'same-origin')
  }
})

t.test('what the page is told: the client, PKCE, no validator elsewhere, nothing to be kept', async (t) => {
  const script = async (env: object) =>
    (await get(`${(await start(t, { DOCS: 'public', ...env })).origin}/docs/static/swagger-initializer.js`)).body
  const named = await script({ DOCS_CLIENT_ID: clientId })
  t.match(named, `"clientId":"${clientId}"`)
  t.match(named, '"usePkceWithAuthorizationCodeGrant":true')
  t.match(named, 'validatorUrl: null')
  t.match(named, '"persistAuthorization":false')
  t.notMatch(await script({}), 'clientId', 'without one, people type it in')
})

t.test('its document is that of the API, with a token to paste in place of a secret', async (t) => {
  const { app, address: origin } = await startServerWithTenant(t, { DOCS: 'public' })
  const [page, api] = await Promise.all(
    ['/docs/json', '/openapi.json'].map(async (path) => JSON.parse((await get(origin + path)).body))
  )
  const withoutExamples = JSON.parse(
    JSON.stringify(page.paths, (name, value) => (name === 'example' ? undefined : value))
  )
  t.same(withoutExamples, api.paths)
  t.same(page.components.schemas, api.components.schemas)
  const { entraUser, entraApp } = page.components.securitySchemes
  t.same(entraUser.flows, api.components.securitySchemes.entraUser.flows)
  t.equal(entraUser.flows.authorizationCode.authorizationUrl, app.entra.metadata?.authorizationEndpoint)
  t.match(entraApp, { type: 'http', scheme: 'bearer' })
  t.notMatch(JSON.stringify(page.components), 'clientCredentials')
})

t.test('YAML says what JSON does, and is made once: strangers may ask for it, and it takes long', async (t) => {
  const { origin } = await start(t, { DOCS: 'public' })
  const body = async (path: string) => (await get(origin + path)).body
  for (const [yaml = '', json = ''] of [
    ['/openapi.yaml', '/openapi.json'],
    ['/docs/yaml', '/docs/json']
  ]) {
    const first = await body(yaml)
    t.same(parse(first), JSON.parse(await body(json)))
    t.equal(await body(yaml), first)
  }

  let looks = 0
  const document = (title: string) => ({
    toJSON: () => {
      looks += 1
      return { title }
    }
  })
  const inYaml = yamlKeeper()
  const looksOf = (title: string) => {
    const before = looks
    t.equal(inYaml(document(title)), `title: ${title}\n`)
    return looks - before
  }
  t.same([looksOf('one'), looksOf('one'), looksOf('two'), looksOf('two')], [2, 1, 2, 1], 'once as JSON, once as YAML')
})

t.test('each of its routes says who may call it', async (t) => {
  const { app } = await start(t, { DOCS: 'protected' })
  const isDocument = (url: string) => /^\/(docs|openapi)/.test(url)
  const entries = app.accessMatrix().filter(({ url }) => isDocument(url))
  t.ok(entries.length > 20)
  for (const { method, url, auth } of entries)
    t.equal(auth, redirect.includes(url) ? 'none' : 'required', `${method} ${url}`)
})

t.test('examples of refusals are what the API responds with', async (t) => {
  const api = await startServerWithTenant(t, { DOCS: 'public' })
  const { paths } = JSON.parse((await get(`${api.address}/docs/json`)).body)
  const exampleOf = (path: string, status: number) =>
    paths[path].get.responses[status]?.content['application/problem+json']?.example
  const user = await userToken(api.tenant, 'user@contoso.example', ['access_as_user'])
  const other = await userToken(api.tenant, 'user@contoso.example', ['Directory.Read'])
  const rows: [path: string, status: number, header: string | undefined][] = [
    ['/me', 401, undefined],
    ['/me', 400, 'Bearer'],
    ['/me', 403, `Bearer ${other}`],
    ['/role-protected', 403, `Bearer ${user}`],
    ['/step-up-protected', 403, `Bearer ${other}`],
    ['/users', 403, `Bearer ${user}`],
    ['/protected', 403, `Bearer ${await appToken(api.tenant, 'daemon-no-roles')}`]
  ]
  for (const [path, status, authorization] of rows) {
    const answer = await fetch(`${api.address}${path}`, { headers: authorization ? { authorization } : {} })
    const { requestId: _, ...problem } = (await answer.json()) as Record<string, unknown>
    t.match(exampleOf(path, status), problem, `${path}: ${status}`)
    t.equal(answer.status, status)
  }
  t.match(exampleOf('/me', 503), { code: 'tenant_unavailable' })
  t.match(exampleOf('/me/profile', 404), { code: 'graph_not_found' })
  t.match(exampleOf('/me/profile', 502), { code: 'downstream_failed' })
  t.equal(exampleOf('/readyz', 503), undefined, 'which is no problem document')
})

t.test('the page fits a phone, and has the scopes selected', async (t) => {
  const { origin } = await start(t, { DOCS: 'public' })
  for (const path of ['/docs', '/docs/'])
    t.match((await get(origin + path)).body, '<meta name="viewport" content="width=device-width, initial-scale=1">')
  const { body } = await get(`${origin}/docs/static/swagger-initializer.js`)
  const scopes = ['access_as_user', 'Directory.Read'].map((name) => `"api://${clientId}/${name}"`)
  t.match(body, `ui.initOAuth({"scopes": [${scopes.join(',')}], `)
  t.match(body, '{"prompt":"select_account"}', 'and asks for the account')
})
