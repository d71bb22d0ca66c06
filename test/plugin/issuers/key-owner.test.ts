import t, { type Test } from 'tap'
import type { TokenRefusedError } from '../../../src/plugin/index.js'
import { outcomeOf, startApi } from '../../support/api.js'
import { processClock } from '../../support/clock.js'
import {
  callerId,
  clientId,
  json,
  type Overrides,
  seconds,
  sign,
  startTestTenant,
  type TestTenant,
  tenantId
} from '../../support/tenant.js'

const other = '99999999-2222-4333-8444-555555555555'

/** What v2's set says of the key: `undefined`: nothing, `absent`: it has another key instead. */
type Said = string | undefined | 'absent'

/** Both sets: that of v1 never names an issuer. */
function publish(tenant: TestTenant, said: Said): void {
  const v2 = () => (said === 'absent' ? [{ ...tenant.key.jwk, kid: 'another' }] : [{ ...tenant.key.jwk, issuer: said }])
  tenant.answers.set(
    tenant.paths.v1Keys,
    json(() => ({ keys: [tenant.key.jwk] }))
  )
  tenant.answers.set(
    tenant.paths.keys,
    json(() => ({ keys: v2() }))
  )
  const { discovery, keys, v1Discovery, v1Keys } = tenant.paths
  const root = `${tenant.origin}/${tenantId}`
  // Also where they are asked for with `?appid=`.
  tenant.answers.set(
    discovery,
    json(() => ({ issuer: `${root}/v2.0`, jwks_uri: tenant.origin + keys }))
  )
  tenant.answers.set(
    v1Discovery,
    json(() => ({ issuer: `${root}/`, jwks_uri: tenant.origin + v1Keys }))
  )
}

const answersWith =
  (status: number): Parameters<TestTenant['answers']['set']>[1] =>
  (_request, response) =>
    void response.writeHead(status).end()

async function start(t: Test, prepare: (tenant: TestTenant) => void, options: object = {}) {
  const tenant = await startTestTenant(t)
  prepare(tenant)
  const routes = { '/me': {}, '/optional': { config: { auth: 'optional' } } } as const
  const { app, get } = await startApi(t, { tenant, options: { keysCooldownSeconds: 1, ...options }, routes })
  const v1 = (claims: Overrides = {}, header: Overrides = {}, key = tenant.key) => {
    const times = { iat: seconds(), nbf: seconds(), exp: seconds() + 86_000 }
    const caller = { oid: callerId, sub: 'pairwise', tid: tenantId, appid: callerId, scp: 'access_as_user' }
    const iss = `${tenant.origin}/${tenantId}/`
    return sign({ ...times, ...caller, iss, aud: clientId, ver: '1.0', ...claims }, header, key)
  }
  /** What a request is told, and a message of a queue as well. */
  const ask = async (token: string, path = '/me') => {
    const answer = await get(path, token)
    const { status, headers } = answer
    const [, code = 'ok'] = outcomeOf(answer).split(' ')
    const message = await app.verifyToken(token).then(
      () => 'ok',
      (error: TokenRefusedError) => error.code
    )
    t.equal(message, code, 'app.verifyToken')
    if (status === 503) t.match(headers.get('retry-after'), /^[1-9]\d*$/, 'Retry-After')
    return `${status} ${code}`
  }
  const until = async (token: string, wanted: string) => {
    for (const end = Date.now() + 30_000; (await ask(token)) !== wanted && Date.now() < end; )
      await new Promise((go) => setTimeout(go, 200))
    t.equal(await ask(token), wanted)
  }
  return { tenant, v1, ask, until }
}

const unavailable = '503 tenant_unavailable'

for (const [way, options] of Object.entries({
  'one tenant': {},
  'custom signing keys': { customSigningKeys: true },
  'without the cache': { tokenCache: false }
})) {
  t.test(`while v2 has no keys a v1 token gets a 503, which is not cached: ${way}`, async (t) => {
    const cold = (tenant: TestTenant) => {
      publish(tenant, undefined)
      tenant.answers.set(tenant.paths.keys, answersWith(503))
    }
    const { tenant, v1, ask, until } = await start(t, cold, options)
    const token = await v1()
    for (let time = 0; time < 4; time += 1) t.equal(await ask(token), unavailable)
    t.equal(await ask(token, '/optional'), unavailable)
    publish(tenant, `${tenant.origin}/${other}/v2.0`)
    await until(token, '401 wrong_key_issuer')
  })
}

