/** `organizations` and `common`: one set of keys, many directories, and a rule that says which of them may call. */
import t, { type Test } from 'tap'
import { EntraConfigurationError, type TenantPolicy } from '../../../src/plugin/index.js'
import { Issuer, type IssuerSettings } from '../../../src/plugin/issuers/issuer.js'
import { systemClock } from '../../../src/plugin/lib/clock.js'
import { createJsonClient } from '../../../src/plugin/lib/json-client.js'
import { toSettings } from '../../../src/plugin/options.js'
import { until } from '../../faults/waits.js'
import { buildApi, startApi } from '../../support/api.js'
import { processClock } from '../../support/clock.js'
import { recordingLogger } from '../../support/log.js'
import { clientId, json, signingKey, startTestTenant, type TestTenant, tenantId } from '../../support/tenant.js'

const timings = { refreshSeconds: 3600, cooldownSeconds: 30, maxStaleSeconds: 86_400 }

const fabrikam = '22222222-3333-4444-8555-666666666666'
const outsider = '33333333-4444-4555-8666-777777777777'
const personal = '9188040d-6c67-4c5b-b112-36a304b66dad'

/** The documents of many tenants, as Entra serves them: the issuer is a template, and so is that of each key. */
async function startEntra(t: Test, name = 'organizations') {
  const tenant = await startTestTenant(t)
  const template = (version: string) => `${tenant.origin}/{tenantid}/${version}`
  const serve = (path: string, version: string, keys: string) => {
    tenant.answers.set(
      `/${name}${path}`,
      json(() => ({ issuer: template(version), jwks_uri: tenant.origin + keys }))
    )
    // Entra's v1 keys name no issuer, and the v2 ones all the same template.
    const issuer = version && { issuer: template('v2.0') }
    tenant.answers.set(
      keys,
      json(() => ({ keys: tenant.keys.map((jwk) => ({ ...jwk, ...(issuer || {}) })) }))
    )
  }
  serve('/v2.0/.well-known/openid-configuration', 'v2.0', `/${name}/discovery/v2.0/keys`)
  serve('/.well-known/openid-configuration', '', `/${name}/discovery/keys`)
  return tenant
}

async function start(t: Test, tenant: TestTenant, options: object) {
  const api = await startApi(t, { tenant, options: { tenantId: 'organizations', ...options } })
  const ask = async (token: string) => {
    const { status, body } = await api.get('/me', token)
    const answer = JSON.parse(body) as { tenantId?: string; code?: string; detail?: string }
    return { status, ...answer }
  }
  /** The tenant of an accepted token, or status and code of the refusal. */
  const told = async (token: string) => {
    const { status, tenantId, code } = await ask(token)
    return status === 200 ? tenantId : `${status} ${code}`
  }
  return { ...api, ask, told }
}

const v2Of = ({ origin }: TestTenant, tid: string) => ({ iss: `${origin}/${tid}/v2.0`, tid })
const v1Of = ({ origin }: TestTenant, tid: string) => ({ iss: `${origin}/${tid}/`, tid })
const refused = '401 wrong_tenant'

for (const name of ['organizations', 'common']) {
  t.test(`${name}: the tenants of a list, in v1 and v2, and no other`, async (t) => {
    const tenant = await startEntra(t, name)
    const allowedTenants = [tenantId.toUpperCase(), fabrikam]
    const { ask, told } = await start(t, tenant, { tenantId: name, allowedTenants })
    for (const each of [tenantId, fabrikam]) {
      t.equal(await told(await tenant.userToken(v2Of(tenant, each))), each, 'v2')
      t.equal(await told(await tenant.v1Token(v1Of(tenant, each))), each, 'v1')
      t.equal(await told(await tenant.appToken(v2Of(tenant, each))), each, 'an app')
    }
    for (const each of [outsider, personal]) {
      t.equal(await told(await tenant.userToken(v2Of(tenant, each))), refused)
      t.equal(await told(await tenant.v1Token(v1Of(tenant, each))), refused)
    }
    const { detail } = await ask(await tenant.userToken(v2Of(tenant, outsider)))
    t.equal(detail, `This API does not accept tokens of the tenant ${outsider}.`)
  })
}

