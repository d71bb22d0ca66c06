import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import {
  allOf,
  anyOf,
  type Guard,
  requireApp,
  requireAppPermission,
  requirePolicy,
  requireRole,
  requireScope,
  requireUser
} from '../../../src/plugin/index.js'
import { buildApi } from '../../support/api.js'
import { clientId, startTestTenant, tenantId } from '../../support/tenant.js'

const base = `api://${clientId}`

interface Document {
  paths: Record<string, { get: { security: unknown; responses: Record<string, unknown> } }>
}

/** An app with one route for each guard, named by its index. */
async function appWith(t: Test, guards: (Guard | Guard[])[], authority: string) {
  const routes = async (app: FastifyInstance) => {
    const { transform, securitySchemes } = app.entra.openapi
    const components = { securitySchemes: { ...securitySchemes } }
    await app.register(swagger, { openapi: { components }, transform })
    guards.forEach((preHandler, index) => {
      app.get(`/${index}`, { preHandler }, () => '')
    })
    app.get('/any', () => '')
    app.get('/public', { config: { auth: 'none' } }, () => '')
    app.get('/optional-guarded', { config: { auth: 'optional' }, preHandler: requireScope('a') }, () => '')
    app.get('/optional', { config: { auth: 'optional' }, schema: { response: { 200: { type: 'string' } } } }, () => '')
  }
  const { app } = await buildApi(t, { options: { tenantId, clientId, authority }, routes })
  await app.ready()
  return { app, document: app.swagger() as unknown as Document }
}

const user = (...scopes: string[]) => ({ entraUser: scopes.map((scope) => `${base}/${scope}`) })
const service = { entraApp: [`${base}/.default`] }

t.test('security has the guard as alternatives (OpenAPI 3.1 §4.8.30)', async (t) => {
  const rows: [name: string, guard: Guard | Guard[], security: object[]][] = [
    ['a scope', requireScope('a'), [user('a')]],
    ['a role is a user’s', requireRole('Admin'), [user()]],
    ['a permission is an app’s', requireAppPermission('P'), [service]],
    ['a user', requireUser(), [user()]],
    ['an app', requireApp(), [service]],
    ['a policy says nothing of who', requirePolicy('p', () => true), [user(), service]],
    ['any of two', anyOf(requireScope('a'), requireAppPermission('P')), [user('a'), service]],
    ['all of two', allOf(requireScope('a'), requireScope('b')), [user('a', 'b')]],
    ['an array is all of them', [requireScope('a'), requireRole('Admin')], [user('a')]],
    [
      'a scope twice',
      allOf(requireScope('a'), anyOf(requireScope('a'), requireScope('b'))),
      [user('a'), user('a', 'b')]
    ],
    ['any of them', anyOf(requireUser(), requireApp()), [user(), service]]
  ]
  const tenant = await startTestTenant(t)
  const { document } = await appWith(
    t,
    rows.map(([, guard]) => guard),
    tenant.origin
  )
  rows.forEach(([name, , security], index) => {
    t.same(document.paths[`/${index}`]?.get.security, security, name)
  })
  t.same(document.paths['/any']?.get.security, [user(), service], 'no guard: any token')
  t.same(document.paths['/public']?.get.security, [], 'public')
  t.same(document.paths['/optional']?.get.security, [{}, user(), service], 'optional: also none')
  t.same(document.paths['/optional-guarded']?.get.security, [user('a')], 'optional with a guard: strangers get 401')
})

t.test('protected routes document the problems 400, 401, 403 and 503; public routes do not', async (t) => {
  const { document } = await appWith(t, [requireScope('a')], 'http://127.0.0.1:9')
  t.same(Object.keys(document.paths['/0']?.get.responses ?? {}), ['400', '401', '403', '503'])
  t.same(Object.keys(document.paths['/optional']?.get.responses ?? {}), ['200', '400', '401', '403', '503'])
  t.same(Object.keys(document.paths['/public']?.get.responses ?? {}), ['200'])
})

t.test('the schemes have the tenant’s endpoints once its document is known, else its address', async (t) => {
  const tenant = await startTestTenant(t)
  const { origin, paths } = tenant
  const unreached = await appWith(t, [], 'http://127.0.0.1:9')
  const openIdConnectUrl = `http://127.0.0.1:9${paths.discovery}`
  t.match(unreached.app.entra.openapi.securitySchemes, { entraUser: { type: 'openIdConnect', openIdConnectUrl } })

  const endpoints = { authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token` }
  const discovery = { issuer: `${origin}/${tenantId}/v2.0`, jwks_uri: origin + paths.keys, ...endpoints }
  tenant.answers.set(paths.discovery, (_request, response) => response.end(JSON.stringify(discovery)))
  const { app } = await appWith(t, [requireScope('a'), anyOf(requireScope('a'), requireScope('b'))], origin)
  t.match(app.entra.openapi.securitySchemes, {
    entraUser: {
      type: 'oauth2',
      flows: {
        authorizationCode: {
          authorizationUrl: `${origin}/authorize`,
          tokenUrl: `${origin}/token`,
          scopes: { [`${base}/a`]: 'a', [`${base}/b`]: 'b' }
        }
      }
    },
    entraApp: { type: 'oauth2', flows: { clientCredentials: { tokenUrl: `${origin}/token` } } }
  })
})

t.test('a route declared before the plugin is documented as one that requires any token', async (t) => {
  const { app } = await appWith(t, [], 'http://127.0.0.1:9')
  const route = { method: 'GET' as const, url: '/before', handler: () => '' }
  t.match(app.entra.openapi.transform({ schema: {}, url: '/before', route }).schema, { security: [user(), service] })
})
