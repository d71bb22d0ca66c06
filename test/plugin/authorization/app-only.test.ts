/** What an app-only token is told of a route that refuses it: never only of a scope, which it cannot get. */
import t from 'tap'
import {
  allOf,
  anyOf,
  requireApp,
  requireAppPermission,
  requireClient,
  requireRole,
  requireScope
} from '../../../src/plugin/index.js'
import { startApi } from '../../support/api.js'
import { clientId, startTestTenant } from '../../support/tenant.js'

const read = requireScope('Orders.Read')
const all = requireAppPermission('Orders.Read.All')

t.test('the detail says what an app can do; code, error and scope stay', async (t) => {
  const tenant = await startTestTenant(t)
  const routes = {
    '/users': { preHandler: read },
    '/role': { preHandler: requireRole('Admin') },
    '/both': { preHandler: anyOf(read, all) },
    '/apps': { preHandler: allOf(requireApp(), anyOf(all, requireAppPermission('Orders.Write.All'), all)) },
    '/client': { preHandler: requireClient('33333333-4444-4555-8666-777777777777') }
  }
  const { get } = await startApi(t, { tenant, routes })
  const app = await tenant.appToken({ roles: ['Other'] })
  const forUsers =
    "; the token does not satisfy that. This is an app-only token, and the route is for users only: call it with a user's token."
  const grants = 'This is an app-only token: to an app an administrator grants the application permission '
  const rows: Record<keyof typeof routes, string> = {
    '/users': `the scope api://${clientId}/Orders.Read${forUsers}`,
    '/role': `the role Admin, held by a user${forUsers}`,
    '/both': `; the token does not satisfy that. ${grants}Orders.Read.All.`,
    '/apps': `. ${grants}Orders.Read.All, Orders.Write.All.`,
    '/client': '; the token does not satisfy that.'
  }
  for (const [path, end] of Object.entries(rows)) {
    const { status, body, headers } = await get(path, app)
    const { code, detail } = JSON.parse(body) as { code: string; detail: string }
    t.same([status, code], [403, 'insufficient_permissions'], path)
    t.ok(detail.endsWith(end), `${path}: ${detail}`)
    t.match(headers.get('www-authenticate'), 'error="insufficient_scope"', path)
    t.notMatch(detail, 'Other', 'nothing that the token claims')
  }
  const user = JSON.parse((await get('/users', await tenant.userToken())).body) as { detail: string }
  t.notMatch(user.detail, 'app-only')
})

t.test('without any role: the same, before any guard', async (t) => {
  const tenant = await startTestTenant(t)
  const routes = {
    '/users': { preHandler: read },
    '/both': { preHandler: anyOf(read, all) },
    '/none': {}
  }
  const { get } = await startApi(t, { tenant, routes })
  const lacks = 'The token has neither scopes nor roles for this API.'
  const rows: Record<keyof typeof routes, [app: string, user: string]> = {
    '/users': [
      "This is an app-only token, and the route is for users only: call it with a user's token.",
      `Ask for api://${clientId}/Orders.Read, or have an administrator grant a permission.`
    ],
    '/both': [
      'This is an app-only token: to an app an administrator grants the application permission Orders.Read.All.',
      `Ask for api://${clientId}/Orders.Read, or have an administrator grant a permission.`
    ],
    '/none': [
      'This is an app-only token: have an administrator grant it a permission.',
      'Ask for a scope, or have an administrator grant a permission.'
    ]
  }
  const app = await tenant.appToken({ roles: undefined })
  const user = await tenant.userToken({ scp: undefined, roles: undefined })
  for (const [path, hints] of Object.entries(rows))
    for (const [index, token] of [app, user].entries())
      t.match(JSON.parse((await get(path, token)).body), {
        code: 'no_permissions',
        detail: `${lacks} ${hints[index]}`
      })
})
