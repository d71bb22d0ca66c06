/** Test tenants: their tokens are accepted, and refused, by the real verification. */

import type { Test } from 'tap'
import t from 'tap'
import {
  type EntraOptions,
  requireAgent,
  requireAppPermission,
  requireAuthAge,
  requireAuthContext,
  requireGroup,
  requireHuman,
  requireMember,
  requireRole,
  requireScope
} from '../../../src/plugin/index.js'
import { createTestTenant, type TestTenant } from '../../../src/plugin/testing/index.js'
import { createVerifier } from '../../../src/plugin/verifier-index.js'
import { buildApi, outcomeOf } from '../../support/api.js'

const group = '40000000-0000-4000-8000-000000000001'

const routes = {
  '/': {},
  '/scope': { preHandler: requireScope('access_as_user') },
  '/orders': { preHandler: requireScope('Orders.Read') },
  '/admin': { preHandler: requireRole('Admin') },
  '/app': { preHandler: requireAppPermission('Orders.Read.All') },
  '/group': { preHandler: requireGroup(group) }
}
const ofEntra = {
  ...routes,
  '/member': { preHandler: requireMember() },
  '/agent': { preHandler: requireAgent() },
  '/human': { preHandler: requireHuman() },
  '/c1': { preHandler: requireAuthContext('c1') }
}

async function start(t: Test, tenant: TestTenant, program: object = { routes: ofEntra }, more: object = {}) {
  const { app, logged } = await buildApi(t, { options: { ...tenant.options, ...more } as EntraOptions, ...program })
  const outcome = async (url: string, headers: object) => {
    const { statusCode, body } = await app.inject({ url, headers: { ...headers } })
    return outcomeOf({ status: statusCode, body } as never)
  }
  return { app, logged, outcome }
}

for (const shape of ['v2', 'v1'] as const) {
  t.test(`Entra, ${shape}: callers that guards tell apart`, async (t) => {
    const tenant = await createTestTenant({ shape })
    const { app, outcome } = await start(t, tenant)
    const denied = '403 insufficient_permissions'
    t.equal(await outcome('/', tenant.user()), '200')
    t.equal(await outcome('/scope', tenant.user()), '200', 'the scope that a user has by default')
    t.equal(await outcome('/orders', tenant.user()), denied)
    t.equal(await outcome('/orders', tenant.user({ scopes: ['Orders.Read', 'Orders.Write'] })), '200')
    t.equal(await outcome('/scope', tenant.user({ scopes: ['Orders.Read'] })), denied, 'these scopes and no other')
    t.equal(await outcome('/', tenant.user({ scopes: [] })), '403 no_permissions')
    t.equal(await outcome('/admin', tenant.user()), denied)
    t.equal(await outcome('/admin', tenant.user({ roles: ['Admin'] })), '200')
    t.equal(await outcome('/admin', tenant.app(['Admin'])), denied)
    t.equal(await outcome('/app', tenant.app(['Orders.Read.All'])), '200')
    t.equal(await outcome('/app', tenant.user({ roles: ['Orders.Read.All'] })), denied)
    t.equal(await outcome('/', tenant.app()), '403 no_permissions')
    t.equal(await outcome('/group', tenant.user({ groups: [group] })), '200')
    t.equal(await outcome('/group', tenant.user()), denied)
    t.equal(await outcome('/group', tenant.manyGroups()), '503 groups_unavailable', 'overage is unknown, never none')
    t.equal(await outcome('/member', tenant.user()), '200')
    t.equal(await outcome('/member', tenant.guest()), denied)
    for (const agent of [tenant.agent(), tenant.agentUser(), tenant.agentApp(['Orders.Read.All'])]) {
      t.equal(await outcome('/agent', agent), '200')
      t.equal(await outcome('/human', agent), denied)
      t.equal(await outcome('/member', agent), denied)
    }
    for (const ordinary of [tenant.user(), tenant.guest(), tenant.app(['Orders.Read.All'])])
      t.equal(await outcome('/agent', ordinary), denied)
    t.equal(await outcome('/human', tenant.user()), '200')
    t.equal(await outcome('/human', tenant.guest()), '200')
    t.equal(await outcome('/human', tenant.app(['Orders.Read.All'])), denied)
    t.equal(await outcome('/human', tenant.user({ claims: { xms_sub_fct: undefined } })), '403 agent_unknown')
    t.equal(await outcome('/member', tenant.user({ claims: { acct: undefined } })), '403 membership_unknown')
    t.equal(await outcome('/c1', tenant.user()), denied)
    t.equal(await outcome('/c1', tenant.user({ claims: { xms_cc: ['cp1'] } })), '401 insufficient_claims')
    t.equal(await outcome('/c1', tenant.stepUp('c1')), '200')
    t.equal(await outcome('/c1', tenant.stepUp('c2')), '401 insufficient_claims')
    await app.close()
  })
}

