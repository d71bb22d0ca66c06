/** Metrics for Prometheus: what a registry shows after real requests, and how many series callers can make. */
import * as client from 'prom-client'
import t from 'tap'
import { requirePolicy } from '../../../src/plugin/index.js'
import { OutageError } from '../../../src/plugin/lib/outages.js'
import { startPrometheus } from '../../../src/plugin/telemetry/index.js'
import { metrics } from '../../../src/plugin/telemetry/metrics.js'
import { prometheusName } from '../../../src/plugin/telemetry/prometheus.js'
import { createVerifier, type VerifierOptions } from '../../../src/plugin/verifier-index.js'
import { optionsFor, startApi } from '../../support/api.js'
import { clientCertificate } from '../../support/certificate.js'
import { processClock } from '../../support/clock.js'
import { clientId, startTestTenant } from '../../support/tenant.js'
import { callEachWay, startWorld } from './world.js'

t.afterEach(() => client.register.clear())

t.test('after one request of each kind', async (t) => {
  const world = await startWorld(t)
  const { stop } = startPrometheus(client, world.api.app.entra)
  await callEachWay(world)
  const text = await client.register.metrics()
  const has = (line: string) => t.ok(text.includes(`\n${line}\n`), line)
  const verified = (labels: string, count: number) => has(`fastify_entra_verifications_total{${labels}} ${count}`)
  const outcome = (name: string, known: boolean) =>
    `fastify_entra_outcome="${name}",fastify_entra_token_known="${known}"`
  verified(outcome('accepted', false), 3)
  verified(outcome('accepted', true), 4)
  verified(`${outcome('refused', false)},error_type="token_malformed"`, 1)
  verified(`${outcome('refused', false)},error_type="credentials_missing"`, 2)
  has(
    'fastify_entra_decisions_total{fastify_entra_outcome="allowed",http_request_method="GET",http_route="/read/:id",fastify_entra_rule="the scope Orders.Read"} 4'
  )
  has(
    'fastify_entra_decisions_total{fastify_entra_outcome="denied",http_request_method="GET",http_route="/admin",error_type="insufficient_permissions"} 1'
  )
  has('fastify_entra_decisions_total{fastify_entra_outcome="refused",error_type="credentials_missing"} 2')
  has(
    'fastify_entra_decisions_total{fastify_entra_outcome="allowed",fastify_entra_operation="orders.list",fastify_entra_rule="the scope Orders.Read"} 1'
  )
  has('fastify_entra_lookup_duration_seconds_count{fastify_entra_lookup_name="groups"} 1')
  has('fastify_entra_token_cache_tokens 1')
  const [issuer] = world.api.app.entra.issuers
  has(`fastify_entra_keys_count{fastify_entra_metadata_url="${issuer?.metadataUrl}"} ${issuer?.keys}`)
  t.match(text, /\nfastify_entra_keys_age_seconds\{[^}]+\} [\d.]+\n/)
  t.match(text, /verification_duration_seconds_count\{[^}]*known="true"\} 1\n/, 'one of the cached tokens was measured')
  stop()
  await callEachWay(world)
  t.equal(await client.register.metrics(), '\n', 'nothing is left in the registry')
})

t.test('a registry of its own, and a second start', async (t) => {
  const world = await startWorld(t)
  const registry = new client.Registry()
  startPrometheus(client, world.api.app.entra, registry)
  t.equal(client.register.getMetricsAsArray().length, 0)
  t.equal(registry.getMetricsAsArray().length, Object.keys(metrics).length)
  t.throws(() => startPrometheus(client, world.api.app.entra, registry), /already been registered/)
})

t.test('10,000 hostile requests make few series, and none with what callers sent', async (t) => {
  const world = await startWorld(t)
  const { app } = world.api
  const { stop } = startPrometheus(client, app.entra)
  const token = await world.tenant.userToken()
  const [header = '', payload = '', signature = ''] = token.split('.')
  const secrets = ['attacker-chosen']
  const sent = (n: number) => {
    const kid = Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'JWT', kid: `attacker-chosen-${n}` })).toString(
      'base64url'
    )
    const claims = Buffer.from(JSON.stringify({ iss: `https://attacker-chosen-${n}.example` })).toString('base64url')
    return [`${kid}.${payload}.${signature}`, `${header}.${claims}.${signature}`, `${header}.${payload}.${n}`, `x${n}`][
      n % 4
    ]
  }
  const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const
  for (let n = 0; n < 10_000; n += 1)
    await app.inject({
      method: methods[n % methods.length] ?? 'GET',
      url: `/attacker-chosen-${n}/${n % 7 === 0 ? '' : 'any'}?attacker-chosen=${n}`,
      headers: { authorization: `Bearer ${sent(n)}`, 'user-agent': `attacker-chosen-${n}` }
    })
  const text = await client.register.metrics()
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  t.ok(series.length < 200, `${series.length} series`)
  for (const secret of secrets) t.notMatch(text, secret)
  t.match(text, /fastify_entra_verifications_total/)
  stop()
})