t.test('tid and iss must name the same tenant, and no other claim may', async (t) => {
  const tenant = await startEntra(t)
  const { told } = await start(t, tenant, { allowedTenants: [tenantId, fabrikam] })
  const good = v2Of(tenant, fabrikam)
  t.equal(await told(await tenant.userToken(good)), fabrikam)
  t.equal(await told(await tenant.userToken({ ...good, tid: tenantId })), refused, 'tid of another')
  t.equal(await told(await tenant.userToken({ ...v2Of(tenant, outsider), tid: fabrikam })), refused, 'iss of another')
  t.equal(await told(await tenant.userToken({ ...good, TID: outsider })), refused, 'both tid and TID')
  t.equal(await told(await tenant.userToken({ ...good, Tid: fabrikam })), refused, 'even where both are the same')
  t.equal(await told(await tenant.userToken({ ...good, tid: undefined, TID: fabrikam })), '401 missing_claim')
  t.equal(await told(await tenant.userToken({ ...good, iss: `${tenant.origin}/{tenantid}/v2.0` })), '401 wrong_issuer')
  t.equal(await told(await tenant.userToken(v2Of(tenant, '{tenantid}'))), '401 wrong_issuer', 'the template itself')
  t.equal(await told(await tenant.userToken(v2Of(tenant, 'fabrikam.example'))), '401 wrong_issuer', 'a domain')
  const upper = 'AAAAAAAA-bbbb-4ccc-8ddd-eeeeeeeeeeee'
  t.equal(await told(await tenant.userToken(v2Of(tenant, upper))), '401 wrong_issuer', 'another spelling of a GUID')
  t.equal(
    await told(await tenant.userToken({ ...good, iss: `https://evil.example/${fabrikam}/v2.0` })),
    '401 wrong_issuer'
  )
})

t.test('the issuer of a key: a template covers every tenant, a concrete issuer one tenant', async (t) => {
  const tenant = await startEntra(t)
  const keyOf = (issuer: string) =>
    tenant.answers.set(
      '/organizations/discovery/v2.0/keys',
      json(() => ({ keys: [{ ...tenant.key.jwk, issuer }] }))
    )
  keyOf(`${tenant.origin}/${fabrikam}/v2.0`)
  const { told } = await start(t, tenant, { allowedTenants: [tenantId, fabrikam] })
  t.equal(await told(await tenant.userToken(v2Of(tenant, fabrikam))), fabrikam)
  t.equal(await told(await tenant.userToken(v2Of(tenant, tenantId))), '401 wrong_key_issuer')
})

t.test('* allows every directory, with a warning at startup, and no personal accounts', async (t) => {
  const tenant = await startEntra(t, 'common')
  for (const allowedTenants of ['*', ['*']]) {
    const { told, logged } = await start(t, tenant, { tenantId: 'common', allowedTenants })
    t.equal(await told(await tenant.userToken(v2Of(tenant, outsider))), outsider)
    t.equal(await told(await tenant.userToken(v2Of(tenant, personal))), refused)
    const warnings = logged()
      .split('\n')
      .filter((line) => line.includes('"level":40'))
    t.match(warnings.join(), /every Entra tenant may call this API/)
  }
  const { told, logged } = await start(t, tenant, { tenantId: 'common', allowedTenants: ['*', personal] })
  t.equal(await told(await tenant.userToken(v2Of(tenant, personal))), personal, 'listed')
  t.match(logged(), /and personal accounts, may call this API/)
})

t.test('personal accounts are allowed where they are listed', async (t) => {
  const tenant = await startEntra(t, 'common')
  const { told } = await start(t, tenant, { tenantId: 'common', allowedTenants: [personal] })
  t.equal(await told(await tenant.userToken(v2Of(tenant, personal))), personal)
  t.equal(await told(await tenant.userToken(v2Of(tenant, fabrikam))), refused)
})

