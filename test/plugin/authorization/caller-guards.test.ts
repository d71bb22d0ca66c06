/** Guards that ask which caller it is: member, client, tenant, and how the client proved itself. */
import t from 'tap'
import { alternatives } from '../../../src/plugin/authorization/alternatives.js'
import { describe } from '../../../src/plugin/authorization/rules.js'
import {
  allOf,
  anyOf,
  EntraConfigurationError,
  type Guard,
  requireAgent,
  requireClient,
  requireClientAuth,
  requireHuman,
  requireMember,
  requirePolicy,
  requireRole,
  requireScope,
  requireTenant,
  requireUser
} from '../../../src/plugin/index.js'
import { startApi } from '../../support/api.js'
import { callerId, clientId, tenantId } from '../../support/tenant.js'

const other = '22222222-3333-4444-8555-666666666666'

const [home, abroad] = [tenantId, other].map((tid) => `https://sts.windows.net/${tid}/`)
const scope = requireScope('access_as_user')
const noScope = requireScope('Orders.Write')
const yes = requirePolicy('yes', () => true)
const no = requirePolicy('no', () => false)
const down = requirePolicy('down', () => {
  throw new Error('no answer')
})

/** Each on tokens as Entra issues them. */
const rows: { rule: string; guard: Guard; claims?: object; token?: 'app' | 'v1'; is: 200 | 403 | 503 | 'unknown' }[] = [
  { rule: 'a user of the directory', guard: requireMember(), claims: { acct: 0 }, is: 200 },
  { rule: 'a user of the directory, v1', guard: requireMember(), claims: { acct: 0 }, token: 'v1', is: 200 },
  { rule: 'who says so by idp', guard: requireMember(), claims: { idp: home }, is: 200 },
  { rule: 'an external member', guard: requireMember(), claims: { acct: 0, idp: abroad }, is: 200 },
  { rule: 'a guest', guard: requireMember(), claims: { acct: 1 }, is: 403 },
  { rule: 'a guest, whatever idp says', guard: requireMember(), claims: { acct: 1, idp: home }, is: 403 },
  { rule: 'a guest by idp', guard: requireMember(), claims: { idp: abroad }, is: 403 },
  { rule: 'xms_idrel takes away', guard: requireMember(), claims: { acct: 0, xms_idrel: '5' }, is: 403 },
  { rule: 'nothing is shown', guard: requireMember(), is: 'unknown' },
  { rule: 'an idp that cannot be read', guard: requireMember(), claims: { idp: [] }, is: 'unknown' },
  { rule: 'an acct that cannot be read', guard: requireMember(), claims: { acct: 2, idp: home }, is: 'unknown' },
  { rule: 'xms_idrel alone', guard: requireMember(), claims: { xms_idrel: '1' }, is: 'unknown' },
  { rule: 'facets of ordinary users', guard: requireMember(), claims: { acct: 0, xms_act_fct: '3 9' }, is: 200 },
  { rule: 'an agent for a user', guard: requireMember(), claims: { acct: 0, xms_act_fct: '11 3' }, is: 403 },
  { rule: 'a user account of an agent', guard: requireMember(), claims: { acct: 0, xms_sub_fct: '13' }, is: 403 },
  { rule: 'an agent by its parent', guard: requireMember(), claims: { acct: 0, xms_par_app_azp: other }, is: 403 },
  { rule: 'an agent of whom nothing is shown', guard: requireMember(), claims: { xms_sub_fct: '13' }, is: 403 },
  { rule: 'an agent for a user is a user', guard: requireUser(), claims: { xms_act_fct: '11' }, is: 200 },
  { rule: 'an app is no user', guard: requireMember(), token: 'app', is: 403 },
  { rule: 'the client of a user', guard: requireClient(callerId), is: 200 },
  { rule: 'a client by itself', guard: requireClient(callerId), token: 'app', is: 200 },
  { rule: 'a client, v1', guard: requireClient(callerId), token: 'v1', is: 200 },
  { rule: 'a GUID has no case', guard: requireClient(callerId.toUpperCase()), is: 200 },
  { rule: 'another client', guard: requireClient(other), is: 403 },
  { rule: 'appid in a v2 token', guard: requireClient(other), claims: { appid: other }, is: 403 },
  { rule: 'the parent of an agent', guard: requireClient(other), claims: { xms_par_app_azp: other }, is: 403 },
  { rule: 'the tenant', guard: requireTenant(tenantId), is: 200 },
  { rule: 'the tenant of an app', guard: requireTenant(tenantId.toUpperCase()), token: 'app', is: 200 },
  { rule: 'another tenant', guard: requireTenant(other), is: 403 },
  { rule: 'a secret', guard: requireClientAuth('secret'), token: 'app', is: 200 },
  { rule: 'a secret, v1', guard: requireClientAuth('secret'), token: 'v1', is: 200 },
  { rule: 'a certificate', guard: requireClientAuth('certificate'), claims: { azpacr: '2' }, token: 'app', is: 200 },
  {
    rule: 'an assertion of a federated credential counts as a certificate',
    guard: requireClientAuth('certificate'),
    claims: { azpacr: '2', xms_act_fct: '11', xms_sub_fct: '11' },
    token: 'app',
    is: 200
  },
  { rule: 'a secret is no certificate', guard: requireClientAuth('certificate'), token: 'app', is: 403 },
  { rule: 'a certificate is no secret', guard: requireClientAuth('secret'), claims: { azpacr: '2' }, is: 403 },
  { rule: 'a public client', guard: requireClientAuth('none'), claims: { azpacr: '0' }, is: 200 },
  { rule: 'nothing said', guard: requireClientAuth('none'), claims: { azpacr: undefined }, is: 403 },
  { rule: 'an odd type', guard: requireClientAuth('certificate'), claims: { azpacr: 2 }, is: 403 },
  {
    rule: 'the claim of the other version',
    guard: requireClientAuth('certificate'),
    claims: { appidacr: '2' },
    is: 403
  },
  { rule: 'both', guard: allOf(requireMember(), requireClient(callerId)), claims: { acct: 0 }, is: 200 },
  { rule: 'not both', guard: allOf(requireMember(), requireClient(other)), claims: { acct: 0 }, is: 403 },
  { rule: 'unshown, and a denial', guard: allOf(requireMember(), requireClient(other)), is: 403 },
  { rule: 'unshown, and a pass', guard: allOf(requireMember(), scope), is: 'unknown' },
  { rule: 'unshown, and a policy that was not asked', guard: allOf(requireMember(), down), is: 'unknown' },
  { rule: 'unshown, or a pass', guard: anyOf(requireMember(), scope), is: 200 },
  { rule: 'unshown, or a policy that passes', guard: anyOf(requireMember(), yes), is: 200 },
  { rule: 'unshown, or a denial', guard: anyOf(requireMember(), noScope), is: 'unknown' },
  { rule: 'unshown, or a policy that denies', guard: anyOf(requireMember(), no), is: 'unknown' },
  { rule: 'a guest, or a denial', guard: anyOf(requireMember(), noScope), claims: { acct: 1 }, is: 403 },
  { rule: 'unshown and a denial, or a denial', guard: anyOf(allOf(requireMember(), noScope), no), is: 403 },
  { rule: 'unshown and a pass, or a denial', guard: anyOf(allOf(requireMember(), scope), no), is: 'unknown' },
  { rule: 'unshown, or a policy that fails', guard: anyOf(requireMember(), down), is: 503 }
]

