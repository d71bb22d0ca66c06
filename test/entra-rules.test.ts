/** The rules of Entra's tokens, as `docs/entra.md` numbers them: one block each, on tokens as a tenant issues them. */
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { EntraConfigurationError, type EntraOptions, requireMember } from '../src/plugin/index.js'
import { toSettings } from '../src/plugin/options.js'
import { startApi } from './support/api.js'
import {
  callerId,
  clientId,
  json,
  seconds,
  signingKey,
  startTestTenant,
  type TestTenant,
  tenantId
} from './support/tenant.js'

const other = '99999999-2222-4333-8444-555555555555'
const personal = '9188040d-6c67-4c5b-b112-36a304b66dad'

interface Answer {
  readonly status: number
  readonly code?: string
  readonly detail?: string
  readonly [member: string]: unknown
}

async function start(t: Test, options: object = {}, prepare: (tenant: TestTenant) => void = () => {}) {
  const tenant = await startTestTenant(t)
  prepare(tenant)
  const routes = (app: FastifyInstance) => {
    app.get('/me', async ({ principal }) => principal)
    app.get('/member', { preHandler: requireMember() }, async () => ({}))
  }
  const { app, get } = await startApi(t, { tenant, options: { keysCooldownSeconds: 1, ...options }, routes })
  const ask = async (token: string, path = '/me'): Promise<Answer> => {
    const { status, body } = await get(path, token)
    return { ...(JSON.parse(body) as object), status }
  }
  return { tenant, app, ask }
}

const appToken = { sub: callerId, scp: undefined, roles: ['Orders.Read.All'] }

t.test('rule 1: v1 and v2 have different issuers, and the manifest of the API decides which a token has', async (t) => {
  const { tenant, app, ask } = await start(t)
  const [v2, v1] = [`${tenant.origin}/${tenantId}/v2.0`, `${tenant.origin}/${tenantId}/`]
  t.same(
    app.entra.issuers.map(({ issuer }) => issuer),
    [v2, v1]
  )
  t.match(await ask(await tenant.userToken()), { status: 200, issuer: v2 })
  t.match(await ask(await tenant.v1Token()), { status: 200, issuer: v1 }, 'the slash included')
  t.match(await ask(await tenant.v1Token({ iss: v1.slice(0, -1) })), { status: 401, code: 'wrong_issuer' })
  t.match(await ask(await tenant.userToken({ iss: `${v2}/` })), { status: 401, code: 'wrong_issuer' })
  t.match(await ask(await tenant.v1Token({ ver: '2.0' })), { status: 401, code: 'wrong_version' })
  t.match(await ask(await tenant.userToken({ ver: '1.0', appid: callerId })), { status: 401, code: 'wrong_version' })
})

t.test('rule 2: many tenants have a template for an issuer, and only those of a list may call', async (t) => {
  t.throws(() => toSettings({ tenantId: 'common', clientId }), EntraConfigurationError, 'without a list')
  const many = (tenant: TestTenant) => {
    const template = `${tenant.origin}/{tenantid}/v2.0`
    const path = '/common/v2.0/.well-known/openid-configuration'
    tenant.answers.set(
      path,
      json(() => ({ issuer: template, jwks_uri: `${tenant.origin}/common/keys` }))
    )
    tenant.answers.set(
      '/common/keys',
      json(() => ({ keys: tenant.keys.map((jwk) => ({ ...jwk, issuer: template })) }))
    )
  }
  const { tenant, ask } = await start(t, { tenantId: 'common', allowedTenants: [tenantId, other] }, many)
  const of = (tid: string) => tenant.userToken({ iss: `${tenant.origin}/${tid}/v2.0`, tid })
  t.match(await ask(await of(other)), { status: 200, tenantId: other })
  t.match(await ask(await of(personal)), { status: 401, code: 'wrong_tenant' }, 'personal accounts')
  t.match(await ask(await of('contoso')), { status: 401, code: 'wrong_issuer' }, 'no GUID')
  t.match(await ask(await tenant.userToken({ tid: other })), { status: 401, code: 'wrong_tenant' }, 'tid is not in iss')
})

t.test('rule 3: a key may say which issuer it signs for', async (t) => {
  const publish = (issuer: string | undefined) => (tenant: TestTenant) => {
    const keys = () => [{ ...tenant.key.jwk, issuer: issuer?.replace('ORIGIN', tenant.origin) }]
    for (const path of [tenant.paths.keys, tenant.paths.v1Keys])
      tenant.answers.set(
        path,
        json(() => ({ keys: keys() }))
      )
  }
  const rows: [issuer: string | undefined, v2: number, v1: number][] = [
    [undefined, 200, 200],
    [`ORIGIN/${tenantId}/v2.0`, 200, 200], // the same tenant: a v1 token passes under v2's
    ['ORIGIN/{tenantid}/v2.0', 200, 200],
    [`ORIGIN/${other}/v2.0`, 401, 401],
    [`ORIGIN/${tenantId}/`, 401, 200]
  ]
  for (const [issuer, v2, v1] of rows) {
    const { tenant, ask } = await start(t, {}, publish(issuer))
    t.equal((await ask(await tenant.userToken())).status, v2, `v2 under ${issuer}`)
    t.equal((await ask(await tenant.v1Token())).status, v1, `v1 under ${issuer}`)
  }
})