t.test('a function shared by tenant is called once for each tenant, and never for personal accounts', async (t) => {
  const tenant = await startEntra(t, 'common')
  const asked: string[] = []
  const decide = async (id: string) => {
    asked.push(id)
    return id === fabrikam
  }
  const allowedTenants = { sharedBy: 'tenant', decide } as const
  const { told, logged } = await start(t, tenant, { tenantId: 'common', allowedTenants })
  for (const sub of ['a', 'b', 'c']) {
    t.equal(await told(await tenant.userToken({ ...v2Of(tenant, fabrikam), sub })), fabrikam)
    t.equal(await told(await tenant.userToken({ ...v2Of(tenant, outsider), sub })), refused)
    t.equal(await told(await tenant.userToken({ ...v2Of(tenant, personal), sub })), refused)
  }
  t.same(asked, [fabrikam, outsider])
  t.notMatch(logged(), '"level":40')
  const older = await start(t, tenant, { tenantId: 'common', allowedTenants: decide })
  t.equal(await older.told(await tenant.userToken({ ...v2Of(tenant, fabrikam), sub: 'a' })), fabrikam)
  t.match(
    older.logged(),
    'allowedTenants is a function, and the number of its parameters decides how its answers are shared'
  )
})

t.test('a function that takes claims is called for each token', async (t) => {
  const tenant = await startEntra(t)
  const policy: TenantPolicy = (id, { sub }) => id === fabrikam && sub === 'good'
  const { told } = await start(t, tenant, { allowedTenants: policy })
  for (let time = 0; time < 3; time += 1) {
    t.equal(await told(await tenant.userToken({ ...v2Of(tenant, fabrikam), sub: 'good' })), fabrikam)
    t.equal(await told(await tenant.userToken({ ...v2Of(tenant, fabrikam), sub: 'bad' })), refused)
  }
})

t.test(
  'a function that fails is an outage: 503, neither allowed nor denied, and the next request calls it again',
  async (t) => {
    const tenant = await startEntra(t)
    const fails: Record<string, TenantPolicy> = {
      throws: () => {
        throw new Error('the database is away')
      },
      rejects: async () => {
        throw new Error('the database is away')
      },
      'never answers': () => new Promise(() => {}),
      'rejects with nothing': () => Promise.reject()
    }
    for (const [name, fail] of Object.entries(fails)) {
      let works = false
      const allowedTenants: TenantPolicy = (id, claims) => works || fail(id, claims)
      const { app, ask, told, get, logged } = await start(t, tenant, { allowedTenants, keysTimeoutSeconds: 0.5 })
      await until('the keys to be there', () => app.entra.ready)
      const token = await tenant.userToken(v2Of(tenant, fabrikam))
      const { status, code, detail } = await ask(token)
      t.same([status, code], [503, 'admission_unavailable'], name)
      t.notMatch(detail, 'database')
      const { headers } = await get('/me', token)
      t.equal(headers.get('retry-after'), '1')
      t.equal(headers.get('www-authenticate'), null)
      t.match(logged(), 'allowedTenants failed')
      works = true
      t.equal(await told(token), fabrikam, 'called again')
    }
  }
)

t.test('only true allows a tenant', async (t) => {
  const tenant = await startEntra(t)
  for (const answer of [1, 'true', {}, [], undefined, null, 0]) {
    const { told } = await start(t, tenant, { allowedTenants: () => answer })
    t.equal(await told(await tenant.userToken(v2Of(tenant, fabrikam))), refused, String(answer))
  }
})

t.test('a token is cached for no longer than the result of the function', async (t) => {
  const tenant = await startEntra(t)
  let allowed = true
  const { told } = await start(t, tenant, { allowedTenants: (_id: string) => allowed })
  const token = await tenant.userToken(v2Of(tenant, fabrikam))
  for (let time = 0; time < 3; time += 1) t.equal(await told(token), fabrikam)
  allowed = false
  t.equal(await told(token), fabrikam, 'a result is kept for a minute')
  const { advance } = processClock(t)
  advance(59_000)
  t.equal(await told(token), fabrikam, 'until then')
  advance(2000)
  t.equal(await told(token), refused)
  allowed = true
  t.equal(await told(token), refused, 'a denial is kept as long')
  advance(61_000)
  t.equal(await told(token), fabrikam)
})

