/** Microsoft Entra Agent ID (Microsoft: "Token claims reference for agent IDs"): what tokens show of AI agents, and the guards about them. */
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { AgentFlow } from '../../../src/plugin/claims/principal.js'
import { agentOf, isAgent } from '../../../src/plugin/entra/caller-facts.js'
import type { CallerKind } from '../../../src/plugin/entra/caller-kind.js'
import {
  allOf,
  anyOf,
  EntraConfigurationError,
  type Guard,
  requireAgent,
  requireHuman,
  requireMember,
  requireRole,
  requireScope,
  requireUser
} from '../../../src/plugin/index.js'
import { buildApi, startApi } from '../../support/api.js'
import { checkRefusal } from '../../support/http.js'
import { clientId, tenantId } from '../../support/tenant.js'

const parent = '30cf4c22-9985-4ef7-8756-91cc888176bd'
const source = 'Microsoft "Token claims reference for agent IDs"'
const ordinary = { xms_act_fct: '3 9', xms_sub_fct: '2 3' }
const onBehalfOf = { xms_act_fct: '3 9 11', xms_sub_fct: '2 3' }
const ownUser = { xms_act_fct: '11 9 3', xms_sub_fct: '13 3' }
const autonomous = { xms_act_fct: '3 9 11', xms_sub_fct: '9 3 11' }
/** Values that no facet claim has. */
const odd = [null, 0, 11, 13, true, [], ['11'], { 11: true }, '', ' ']

t.test(`${source}: facets 11 and 13, or a parent application`, async (t) => {
  t.strictSame(agentOf({ ...autonomous, xms_tnt_fct: '3 9' }, 'app'), {
    ...{ flow: 'autonomous', actorFacets: ['3', '9', '11'], subjectFacets: ['9', '3', '11'], tenantFacets: ['3', '9'] }
  })
  const parentClientId = parent
  const nothing = { flow: 'unknown', actorFacets: [], subjectFacets: [], tenantFacets: [] }
  t.strictSame(agentOf({ xms_par_app_azp: parent }, 'user'), { ...nothing, parentClientId })
  t.strictSame(agentOf({ xms_act_fct: '11', xms_par_app_azp: parent }, 'user'), {
    ...{ ...nothing, actorFacets: ['11'], parentClientId }
  })
  for (const kind of ['user', 'app'] as const) {
    t.equal(agentOf({}, kind), undefined)
    t.equal(agentOf({ xms_act_fct: '3 9', xms_sub_fct: '3 6' }, kind), undefined, 'those of ordinary users and apps')
    t.equal(agentOf({ xms_act_fct: '111 1', xms_sub_fct: '113 3 1,13' }, kind), undefined, 'whole numbers')
    t.equal(agentOf({ xms_tnt_fct: '11 13' }, kind), undefined, 'those of the tenant')
    for (const value of odd)
      t.equal(agentOf({ xms_act_fct: value, xms_sub_fct: value }, kind), undefined, JSON.stringify(value))
    for (const value of [null, 0, true, [], [parent], {}, ''])
      t.equal(agentOf({ xms_par_app_azp: value }, kind), undefined, JSON.stringify(value))
  }
})

t.test(`${source}, scenarios: for whom an agent acts`, async (t) => {
  const rows: [claims: object, kind: CallerKind, flow: AgentFlow][] = [
    [onBehalfOf, 'user', 'onBehalfOf'],
    [ownUser, 'user', 'agentUser'],
    [{ xms_sub_fct: '13' }, 'user', 'agentUser'],
    [autonomous, 'app', 'autonomous'],
    [{ xms_act_fct: '11' }, 'app', 'autonomous'],
    [{ xms_sub_fct: '11' }, 'app', 'autonomous'],
    [{ xms_act_fct: '11' }, 'user', 'unknown'],
    [{ xms_act_fct: '11', xms_sub_fct: 3 }, 'user', 'unknown'],
    [{ xms_act_fct: '11', xms_sub_fct: '3 15' }, 'user', 'unknown'],
    [{ xms_act_fct: '11', xms_sub_fct: '11' }, 'user', 'unknown'],
    [ownUser, 'app', 'unknown'],
    [{ xms_act_fct: '3 9', xms_sub_fct: '2 3', xms_par_app_azp: parent }, 'user', 'unknown'],
    [{ xms_par_app_azp: parent }, 'app', 'unknown']
  ]
  for (const [claims, kind, flow] of rows)
    t.equal(agentOf({ ...claims }, kind)?.flow, flow, `${kind}, ${JSON.stringify(claims)}`)
})