t.test('gauges: an issuer that is down, and one that its authority does not have', async (t) => {
  const gaugesOf = async (options: VerifierOptions) => {
    const verifier = createVerifier(options)
    t.teardown(() => verifier.close())
    await verifier.ready()
    const registry = new client.Registry()
    const { stop } = startPrometheus(client, verifier, registry)
    t.teardown(stop)
    return (await registry.metrics()).split('\n').filter((line) => line.startsWith('fastify_entra_keys'))
  }
  const tenant = await startTestTenant(t)
  tenant.answers.set(tenant.paths.v1Discovery, (_request, response) => response.writeHead(404).end())
  const v2 = tenant.origin + tenant.paths.discovery
  t.same(await gaugesOf(optionsFor(tenant)), [
    `fastify_entra_keys_count{fastify_entra_metadata_url="${v2}"} 1`,
    ...[v2, `${tenant.origin}${tenant.paths.v1Discovery}`].map(
      (issuer) => `fastify_entra_keys_age_seconds{fastify_entra_metadata_url="${issuer}"} 0`
    )
  ])
  const down = await gaugesOf({ ...optionsFor(tenant), authority: 'http://127.0.0.1:9' })
  t.equal(down.length, 2, 'no age')
  for (const line of down) t.match(line, /^fastify_entra_keys_count\{.*127\.0\.0\.1:9.*\} 0$/)
})

t.test('gauges: circuits that opened and closed again, by the kind of the call', async (t) => {
  let fails = true
  const lookUp = async () => {
    if (fails) throw new OutageError('down')
    return true
  }
  const { app, get, tenant } = await startApi(t, {
    options: { isRevoked: async () => !(await lookUp()) },
    routes: { '/policy': { preHandler: requirePolicy('one-of-many', lookUp) }, '/any': {} }
  })
  const registry = new client.Registry()
  t.teardown(startPrometheus(client, app.entra, registry).stop)
  const open = async (name: string) => {
    const line = new RegExp(`^fastify_entra_circuits_open{fastify_entra_lookup_name="${name}"} (\\d)$`, 'm')
    return line.exec(await registry.metrics())?.[1]
  }
  const users = Array.from({ length: 5 }, (_, n) => `40000000-0000-4000-8000-00000000000${n}`)
  const tokens = await Promise.all(users.map((oid) => tenant.userToken({ oid })))
  t.equal(await open('isRevoked'), undefined)
  for (const token of tokens) t.equal((await get('/any', token)).status, 503)
  t.equal(await open('isRevoked'), '1', 'that of the directory; the common one needs several')
  const text = await registry.metrics()
  t.match(text, 'lookup_duration_seconds_count{fastify_entra_lookup_name="isRevoked",error_type="outage"} 5')
  fails = false
  const wall = processClock(t)
  wall.advance(7000)
  t.equal(await open('isRevoked'), '0', 'its time is over')
  t.equal((await get('/policy', tokens[0])).status, 200)
  t.equal(await open('isRevoked'), '0', 'it closed')
  t.notMatch(await registry.metrics(), /lookup_name="[^"]*one-of-many/, 'policies may be made while the program runs')
  t.match(await registry.metrics(), 'lookup_duration_seconds_count{fastify_entra_lookup_name="policy"} 1')
})

t.test('gauges: how long the certificates of this API are still valid', async (t) => {
  const downstream = async (days: number) => ({
    clientCertificate: (await clientCertificate('rsa', days * 86_400_000)).pem
  })
  const tenant = await startTestTenant(t)
  const entry = { ...optionsFor(tenant), downstream: await downstream(20) }
  const { app } = await startApi(t, { tenant, options: { downstream: entry.downstream } })
  const secret = await startApi(t, { tenant, options: { downstream: { clientSecret: 'a-secret-of-this-api' } } })
  t.same(secret.app.entra.certificates, [])
  const registry = new client.Registry()
  t.teardown(startPrometheus(client, app.entra, registry).stop)
  const line = /^fastify_entra_certificate_remaining_seconds{fastify_entra_client_id="([^"]+)"} ([\d.]+)$/m
  const [, id, seconds] = line.exec(await registry.metrics()) ?? []
  t.equal(id, clientId)
  t.equal(Math.ceil(Number(seconds) / 86_400), 20)
})

t.test('without a token cache none is cached', async (t) => {
  const { app, get, tenant } = await startApi(t, { options: { tokenCache: false } })
  const token = await tenant.userToken()
  for (const _time of [1, 2, 3]) t.equal((await get('/me', token)).status, 200)
  t.equal(app.entra.cachedTokens, 0)
})

t.test('names by the conventions of Prometheus', async (t) => {
  t.equal(prometheusName('fastify_entra.decisions'), 'fastify_entra_decisions_total')
  t.equal(prometheusName('fastify_entra.keys.age'), 'fastify_entra_keys_age_seconds')
  t.equal(prometheusName('fastify_entra.token_cache.tokens'), 'fastify_entra_token_cache_tokens')
})