t.test('rule 4: aud is the client ID in v2, that or an App ID URI in v1; tokens for Graph are named', async (t) => {
  const { tenant, ask } = await start(t, { audience: [clientId, 'api://orders'] })
  for (const aud of [clientId, 'api://orders']) t.equal((await ask(await tenant.userToken({ aud }))).status, 200, aud)
  for (const aud of [clientId, 'api://orders', 'api://orders/'])
    t.equal((await ask(await tenant.v1Token({ aud }))).status, 200, `v1, ${aud}`)
  t.match(await ask(await tenant.userToken({ aud: 'api://orders/' })), { status: 401, code: 'wrong_audience' })
  t.match(await ask(await tenant.v1Token({ aud: 'api://other' })), {
    status: 401,
    detail: /requestedAccessTokenVersion/
  })
  const forged = await signingKey('key-1')
  for (const aud of ['00000003-0000-0000-c000-000000000000', 'https://graph.microsoft.com']) {
    t.match(await ask(await tenant.userToken({ aud })), { status: 401, detail: /for Microsoft Graph; ask for a scope/ })
    const unproven = await tenant.userToken({ aud }, { nonce: 'as Graph has it' }, forged)
    t.match(
      await ask(unproven),
      { status: 401, detail: /for Microsoft Graph; ask for a scope/ },
      'that nobody can verify'
    )
  }
})

t.test(
  'rule 5: keys have no alg and sign with RS256; an unknown one asks for one refresh; what left is refused',
  async (t) => {
    const { tenant, app, ask } = await start(t)
    const fetches = () => tenant.requests.filter((path) => path === tenant.paths.keys).length
    const next = await signingKey('key-2')
    const early = await tenant.userToken({}, {}, next)
    const flood = await Promise.all(
      Array.from({ length: 20 }, (_, each) => tenant.userToken({}, { kid: `unknown-${each}` }))
    )
    const [before, from] = [fetches(), performance.now()]
    t.match(await ask(early), { status: 401, code: 'unknown_key' })
    for (const token of flood) await ask(token)
    const cooldowns = (performance.now() - from) / 1000
    t.ok(fetches() - before <= 2 + cooldowns, 'a flood of unknown ones')
    tenant.keys = [{ kty: 'RSA', kid: 'broken', n: '!', e: 'AQAB' }, next.jwk]
    const old = await tenant.userToken()
    const refreshed = async () => (await ask(early)).status === 200
    for (const end = Date.now() + 20_000; !(await refreshed()) && Date.now() < end; )
      await new Promise((go) => setTimeout(go, 100))
    t.equal((await ask(early)).status, 200, 'one bad entry drops no other')
    t.match(await ask(old), { status: 401, code: 'unknown_key' }, 'a key that left')
    t.equal(app.entra.issuers[0]?.keys, 1)
    const urls = toSettings({ tenantId, clientId, customSigningKeys: true }).issuers.map(
      ({ url }) => new URL(url).search
    )
    t.same(urls, [`?appid=${clientId}`, `?appid=${clientId}`], 'custom signing keys')
  }
)

t.test(
  'rule 6: scp is a user’s; an app says so by idtyp, or has no scope and oid = sub; an ID token is neither',
  async (t) => {
    const { tenant, ask } = await start(t)
    t.match(await ask(await tenant.userToken({ scp: 'a b' })), { kind: 'user', scopes: ['a', 'b'] })
    t.match(await ask(await tenant.userToken({ ...appToken, idtyp: 'app', oid: other })), { kind: 'app', scopes: [] })
    for (const scp of [undefined, '', '/'])
      t.match(await ask(await tenant.userToken({ ...appToken, scp })), { kind: 'app' }, `scp ${scp}`)
    t.match(await ask(await tenant.userToken({ ...appToken, sub: 'pairwise' })), { kind: 'user' }, 'a user without scp')
    for (const shown of [{ oid: undefined }, { idtyp: 'device' }])
      t.match(await ask(await tenant.userToken({ ...appToken, ...shown })), {
        status: 403,
        code: 'caller_kind_unknown'
      })
    for (const claims of [{ azp: undefined }, { nonce: 'n' }, { at_hash: 'h' }, { c_hash: 'h' }])
      t.match(await ask(await tenant.userToken(claims)), { status: 401, code: 'not_an_access_token' })
  }
)

t.test('rule 7: a token with nothing granted opens no route, save for clients that are listed', async (t) => {
  const bare = { ...appToken, roles: undefined }
  const plain = await start(t)
  t.match(await plain.ask(await plain.tenant.userToken(bare)), { status: 403, code: 'no_permissions' })
  const listed = await start(t, { rolelessClients: [callerId] })
  t.equal((await listed.ask(await listed.tenant.userToken(bare))).status, 200)
  t.equal((await listed.ask(await listed.tenant.userToken({ ...bare, azp: other }))).status, 403)
  const narrowed = await start(t, { allowedClients: [callerId] })
  t.equal((await narrowed.ask(await narrowed.tenant.userToken())).status, 200)
  t.match(await narrowed.ask(await narrowed.tenant.userToken(bare)), { code: 'no_permissions' }, 'which grants nothing')
  t.match(await narrowed.ask(await narrowed.tenant.userToken({ azp: other })), {
    status: 403,
    code: 'client_not_allowed'
  })
})