t.test(`${source}: whether an agent acts, or that none does`, async (t) => {
  for (const claims of [onBehalfOf, ownUser, autonomous, { xms_act_fct: '11' }, { xms_sub_fct: '3 13' }])
    t.equal(isAgent({ ...claims }), true, JSON.stringify(claims))
  for (const xms_sub_fct of ['3', '1', '5 7 9', '2 3', '6', '3 16 4', '100'])
    t.equal(isAgent({ ...ordinary, xms_sub_fct }), false, xms_sub_fct)
  for (const unknown of [...odd, undefined, '15', '3 15', '3 111', '3 x', '1,3', '3\t11', '011', '-2', '3.0', '0x2']) {
    t.equal(isAgent({ ...ordinary, xms_sub_fct: unknown }), undefined, `subject: ${JSON.stringify(unknown)}`)
    t.equal(isAgent({ ...ordinary, xms_act_fct: unknown }), undefined, `client: ${JSON.stringify(unknown)}`)
  }
  t.equal(isAgent({}), undefined)
  for (const named of [parent, '', 0, {}])
    t.equal(isAgent({ ...ordinary, xms_par_app_azp: named }), undefined, 'only agents have a parent')
  t.equal(isAgent({ ...ordinary, xms_par_app_azp: null, xms_tnt_fct: '11 13' }), false)
})

const routes = {
  '/agent': { preHandler: requireAgent() },
  '/human': { preHandler: requireHuman() },
  '/agent-in-scope': { preHandler: allOf(requireAgent(), requireScope('access_as_user')) },
  '/agent-admin': { preHandler: allOf(requireAgent(), requireRole('Admin')) },
  '/member-or-agent': { preHandler: anyOf(requireMember(), requireAgent()) },
  '/human-member': { preHandler: allOf(requireMember(), requireHuman()) }
}
const [denied, unknown] = ['403 insufficient_permissions', '403 agent_unknown']

t.test('requireAgent and requireHuman', async (t) => {
  const { tenant, outcome } = await startApi(t, { routes })
  const tokens = {
    person: await tenant.userToken(ordinary),
    guest: await tenant.userToken({ ...ordinary, acct: 1 }),
    'a person, v1': await tenant.v1Token(ordinary),
    onBehalfOf: await tenant.userToken({ ...onBehalfOf, xms_par_app_azp: parent }),
    agentUser: await tenant.userToken({ ...ownUser, acct: 0 }),
    autonomous: await tenant.appToken(autonomous),
    app: await tenant.appToken(ordinary),
    'a user who shows nothing': await tenant.userToken(),
    'an app that shows nothing': await tenant.appToken(),
    'a user with a future facet': await tenant.userToken({ ...ordinary, xms_sub_fct: '3 15' }),
    'a user with a parent': await tenant.userToken({ ...ordinary, xms_par_app_azp: parent })
  }
  const expected: Record<keyof typeof tokens, [agent: string, human: string]> = {
    person: [denied, '200'],
    guest: [denied, '200'],
    'a person, v1': [denied, '200'],
    onBehalfOf: ['200', denied],
    agentUser: ['200', denied],
    autonomous: ['200', denied],
    app: [denied, denied],
    'a user who shows nothing': [unknown, unknown],
    'an app that shows nothing': [unknown, denied],
    'a user with a future facet': [unknown, unknown],
    'a user with a parent': [unknown, denied]
  }
  for (const [name, [agent, human]] of Object.entries(expected)) {
    const token = tokens[name as keyof typeof tokens]
    t.equal(await outcome('/agent', token), agent, `requireAgent, ${name}`)
    t.equal(await outcome('/human', token), human, `requireHuman, ${name}`)
  }
  t.equal(await outcome('/agent-in-scope', tokens.onBehalfOf), '200')
  t.equal(await outcome('/agent-in-scope', tokens.person), denied)
  t.equal(await outcome('/agent-in-scope', tokens.autonomous), denied, 'an agent alone has no scope')
  t.equal(await outcome('/agent-admin', tokens.agentUser), denied, 'it grants nothing')
  t.equal(await outcome('/member-or-agent', tokens.onBehalfOf), '200')
  t.equal(await outcome('/member-or-agent', tokens.person), '403 membership_unknown')
  t.equal(await outcome('/member-or-agent', tokens.guest), denied)
  t.equal(await outcome('/human-member', tokens.person), '403 membership_unknown')
  t.equal(await outcome('/human-member', await tenant.userToken({ acct: 0 })), unknown)
  t.equal(await outcome('/human-member', tokens.guest), denied)
  t.equal(await outcome('/human-member', await tenant.userToken({ ...ordinary, acct: 0 })), '200')
})