t.test('organizations beside one tenant that has its own entry and rules', async (t) => {
  const tenant = await startEntra(t)
  const both = { clientId, authority: tenant.origin }
  const audience = 'api://orders'
  const tenants = [
    { ...both, tenantId },
    { ...both, tenantId: 'organizations', allowedTenants: [fabrikam], audience }
  ]
  const { get } = await startApi(t, { tenant, options: { tenants } })
  const status = async (token: string) => (await get('/me', token)).status
  t.equal(await status(await tenant.userToken()), 200)
  t.equal(await status(await tenant.userToken({ aud: audience })), 401, 'the exact issuer comes before the template')
  t.equal(await status(await tenant.userToken({ ...v2Of(tenant, fabrikam), aud: audience })), 200)
  t.equal(await status(await tenant.userToken({ ...v2Of(tenant, outsider), aud: audience })), 401)
})

t.test('the document of one tenant, served as that of many, is refused', async (t) => {
  const tenant = await startEntra(t)
  tenant.answers.set(
    '/organizations/v2.0/.well-known/openid-configuration',
    json(() => ({ issuer: `${tenant.origin}/${tenantId}/v2.0`, jwks_uri: `${tenant.origin}${tenant.paths.keys}` }))
  )
  const { app, told } = await start(t, tenant, { allowedTenants: [tenantId] })
  t.equal(app.entra.issuers[0]?.state, 'cold')
  t.equal(await told(await tenant.userToken()), '503 tenant_unavailable')
})

t.test('options that contradict each other, or would allow too many tenants', async (t) => {
  const cases: Record<string, [object, RegExp]> = {
    'many tenants without a list': [{}, /tenantId "organizations" would accept every tenant/],
    'common without a list': [{ tenantId: 'common' }, /tenantId "common" would accept every tenant/],
    'a list beside one tenant': [{ tenantId, allowedTenants: [tenantId] }, /requires tenantId "organizations"/],
    'a function beside one tenant': [{ tenantId, allowedTenants: () => true }, /requires tenantId "organizations"/],
    'an empty list': [{ allowedTenants: [] }, /allowedTenants \[\] is not allowed/],
    'an empty text': [{ allowedTenants: '' }, /allowedTenants/],
    'no GUID': [{ allowedTenants: ['contoso.example'] }, /allowedTenants "contoso.example" is not allowed/],
    'a star that is part of something': [{ allowedTenants: ['*.example'] }, /allowedTenants "\*.example"/],
    'a slip': [{ allowedTenants: { decide: () => true, shared: 'tenant' } }, /allowedTenants has no option "shared"/],
    'for nobody': [{ allowedTenants: { decide: () => true } }, /give decide, a function, and sharedBy/],
    'no function': [{ allowedTenants: { decide: true, sharedBy: 'tenant' } }, /give decide, a function/],
    null: [{ allowedTenants: null }, /allowedTenants null is not allowed/],
    true: [{ allowedTenants: true }, /allowedTenants true is not allowed/],
    'personal accounts among organizations': [{ allowedTenants: [personal] }, /use "common"/],
    consumers: [{ tenantId: 'consumers', allowedTenants: '*' }, /personal accounts; give "common"/],
    'the tenant of personal accounts': [{ tenantId: personal }, /personal accounts; give "common"/]
  }
  for (const [name, [options, message]] of Object.entries(cases)) {
    const given = { tenantId: 'organizations', clientId, ...options }
    await t.rejects(buildApi(t, { options: given }), { constructor: EntraConfigurationError, message }, name)
  }
})

t.test('a domain beside organizations, which includes it, throws at startup', async (t) => {
  const tenants = [
    { clientId, tenantId: 'Organizations', allowedTenants: '*' as const },
    { clientId, tenantId: 'contoso.example' }
  ]
  const message = /tenantId "contoso.example" beside "organizations"/
  await t.rejects(buildApi(t, { options: { tenants } }), { name: 'EntraConfigurationError', message })
})