t.test('rule 8: the client is in azp, or appid, with how it proved itself; data belongs to tid and oid', async (t) => {
  const { tenant, ask } = await start(t)
  const changing = { email: 'a@b.example', preferred_username: 'a@b.example', upn: 'a@b.example' }
  t.match(await ask(await tenant.userToken({ azp: other, azpacr: '2', ...changing })), {
    ...{ clientId: other, clientAuth: 'certificate', tenantId, id: callerId, email: 'a@b.example' }
  })
  t.match(await ask(await tenant.v1Token({ appid: other, appidacr: '0' })), { clientId: other, clientAuth: 'none' })
})

t.test('rule 9: guests; and what is optional may be missing, or odd, and makes no token fail', async (t) => {
  const { tenant, ask } = await start(t)
  const status = async (claims: object) => (await ask(await tenant.userToken({ ...claims }), '/member')).status
  t.equal(await status({ acct: 0 }), 200)
  t.equal(await status({ acct: 1 }), 403)
  t.equal(await status({ acct: 0, idp: `https://sts.windows.net/${other}/` }), 200, 'an external member')
  t.match(await ask(await tenant.userToken(), '/member'), { status: 403, code: 'membership_unknown', detail: /acct/ })
  t.equal(await status({ idp: `https://sts.windows.net/${other}/` }), 403)
  t.equal(await status({ idp: `https://sts.windows.net/${tenantId}/` }), 200)
  const names = [
    'acct',
    'name',
    'email',
    'groups',
    'roles',
    'azpacr',
    'xms_act_fct',
    'auth_time',
    'ipaddr',
    'uti',
    'wids'
  ]
  for (const odd of [null, 7, true, [], [[]], {}, '', [{}], -1.5, { toString: 'x' }]) {
    const claims = Object.fromEntries(names.map((name) => [name, odd]))
    const { status, roles, groups, name, email, clientAuth, agent } = await ask(await tenant.userToken(claims))
    t.same({ status, roles, groups }, { status: 200, roles: [], groups: [] }, JSON.stringify(odd))
    t.same([name, email, clientAuth, agent], [undefined, undefined, undefined, undefined], 'never untyped')
  }
})

t.test(
  'rule 10: groups that did not fit: none of them is guessed, and the address that is named is not asked',
  async (t) => {
    const { tenant, ask } = await start(t)
    const overage = {
      _claim_names: { groups: 'src1' },
      _claim_sources: { src1: { endpoint: `${tenant.origin}/users/${callerId}/getMemberObjects` } }
    }
    const { status, groups, claims } = await ask(await tenant.userToken(overage))
    t.same([status, groups], [200, []])
    t.match(claims, overage, 'the claims say that there are more')
    t.notOk(tenant.requests.some((path) => path.includes('getMemberObjects')))
  }
)

t.test('rule 11: tokens of continuous access evaluation live for a day and more: no greatest lifetime', async (t) => {
  const { tenant, ask } = await start(t)
  const claims = { iat: seconds() - 3600, nbf: seconds() - 3600, exp: seconds() + 28 * 3600, xms_cc: ['cp1'] }
  t.equal((await ask(await tenant.userToken(claims))).status, 200)
})

t.test('rule 12: each cloud and product has its own hosts', async (t) => {
  const of = (options: object) =>
    toSettings({ tenantId, clientId, ...options } as EntraOptions).issuers.map(({ issuer }) => issuer)
  const v1 = `https://sts.windows.net/${tenantId}/`
  t.same(of({}), [`https://login.microsoftonline.com/${tenantId}/v2.0`, v1])
  t.same(of({ cloud: 'usgovernment' }), [`https://login.microsoftonline.us/${tenantId}/v2.0`, v1])
  const china = [
    `https://login.partner.microsoftonline.cn/${tenantId}/v2.0`,
    `https://sts.chinacloudapi.cn/${tenantId}/`
  ]
  t.same(of({ cloud: 'china' }), china)
  for (const [cloud, country] of [
    ['france', 'fr'],
    ['germany', 'de'],
    ['singapore', 'sg']
  ])
    t.equal(of({ cloud })[0], `https://login.sovcloud-identity.${country}/${tenantId}/v2.0`)
  const external = of({ authority: 'https://contoso.ciamlogin.com' })[0] as RegExp
  t.match(`https://${tenantId}.ciamlogin.com/${tenantId}/v2.0`, external)
  const b2c = { authority: 'https://contoso.b2clogin.com', userFlow: 'B2C_1_signin' }
  t.match(`https://contoso.b2clogin.com/${tenantId}/v2.0/`, of(b2c)[0] as RegExp)
})