t.test('the principal is what the options of the token say', async (t) => {
  const tenant = await createTestTenant()
  const { app } = await start(t, tenant, {})
  const me = async (headers: object) => (await app.inject({ url: '/me', headers: { ...headers } })).json()
  const user = { id: group, name: 'Jo', email: 'jo@tenant.example', clientId: crypto.randomUUID(), roles: ['Admin'] }
  t.match(await me(tenant.user(user)), { kind: 'user', membership: 'member', clientAuth: 'none', ...user })
  t.match(await me(tenant.user()), { clientId: tenant.callerId, tenantId: tenant.tenantId })
  t.equal((await me(tenant.user())).id, (await me(tenant.guest())).id, 'the same user')
  t.not((await me(tenant.user())).claims.uti, (await me(tenant.user())).claims.uti, 'each token is a new one')
  const app2 = { id: group, clientId: crypto.randomUUID() }
  t.match(await me(tenant.app(['A'], app2)), { kind: 'app', clientAuth: 'secret', roles: ['A'], ...app2 })
  const parentClientId = (await me(tenant.agent())).agent.parentClientId
  const flows = {
    onBehalfOf: [tenant.agent(user), { kind: 'user', ...user }],
    agentUser: [tenant.agentUser(user), { kind: 'user', ...user }],
    autonomous: [tenant.agentApp(['A'], app2), { kind: 'app', roles: ['A'], ...app2 }]
  } as const
  for (const [flow, [headers, caller]] of Object.entries(flows))
    t.match(await me(headers), {
      ...{ ...caller, isAgent: true, clientAuth: 'certificate', agent: { flow, parentClientId } }
    })
  t.equal((await me(tenant.user())).isAgent, false)
  t.equal((await me(tenant.guest())).isGuest, true)
  const token = tenant.token({ scp: 'a b', acct: undefined, extra: { deep: [1] } })
  const given = await me({ authorization: `Bearer ${token}` })
  t.match(given, { scopes: ['a', 'b'], membership: 'unknown', claims: { extra: { deep: [1] } } })
  await app.close()
})

/** What every API must refuse. */
async function refusals(t: Test, tenant: TestTenant, outcome: (url: string, headers: object) => Promise<string>) {
  t.equal(await outcome('/', tenant.expired()), '401 token_expired')
  t.equal(await outcome('/', tenant.notYetValid()), '401 token_not_yet_valid')
  t.equal(await outcome('/', tenant.forOtherApi()), '401 wrong_audience')
  t.equal(await outcome('/', tenant.idToken()), '401 not_an_access_token')
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
  t.equal(await outcome('/', bearer(tenant.token())), '200', 'a token without anything special')
  t.equal(await outcome('/', bearer(tenant.token({ exp: undefined }))), '401 missing_claim')
  t.equal(await outcome('/', bearer(tenant.token({}, { kid: 'other' }))), '401 unknown_key')
  t.equal(await outcome('/', bearer(tenant.token({}, { alg: 'HS256' }))), '401 wrong_algorithm')
  const [head, claims] = tenant.token().split('.')
  t.equal(await outcome('/', bearer(`${head}.${claims}.${tenant.token().split('.')[2]}`)), '401 invalid_signature')
}

for (const shape of ['v2', 'v1', 'b2c', 'oidc'] as const)
  t.test(`${shape}: tokens that every API refuses`, async (t) => {
    const tenant = await createTestTenant({ shape })
    const { app, outcome } = await start(t, tenant, { routes })
    await refusals(t, tenant, outcome)
    await app.close()
  })

t.test('a user flow of Azure AD B2C', async (t) => {
  const tenant = await createTestTenant({ shape: 'b2c', userFlow: 'B2C_1_other', audience: 'api://b2c' })
  t.match(tenant.options, { userFlow: 'B2C_1_other', authority: 'https://contoso.b2clogin.com', audience: 'api://b2c' })
  const { app, outcome } = await start(t, tenant, {
    routes: { ...routes, '/c1': { preHandler: requireAuthContext('c1') } }
  })
  t.equal(await outcome('/orders', tenant.user({ scopes: ['Orders.Read'] })), '200')
  t.equal(
    await outcome('/admin', tenant.user({ roles: ['Admin'] })),
    '403 insufficient_permissions',
    'B2C has no roles'
  )
  t.equal(await outcome('/app', tenant.app(['Orders.Read.All'])), '200')
  t.equal(await outcome('/app', tenant.user()), '403 insufficient_permissions')
  t.equal(await outcome('/c1', tenant.stepUp('c1')), '200')
  t.throws(() => tenant.guest(), {
    message: 'only tokens of Entra show what guest() is about; create the tenant with the shape v2 or v1'
  })
  await app.close()
})