t.test('each guard, with tokens of a tenant', async (t) => {
  const { tenant, get } = await startApi(t, {
    routes: Object.fromEntries(rows.map(({ guard }, n) => [`/${n}`, { preHandler: guard }]))
  })
  for (const [n, { rule, guard, claims, token = 'user', is }] of rows.entries()) {
    const mint = { user: tenant.userToken, app: tenant.appToken, v1: tenant.v1Token }[token]
    const { status, body } = await get(`/${n}`, await mint({ ...claims }))
    t.equal(status, is === 'unknown' ? 403 : is, `${describe(guard.rule)}: ${rule}`)
    const detail = describe(guard.rule, (scope) => `api://${clientId}/${scope}`)
    if (is === 403) t.match(JSON.parse(body), { code: 'insufficient_permissions', detail }, rule)
    if (is !== 'unknown') continue
    t.match(JSON.parse(body), { code: 'membership_unknown', detail }, rule)
    t.match(JSON.parse(body), { detail: /\boptional claim acct\b/ }, rule)
  }
})

t.test('how guards are described', (t) => {
  t.equal(describe(requireMember().rule), 'a user who is a member of the directory (no guest, no AI agent)')
  t.equal(describe(requireAgent().rule), 'an AI agent')
  t.equal(describe(requireHuman().rule), 'a user who is a person (no AI agent)')
  t.equal(describe(requireClient(other).rule), `the client application ${other}`)
  t.equal(describe(requireTenant(other).rule), `the tenant ${other}`)
  t.equal(describe(requireClientAuth('none').rule), 'a public client')
  t.equal(describe(requireClientAuth('certificate').rule), 'a client that authenticated by certificate')
  t.end()
})

t.test('for OpenAPI: members are users, and other guards leave the kind of caller open', (t) => {
  const ways = (guard: Guard) => alternatives(guard.rule).map(({ user, app }) => ({ user, app }))
  for (const guard of [requireMember(), requireHuman()]) t.same(ways(guard), [{ user: true, app: false }])
  for (const guard of [requireAgent(), requireClient('c'), requireTenant('t'), requireClientAuth('secret')])
    t.same(ways(guard), [{ user: true, app: true }])
  t.same(ways(allOf(requireClient('c'), requireScope('s'))), [{ user: true, app: false }])
  t.end()
})

t.test('a value that cannot be valid throws where the guard is made', (t) => {
  const makers: Record<string, (...values: never[]) => Guard> = { requireClient, requireTenant, requireClientAuth }
  for (const [name, make] of Object.entries(makers)) {
    for (const values of [[], [''], ['a b'], [undefined], [null], [7], ['secret', 'none'], [['secret']], ['Secret "']])
      t.throws(
        () => make(...(values as never[])),
        { constructor: EntraConfigurationError, message: name },
        `${name} ${values}`
      )
  }
  t.throws(() => requireClientAuth('password' as never), {
    message: 'requireClientAuth got "password"; give one of none, secret, certificate'
  })
  t.end()
})

t.test(
  'of several guards on a route, a refusal names all that claims lack, and a policy only where they lack nothing',
  async (t) => {
    const [lacking, held] = [requireScope('Orders.Write'), requireScope('access_as_user')]
    const no = requirePolicy('no', () => false)
    const routes = {
      '/both': { preHandler: [lacking, requireRole('Owner')] },
      '/policy': { preHandler: [held, no] },
      '/scope': { preHandler: [lacking, no] }
    }
    const { tenant, get } = await startApi(t, { routes })
    const detailOf = async (path: string) =>
      (JSON.parse((await get(path, await tenant.userToken())).body) as { detail: string }).detail
    t.match(await detailOf('/both'), /the scope api:\/\/.*\/Orders.Write.*the role Owner/)
    t.match(await detailOf('/policy'), /the policy no/, 'claims lack nothing')
    t.match(
      await detailOf('/scope'),
      /missing: the scope api:\/\/.*\/Orders.Write\.$/,
      'a policy that was not evaluated is not missing'
    )
  }
)
