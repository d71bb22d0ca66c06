import t, { type Test } from 'tap'
import { authAgeSeconds, hasAuthContext, stepUpRefusal } from '../../../src/plugin/authorization/step-up.js'
import type { Principal } from '../../../src/plugin/claims/principal.js'
import { startEngine } from '../../../src/plugin/engine.js'
import {
  allOf,
  anyOf,
  EntraConfigurationError,
  type EntraOptions,
  type Guard,
  requireApp,
  requireAuthAge,
  requireAuthContext,
  requirePolicy,
  requireScope
} from '../../../src/plugin/index.js'
import { completedFor } from '../../../src/plugin/issuers/claims-challenge.js'
import { challengeContextOf, toSettings } from '../../../src/plugin/options.js'
import { challengeOf } from '../../../src/plugin/refusals/challenge.js'
import type { Refusal } from '../../../src/plugin/refusals/refusal.js'
import { type ApiSetup, startApi } from '../../support/api.js'
import { parseChallenge } from '../../support/http.js'
import { recordingLogger } from '../../support/log.js'
import { clientId, seconds, type TestTenant, tenantId } from '../../support/tenant.js'

const cp1 = { xms_cc: ['cp1'] }
/** The same tenant, as if it was any OpenID provider. */
const anyProvider = ({ origin }: TestTenant) => ({ issuer: `${origin}/${tenantId}/v2.0`, audience: clientId })

async function start(t: Test, guard: Guard | Guard[], options: ApiSetup['options'] = {}) {
  const { tenant, get } = await startApi(t, { options, routes: { '/': { preHandler: guard } } })
  const ask = async (token: string) => {
    const { status, headers, body } = await get('/', token)
    const header = headers.get('www-authenticate')
    const { parameters } = header === null ? { parameters: {} as Record<string, string> } : parseChallenge(header)
    return { status, parameters, ...(status === 200 ? {} : (JSON.parse(body) as { code: string; detail: string })) }
  }
  return { tenant, ask }
}

t.test('Microsoft "Claims challenges": the challenge tells a client with cp1 which context to request', async (t) => {
  const { tenant, ask } = await start(t, requireAuthContext('c1'))
  t.match(await ask(await tenant.userToken({ acrs: ['c1'] })), { status: 200 })
  t.match(await ask(await tenant.userToken({ acrs: 'c1' })), { status: 200 }, 'one, as a text')
  for (const xms_cc of [['cp1'], ['CP1'], 'cp1', ['other', 'Cp1']]) {
    const { status, code, parameters } = await ask(await tenant.userToken({ acrs: ['c2'], xms_cc }))
    t.same([status, code, parameters.error], [401, 'insufficient_claims', 'insufficient_claims'], String(xms_cc))
    const claims = JSON.parse(Buffer.from(parameters.claims ?? '', 'base64').toString()) as object
    t.same(claims, { access_token: { acrs: { essential: true, value: 'c1' } } })
  }
})

t.test(
  'Microsoft "Claims challenges", header format: authorization_uri is required, and realm is the tenant',
  async (t) => {
    const { tenant, ask } = await start(t, requireAuthContext('c1'))
    const { parameters } = await ask(await tenant.userToken(cp1))
    t.match(parameters, { realm: tenantId, authorization_uri: `${tenant.origin}/${tenantId}/oauth2/v2.0/authorize` })
    t.match(await ask(await tenant.appToken(cp1)), { status: 403, parameters: { realm: `api://${clientId}` } })
    const uriIn = async (options: object, iss: string) => {
      const settings = toSettings({ tenantId, clientId, ...options } as EntraOptions)
      const log = recordingLogger()
      const engine = await startEngine(settings, { log, logFor: () => log, isSilent: () => true })
      t.teardown(() => engine.close())
      const principal = { kind: 'user', provider: 'entra', issuer: iss, tenantId, claims: cp1 } as unknown as Principal
      const why = stepUpRefusal({ authContexts: ['c1'] }, principal, 'more is required') as Refusal
      return parseChallenge(
        challengeOf(completedFor(why, principal, engine.verifier.issuers), challengeContextOf(settings))
      ).parameters
    }
    const clouds: [options: object, iss: string, uri: string | undefined][] = [
      [{}, `https://login.microsoftonline.com/${tenantId}/v2.0`, 'https://login.microsoftonline.com'],
      [{}, `https://sts.windows.net/${tenantId}/`, 'https://login.microsoftonline.com'],
      [
        { tenantId: 'organizations', allowedTenants: [tenantId] },
        `https://login.microsoftonline.com/${tenantId}/v2.0`,
        'https://login.microsoftonline.com'
      ],
      [
        { cloud: 'usgovernment' },
        `https://login.microsoftonline.us/${tenantId}/v2.0`,
        'https://login.microsoftonline.us'
      ],
      [{ cloud: 'china' }, `https://sts.chinacloudapi.cn/${tenantId}/`, 'https://login.partner.microsoftonline.cn']
    ]
    const unknown = await uriIn({}, 'https://elsewhere.example')
    t.match(unknown, { realm: `api://${clientId}`, claims: /./ }, 'a principal of no issuer of this API')
    t.notOk('authorization_uri' in unknown)
    for (const [options, iss, host] of clouds)
      t.match(
        await uriIn(options, iss),
        { realm: tenantId, authorization_uri: `${host}/${tenantId}/oauth2/authorize`, claims: /./ },
        iss
      )
  }
)