t.test('another provider', async (t) => {
  for (const issuer of [undefined, 'https://id.example/realms/main', 'https://id.example/']) {
    const tenant = await createTestTenant({ shape: 'oidc', ...(issuer && { issuer }), audience: 'api' })
    const program = {
      routes: {
        ...routes,
        '/fresh': { preHandler: requireAuthAge({ maxAgeSeconds: 60 }) },
        '/gold': { preHandler: requireAuthContext('gold') }
      }
    }
    const { app, outcome } = await start(t, tenant, program, { rfc9068: true })
    t.equal(tenant.tenantId, issuer ?? 'https://login.example')
    t.equal(await outcome('/orders', tenant.user({ scopes: ['Orders.Read'] })), '200')
    t.equal(await outcome('/admin', tenant.user({ roles: ['Admin'] })), '200')
    t.equal(await outcome('/group', tenant.user({ groups: [group] })), '200')
    t.equal(await outcome('/app', tenant.app(['Orders.Read.All'])), '200')
    t.equal(await outcome('/fresh', tenant.user()), '200')
    t.equal(await outcome('/gold', tenant.user()), '401 insufficient_user_authentication')
    t.equal(await outcome('/gold', tenant.stepUp('gold')), '200')
    await app.close()
  }
  const tenant = await createTestTenant({ shape: 'oidc', issuer: 'https://id.example/realms/main' })
  const { app, outcome } = await start(t, tenant, {}, { provider: 'keycloak' })
  const claims = { realm_access: { roles: ['Admin'] }, typ: 'Bearer' }
  t.equal(await outcome('/me', tenant.user({ claims })), '200', 'a preset, with claims of its own')
  await app.close()
})

t.test('other places of a tenant: many tenants, a domain, other clouds', async (t) => {
  const many = await createTestTenant()
  for (const shape of [many, await createTestTenant({ shape: 'v1' })]) {
    const { app, outcome } = await start(
      t,
      shape,
      { routes },
      { tenantId: 'organizations', allowedTenants: [shape.tenantId] }
    )
    t.equal(await outcome('/', shape.user()), '200')
    await app.close()
    const other = await start(t, shape, { routes }, { tenantId: 'contoso.example' })
    t.equal(await other.outcome('/', shape.user()), '200')
    await other.app.close()
  }
  const { app, logged } = await start(t, many, {}, { tenantId: crypto.randomUUID() })
  await app.ready()
  t.match(logged(), 'answered 404', 'a tenant of another ID does not exist')
  await app.close()
  for (const authority of [
    'https://login.partner.microsoftonline.cn',
    'https://contoso.ciamlogin.com',
    'http://127.0.0.1:9'
  ])
    for (const shape of ['v2', 'v1'] as const) {
      const tenant = await createTestTenant({ shape, authority, audience: 'api://mine' })
      t.match(tenant.options, { authority, audience: 'api://mine' })
      const { app, outcome } = await start(t, tenant, { routes })
      t.equal(await outcome('/', tenant.user()), '200', `${authority} ${shape}`)
      await app.close()
    }
})

t.test('options that no tenant has throw', async (t) => {
  await t.rejects(createTestTenant({ shape: 'saml' as never }), {
    message: 'there is no shape "saml"; the shapes are v2, v1, b2c, oidc'
  })
  await t.rejects(createTestTenant({ issuer: 'https://a.example' }), {
    message:
      'a test tenant of the shape v2 has no option "issuer"; its options are shape, tenantId, clientId, callerId, audience, authority'
  })
})

t.test('keys that turn over, an outage, and a clock that the test moves', async (t) => {
  const tenant = await createTestTenant()
  t.teardown(() => tenant.close())
  const { app, outcome } = await start(t, tenant, {
    routes: { '/': {}, '/fresh': { preHandler: requireAuthAge({ maxAgeSeconds: 60 }) } }
  })
  const before = tenant.user()
  t.equal(await outcome('/', before), '200')
  tenant.rotateKeys()
  t.equal(await outcome('/', tenant.user()), '200', 'a new key')
  t.equal(await outcome('/', before), '200', 'the earlier one is published as well')
  tenant.rotateKeys({ withdraw: true })
  t.equal(await outcome('/', tenant.user()), '401 unknown_key', 'within the cooldown')
  tenant.clock.advance(31)
  t.equal(await outcome('/', tenant.user()), '200')
  t.equal(await outcome('/', before), '401 unknown_key')
  const now = tenant.user()
  t.equal(await outcome('/fresh', now), '200')
  tenant.goDown()
  t.equal(await outcome('/', tenant.user()), '200', 'keys that are known')
  tenant.clock.advance(120)
  t.equal(await outcome('/fresh', now), '401 insufficient_user_authentication')
  tenant.clock.advance(3600)
  t.equal(await outcome('/', now), '401 token_expired')
  tenant.clock.advance(86_400)
  t.equal(await outcome('/', tenant.user()), '503 tenant_unavailable', 'keys that are too old')
  tenant.comeUp()
  tenant.clock.reset()
  t.equal(await outcome('/', now), '200', 'the time is right again')
  tenant.clock.reset()
  const real = new Date()
  t.ok(Math.abs(Date.now() - real.getTime()) < 10_000)
  await app.close()
})

t.test('a verifier takes the options as well', async (t) => {
  const tenant = await createTestTenant()
  const verifier = createVerifier(tenant.options)
  t.teardown(() => verifier.close())
  const token = tenant.app(['Orders.Read.All']).authorization.slice('Bearer '.length)
  const principal = await verifier.verify({ scheme: 'Bearer', token })
  await verifier.authorize(principal, requireAppPermission('Orders.Read.All'))
  await t.rejects(verifier.authorize(principal, requireRole('Admin')), { code: 'insufficient_permissions' })
})