t.test('two user flows of one directory have one issuer, and throw at startup', async (t) => {
  const b2c = { clientId, tenantId, authority: 'https://contoso.b2clogin.com' }
  const tenants = ['B2C_1_signin', 'B2C_1_reset'].map((userFlow) => ({ ...b2c, userFlow }))
  await t.rejects(buildApi(t, { options: { tenants } }), { message: /tenants has two user flows of/ })
})

t.test('no document of another authority can name an issuer that the template of many tenants covers', async (t) => {
  const tenant = await startEntra(t)
  const partner = await startTestTenant(t)
  const stolen = { issuer: `${tenant.origin}/${outsider}/`, jwks_uri: `${partner.origin}/keys` }
  partner.answers.set(
    '/partner.example/.well-known/openid-configuration',
    json(() => stolen)
  )
  partner.answers.set(
    '/keys',
    json(() => ({ keys: partner.keys }))
  )
  const { fetchJson, close } = createJsonClient(5)
  t.teardown(() => close())
  const options = { tenantId: 'organizations', clientId, authority: tenant.origin, allowedTenants: [fabrikam] }
  const dependencies = { fetchJson, clock: systemClock, log: recordingLogger(), names: new Map<string, Issuer>() }
  const many = toSettings(options).issuers.map((each) => new Issuer(each, timings, dependencies))
  const [, v1] = toSettings({ tenantId: 'partner.example', clientId, authority: partner.origin }).issuers
  const thief = new Issuer(v1 as IssuerSettings, timings, dependencies)
  t.teardown(() => [...many, thief].map(({ keys }) => keys.close()))
  await Promise.all(many.map(({ keys }) => keys.start()))
  await thief.keys.start()
  t.equal(thief.name, undefined)
  t.match(thief.status, { state: 'cold', lastError: /is already the issuer of another tenant of this API/ })
})

t.test('v1 keys name no issuer; the v2 key set names it for them', async (t) => {
  const tenant = await startEntra(t)
  const consumers = await signingKey('consumers')
  const publish = (path: string, issuer: object) =>
    tenant.answers.set(
      path,
      json(() => ({ keys: [tenant.key.jwk, { ...consumers.jwk, ...issuer }] }))
    )
  publish('/organizations/discovery/keys', {})
  publish('/organizations/discovery/v2.0/keys', { issuer: `${tenant.origin}/${personal}/v2.0` })
  const { told } = await start(t, tenant, { allowedTenants: [fabrikam] })
  const v1 = { ver: '1.0', appid: clientId, azp: undefined, aud: `api://${clientId}`, ...v1Of(tenant, fabrikam) }
  t.equal(await told(await tenant.userToken(v1)), fabrikam, 'by a key of work accounts')
  t.equal(await told(await tenant.userToken(v1, {}, consumers)), '401 wrong_key_issuer', 'by one of personal accounts')
  t.equal(await told(await tenant.userToken(v2Of(tenant, fabrikam), {}, consumers)), '401 wrong_key_issuer', 'as in v2')
})

t.test(
  'the rules of organizations do not apply to a tenant with an own entry, even before its document is loaded',
  async (t) => {
    const tenant = await startEntra(t)
    // A tenant on an authority of its own, whose v1 issuer only its document can say, and which answers nothing at the moment.
    for (const path of [tenant.paths.v1Discovery])
      tenant.answers.set(path, (_request, response) => void response.writeHead(503).end())
    const both = { clientId, authority: tenant.origin }
    const tenants = [
      { ...both, tenantId, allowedClients: [fabrikam] },
      { ...both, tenantId: 'organizations', allowedTenants: '*' as const }
    ]
    const { get } = await startApi(t, { tenant, options: { tenants } })
    t.equal((await get('/me', await tenant.v1Token())).status, 503, 'the rules for many would let it in')
    t.equal((await get('/me', await tenant.v1Token(v1Of(tenant, fabrikam)))).status, 200, 'another tenant')
  }
)