t.test(
  'Microsoft writes authentication contexts C1 and c1: one case, and the challenge always has the same',
  async (t) => {
    for (const name of ['c1', 'C1']) {
      const { tenant, ask } = await start(t, requireAuthContext(name))
      for (const acrs of [['c1'], ['C1'], ['c2', 'C1'], 'C1'])
        t.match(await ask(await tenant.userToken({ acrs })), { status: 200 }, `${name}: ${acrs}`)
      for (const acrs of [['c11'], ['c'], [' c1'], ['ｃ1']])
        t.match(await ask(await tenant.userToken({ acrs })), { status: 403 }, `${name}: ${acrs}`)
      const { parameters } = await ask(await tenant.userToken({ ...cp1, acrs: [] }))
      t.same(JSON.parse(Buffer.from(parameters.claims ?? '', 'base64').toString()), {
        access_token: { acrs: { essential: true, value: 'c1' } }
      })
    }
    const of = (claims: object, provider: string) => ({ claims, provider }) as unknown as Principal
    t.notOk(hasAuthContext(of({ acrs: ['k'] }, 'entra'), '\u212a'), 'KELVIN SIGN is no K')
    t.notOk(hasAuthContext(of({ acr: 'PHR' }, 'oidc'), 'phr'), 'acr of another provider is case-sensitive')
  }
)

t.test('a client without cp1 is refused: it would request the same token again and again', async (t) => {
  const { tenant, ask } = await start(t, requireAuthContext('c1'))
  for (const xms_cc of [undefined, [], ['cp2'], 'cp10', { cp1: true }, null, 7, [['cp1']]]) {
    const { status, code, parameters } = await ask(await tenant.userToken({ xms_cc }))
    t.same([status, code, parameters.claims], [403, 'insufficient_permissions', undefined], JSON.stringify(xms_cc))
  }
  t.match(await ask(await tenant.appToken({ ...cp1, acrs: ['c1'] })), { status: 403 }, 'an app does not sign in')
})

t.test('RFC 9470 §3: auth_time is too old, or absent', async (t) => {
  const { tenant, ask } = await start(t, requireAuthAge({ maxAgeSeconds: 600 }))
  t.match(await ask(await tenant.userToken({ auth_time: seconds() - 590 })), { status: 200 })
  for (const auth_time of [
    seconds() - 610,
    0,
    Date.now(),
    seconds() + 3600,
    1e308,
    undefined,
    null,
    String(seconds()),
    [seconds()]
  ]) {
    const { status, code, parameters } = await ask(await tenant.userToken({ auth_time }))
    const error = 'insufficient_user_authentication'
    t.same([status, code, parameters.error, parameters.max_age], [401, error, error, '600'], JSON.stringify(auth_time))
  }
  t.match(await ask(await tenant.appToken({ auth_time: seconds() })), { status: 403 })
})

t.test('what another sign-in cannot change is reported first', async (t) => {
  const { tenant, ask } = await start(t, [requireAuthContext('c1'), requireScope('Orders.Write')])
  const both = await ask(await tenant.userToken({ ...cp1, scp: 'Orders.Read' }))
  t.match(both, { status: 403, code: 'insufficient_permissions', parameters: { scope: 'Orders.Write' } })
  t.match(both.detail, /missing: |does not satisfy/)
  t.match(both.detail, /the scope api:\/\/.*\/Orders.Write/)
  t.match(both.detail, /the authentication context c1/, 'all of what is missing, once')
  t.match(await ask(await tenant.userToken({ ...cp1, scp: 'Orders.Write' })), {
    status: 401,
    code: 'insufficient_claims'
  })
  t.match(await ask(await tenant.userToken({ acrs: ['c1'], scp: 'Orders.Read' })), { status: 403 })
  t.match(await ask(await tenant.userToken({ acrs: ['c1'], scp: 'Orders.Write' })), { status: 200 })
})

t.test('of two ages the stricter one; and a policy that denies causes no step-up challenge', async (t) => {
  const ages = [requireAuthAge({ maxAgeSeconds: 60 }), requireAuthAge({ maxAgeSeconds: 3600 })] as const
  for (const guard of [allOf(...ages), allOf(...[...ages].reverse())]) {
    const { tenant, ask } = await start(t, guard)
    t.match(await ask(await tenant.userToken()), { status: 401, parameters: { max_age: '60' } })
  }
  const { tenant, ask } = await start(t, [requirePolicy('no', () => false), requireAuthContext('c1')])
  t.match(await ask(await tenant.userToken(cp1)), {
    status: 403,
    code: 'insufficient_permissions',
    detail: /the policy no/
  })
})