t.test('an autonomous agent has permissions of apps, and one on behalf of a user those of the user', async (t) => {
  const { tenant, get } = await startApi(t)
  const me = async (token: string) => JSON.parse((await get('/me', token)).body)
  const alone = await me(await tenant.appToken({ ...autonomous, roles: ['Orders.Read.All'], xms_tnt_fct: '3 9' }))
  t.match(alone, { kind: 'app', roles: ['Orders.Read.All'], isAgent: true, agent: { flow: 'autonomous' } })
  const forUser = await me(await tenant.userToken({ ...onBehalfOf, roles: ['Admin'], xms_par_app_azp: parent }))
  t.match(forUser, { kind: 'user', roles: ['Admin'], agent: { flow: 'onBehalfOf', parentClientId: parent } })
})

t.test('the response and the log say which optional claims to switch on, the log once', async (t) => {
  const { tenant, get, logged } = await startApi(t, { routes })
  const token = await tenant.userToken()
  const detail =
    /This route requires .*; the token does not show whether an AI agent acts\. Switch on the optional claims xms_act_fct and xms_sub_fct/
  for (const path of ['/human', '/agent', '/human'])
    checkRefusal(t, await get(path, token), { status: 403, code: 'agent_unknown', error: 'insufficient_scope', detail })
  const lines = logged()
    .split('\n')
    .filter((each) => each.includes('requireAgent and requireHuman refuse'))
  t.equal(lines.length, 1)
  t.match(JSON.parse(String(lines[0])), { level: 40, route: 'GET /human', optionalClaim: 'xms_act_fct, xms_sub_fct' })
})

const nowhere = 'http://127.0.0.1:9'
const keycloak = { issuer: `${nowhere}/realms/shop`, audience: 'orders', provider: 'keycloak' } as const
const b2c = { tenantId, clientId, authority: nowhere, userFlow: 'B2C_1_signin' }

async function startWith(t: Test, options: object, preHandler: Guard) {
  const routes = (app: FastifyInstance) => app.get('/tools', { preHandler }, async () => 'ok')
  const { app } = await buildApi(t, { options: { keysTimeoutSeconds: 1, ...options }, routes })
  return app.ready()
}

t.test('where no issuer has agents, the guards throw at startup, and name the routes', async (t) => {
  for (const options of [keycloak, b2c, { tenants: [keycloak, b2c] }]) {
    for (const guard of [requireAgent(), anyOf(requireUser(), requireAgent())])
      await t.rejects(startWith(t, options, guard), {
        constructor: EntraConfigurationError,
        message:
          'GET /tools has requireAgent, and no token of these issuers shows an AI agent, as only Microsoft Entra has Agent ID (and Azure AD B2C has none); use requireClient or another guard'
      })
    await t.rejects(startWith(t, options, requireHuman()), {
      constructor: EntraConfigurationError,
      message:
        'GET /tools has requireHuman, and no token of these issuers shows that no AI agent acts, as only Microsoft Entra has Agent ID (and Azure AD B2C has none); use requireUser or another guard'
    })
  }
  const tenant = { tenantId, clientId, authority: nowhere }
  await t.resolves(startWith(t, { tenants: [keycloak, tenant] }, anyOf(requireAgent(), requireHuman())))
})