t.test('a v1 token passes once the key set of v2 names the tenant as the issuer of its key', async (t) => {
  const cold = (tenant: TestTenant) => {
    publish(tenant, undefined)
    tenant.answers.set(tenant.paths.discovery, answersWith(503))
  }
  const { tenant, v1, ask, until } = await start(t, cold)
  const token = await v1()
  t.equal(await ask(token), unavailable)
  publish(tenant, `${tenant.origin}/${tenantId}/v2.0`)
  await until(token, '200 ok')
})

t.test('a 404 for the v2 document is an outage as well: an authority always has one', async (t) => {
  const absent = (tenant: TestTenant) => {
    publish(tenant, undefined)
    tenant.answers.set(tenant.paths.discovery, answersWith(404))
  }
  const { v1, ask } = await start(t, absent)
  t.equal(await ask(await v1()), unavailable)
})

t.test('a token with another fault gets the refusal of that fault, not the 503', async (t) => {
  const cold = (tenant: TestTenant) => {
    publish(tenant, undefined)
    tenant.answers.set(tenant.paths.keys, answersWith(503))
  }
  const { tenant, v1, ask } = await start(t, cold)
  t.equal(await ask(await v1({ aud: 'api://other' })), '401 wrong_audience')
  t.equal(await ask(await v1({ exp: seconds() - 3600 })), '401 token_expired')
  t.equal(await ask(await v1({ idtyp: 'device' })), '403 caller_kind_unknown')
  const [header, , signature] = (await v1()).split('.')
  const [, changed] = (await v1({ aud: 'api://other' })).split('.')
  t.equal(await ask([header, changed, signature].join('.')), '401 invalid_signature')
  t.equal(await ask(await tenant.userToken()), unavailable, 'v2 has no keys of its own')
})

t.test('a key that the key set of v2 lacks, or lists without an issuer, is accepted for v1', async (t) => {
  for (const said of [undefined, 'absent'] as const) {
    const { v1, ask } = await start(t, (tenant) => publish(tenant, said))
    t.equal(await ask(await v1()), '200 ok', String(said))
  }
})

t.test('an issuer that the v1 key set names for its key decides, even while v2 is unavailable', async (t) => {
  const { v1, ask } = await start(t, (tenant) => {
    const issuer = `${tenant.origin}/${tenantId}/`
    tenant.answers.set(
      tenant.paths.v1Keys,
      json(() => ({ keys: [{ ...tenant.key.jwk, issuer }] }))
    )
    tenant.answers.set(tenant.paths.keys, answersWith(503))
  })
  t.equal(await ask(await v1()), '200 ok')
})

t.test(
  'a cached token is answered as any other: when the keys of v2 get too old, and when v2 names an issuer later',
  async (t) => {
    const { advance } = processClock(t)
    for (const said of [undefined, 'absent'] as const) {
      const { tenant, v1, ask } = await start(t, (tenant) => publish(tenant, said), { keysMaxStaleSeconds: 7200 })
      const token = await v1()
      /** An unknown key asks for a refresh of the one version that the token names. */
      const refresh = async (kid: string) => ask(await v1({}, { kid }))
      for (let time = 0; time < 4; time += 1) t.equal(await ask(token), '200 ok')
      tenant.answers.set(tenant.paths.keys, answersWith(503))
      advance(4_000_000)
      t.equal(await refresh('unknown-1'), '401 unknown_key')
      t.equal(await ask(token), '200 ok', 'v2’s last good set serves')
      advance(4_000_000)
      t.equal(await ask(token), unavailable, 'until it is too old')
      t.equal(await ask(await v1()), unavailable, 'as for one that was never seen')
    }
    const { tenant, v1, ask } = await start(t, (tenant) => publish(tenant, 'absent'))
    const token = await v1()
    for (let time = 0; time < 4; time += 1) t.equal(await ask(token), '200 ok')
    publish(tenant, `${tenant.origin}/${other}/v2.0`)
    advance(31_000)
    t.equal(await ask(await tenant.userToken({}, { kid: 'unknown' })), '401 unknown_key', 'v2 is refreshed')
    t.equal(await ask(token), '401 wrong_key_issuer')
  }
)