t.test('an authentication context and an age, in allOf and in anyOf', async (t) => {
  const all = await start(t, allOf(requireAuthContext('c1'), requireAuthAge({ maxAgeSeconds: 60 })))
  t.match(await all.ask(await all.tenant.userToken(cp1)), { status: 401, code: 'insufficient_claims' })
  const late = await all.tenant.userToken({ ...cp1, acrs: ['c1'] })
  t.match(await all.ask(late), { status: 401, code: 'insufficient_user_authentication' })
  const any = await start(t, anyOf(requireApp(), requireAuthContext('c1')))
  t.match(await any.ask(await any.tenant.userToken(cp1)), { status: 401, code: 'insufficient_claims' })
  t.match(await any.ask(await any.tenant.appToken()), { status: 200 })
})

t.test('another provider: acr, and acr_values of RFC 9470', async (t) => {
  const guard = allOf(requireAuthContext('phr'), requireAuthAge({ maxAgeSeconds: 60 }))
  const { tenant, ask } = await start(t, guard, anyProvider)
  const good = { acr: 'phr', auth_time: seconds() }
  t.equal((await ask(await tenant.userToken(good))).status, 200)
  const { status, parameters } = await ask(await tenant.userToken({ ...good, acr: 'pwd', acrs: ['phr'], auth_time: 1 }))
  t.equal(status, 401)
  t.match(parameters, { error: 'insufficient_user_authentication', acr_values: 'phr', max_age: '60' })
})

t.test('anyOf contexts: RFC 9470 lists all of them, and a claims challenge of Entra has one', async (t) => {
  const contexts = anyOf(requireAuthContext('c1'), requireAuthContext('c2'))
  const mixed = anyOf(requireAuthAge({ maxAgeSeconds: 60 }), requireAuthContext('c1'))
  const entraApi = await start(t, contexts)
  const { parameters } = await entraApi.ask(await entraApi.tenant.userToken(cp1))
  t.same(JSON.parse(Buffer.from(parameters.claims ?? '', 'base64').toString()), {
    access_token: { acrs: { essential: true, value: 'c1' } }
  })
  t.match(await entraApi.ask(await entraApi.tenant.userToken({ ...cp1, acrs: ['c2'] })), { status: 200 })

  const challenge = async (guard: Guard) => {
    const { tenant, ask } = await start(t, guard, anyProvider)
    return (await ask(await tenant.userToken())).parameters
  }
  t.match(await challenge(contexts), { error: 'insufficient_user_authentication', acr_values: 'c1 c2' })
  const { max_age, acr_values } = await challenge(mixed)
  t.same([max_age, acr_values], ['60', undefined], 'both together would mean both: the first')
})

t.test('allOf two contexts: each challenge requests one, until the token has both', async (t) => {
  const { tenant, ask } = await start(t, allOf(requireAuthContext('c1'), requireAuthContext('c2')))
  const asked = async (acrs: string[]) => {
    const { status, parameters } = await ask(await tenant.userToken({ ...cp1, acrs }))
    const claims = JSON.parse(Buffer.from(parameters.claims ?? '', 'base64').toString() || '{}') as {
      access_token?: { acrs: { value: string } }
    }
    return [status, claims.access_token?.acrs.value]
  }
  t.same(await asked([]), [401, 'c2'])
  t.same(await asked(['c2']), [401, 'c1'])
  t.same(await asked(['c1', 'c2']), [200, undefined])
})

t.test('claims of unexpected types count as absent', async (t) => {
  const of = (claims: object, provider = 'entra') =>
    ({ claims, tenantId, provider, issuer: 'i' }) as unknown as Principal
  for (const odd of [null, 7, {}, [7], [['c1']], true]) {
    for (const provider of ['entra', 'oidc'])
      for (const id of ['c1', 'null', '7', 'true', ''])
        t.notOk(hasAuthContext(of({ acrs: odd, acr: odd }, provider), id), `${provider}: ${JSON.stringify(odd)}`)
  }
  for (const odd of [null, 'x', {}, [], true, undefined])
    t.equal(authAgeSeconds(of({ auth_time: odd })), Number.POSITIVE_INFINITY)
})

t.test('a value that cannot be valid throws where the guard is made', async (t) => {
  for (const maxAgeSeconds of [0, -1, 1.5, '60', null, undefined, Number.NaN, 31_536_001])
    t.throws(() => requireAuthAge({ maxAgeSeconds } as never), EntraConfigurationError, String(maxAgeSeconds))
  for (const name of ['', 'c 1', undefined, 7])
    t.throws(() => requireAuthContext(name as never), EntraConfigurationError)
})
