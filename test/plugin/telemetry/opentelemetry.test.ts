/** Metrics and spans with the real SDK of OpenTelemetry, of real requests. */
import * as api from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import t from 'tap'
import { requireGroup, requireRole, requireScope } from '../../../src/plugin/index.js'
import { startOpenTelemetry } from '../../../src/plugin/telemetry/index.js'
import { metrics } from '../../../src/plugin/telemetry/metrics.js'
import { createVerifier } from '../../../src/plugin/verifier-index.js'
import { until } from '../../faults/waits.js'
import { optionsFor, startApi } from '../../support/api.js'
import { startTestTenant } from '../../support/tenant.js'
import { callEachWay, group, overage, startWorld } from './world.js'

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
const provider = new MeterProvider({ readers: [reader] })
const spans = new InMemorySpanExporter()
const tracing = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
api.metrics.setGlobalMeterProvider(provider)
api.trace.setGlobalTracerProvider(tracing)
api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
t.teardown(() => provider.shutdown())

const admin = requireRole('Admin')

/** What is exported now: by metric, each point's attributes and value. */
async function collected() {
  exporter.reset()
  await reader.forceFlush()
  const found = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((each) => each.metrics))
  return new Map(
    found.map(({ descriptor, dataPoints }) => [
      descriptor.name,
      { unit: descriptor.unit, points: dataPoints.map(({ attributes, value }) => ({ ...attributes, value })) }
    ])
  )
}

/** Measured in other tests: nothing is fetched here, no lookup fails, and the API has no certificate. */
const unseen = ['fastify_entra.fetch.duration', 'fastify_entra.circuits.open', 'fastify_entra.certificate.remaining']

t.test('every metric, with its unit, of real requests', async (t) => {
  const world = await startWorld(t)
  const { stop } = startOpenTelemetry(api, world.api.app.entra)
  await callEachWay(world)
  const found = await collected()
  for (const [name, { unit }] of Object.entries(metrics))
    if (!unseen.includes(name)) t.equal(found.get(name)?.unit, unit, name)
  const points = (name: string) => found.get(name)?.points ?? []
  t.ok(
    points('fastify_entra.verifications').some(
      (point) => Object(point)['fastify_entra.token.known'] === true && point.value === 4
    )
  )
  t.match(
    points('fastify_entra.decisions').find((point) => Object(point)['http.route'] === '/admin'),
    { 'fastify_entra.outcome': 'denied', 'error.type': 'insufficient_permissions', value: 1 }
  )
  stop()
  const before = points('fastify_entra.decisions')
  await callEachWay(world)
  t.same((await collected()).get('fastify_entra.decisions')?.points, before, 'nothing is counted any more')
})

t.test('a verifier: requests for keys have spans and durations, and an outage its kind', async (t) => {
  spans.reset()
  const tenant = await startTestTenant(t)
  const options = optionsFor(tenant)
  const verifier = createVerifier({ ...options, groups: async () => [group] })
  t.teardown(() => verifier.close())
  const { stop } = startOpenTelemetry(api, verifier)
  t.teardown(stop)
  t.equal(verifier.cachedTokens, 0, 'before it is ready')
  await verifier.ready()
  const token = await tenant.userToken(overage)
  const user = await verifier.verify({ scheme: 'Bearer', token })
  await verifier.authorize(user, requireGroup(group))
  const down = createVerifier({ ...options, authority: 'http://127.0.0.1:9' })
  await down.ready()
  await down.close()
  const names = spans.getFinishedSpans().map(({ name }) => name)
  t.equal(names.filter((name) => name === 'fastify_entra.lookup groups').length, 1)
  const fetches = spans.getFinishedSpans().filter(({ kind }) => kind === api.SpanKind.CLIENT)
  t.ok(fetches.length >= 5)
  t.match(fetches[0], { name: 'GET', attributes: { 'server.address': new URL(tenant.origin).host } })
  const failed = fetches.find(({ status }) => status.code === api.SpanStatusCode.ERROR)
  t.match(failed, { attributes: { 'server.address': '127.0.0.1:9', 'error.type': 'connection' } })
  const durations = (await collected()).get('fastify_entra.fetch.duration')?.points ?? []
  t.ok(durations.some((point) => Object(point)['error.type'] === 'connection'))
  t.notMatch(
    JSON.stringify(spans.getFinishedSpans().map(({ name, attributes, events }) => ({ name, attributes, events }))),
    token.slice(-20)
  )
})

t.test('a decision is said on the span of its request, and a cached token makes no span', async (t) => {
  const tracer = api.trace.getTracer('test')
  const running = await startApi(t, {
    before: (app) =>
      app.addHook('onRequest', (request, reply, done) => {
        const span = tracer.startSpan(request.url)
        reply.raw.on('finish', () => span.end())
        api.context.with(api.trace.setSpan(api.context.active(), span), done)
      }),
    routes(app) {
      const cancel = app.entra.declareOperation('orders.cancel', admin)
      app.get('/any', async () => 'ok')
      app.get('/read', { preHandler: requireScope('Orders.Read') }, async () => 'ok')
      app.get('/admin', { preHandler: admin }, async () => 'ok')
      app.get('/cancel', (request) => cancel(request))
    }
  })
  const { stop } = startOpenTelemetry(api, running.app.entra)
  t.teardown(stop)
  const token = await running.tenant.userToken({ scp: 'Orders.Read' })
  spans.reset()
  for (const path of ['/any', '/any', '/any', '/read', '/admin', '/cancel']) await running.get(path, token)
  await until('all spans', () => spans.getFinishedSpans().length >= 6)
  const shown = spans.getFinishedSpans().map(({ name, attributes }) => [name, { ...attributes }])
  t.same(shown, [
    ...['/any', '/any', '/any'].map((name) => [name, {}]),
    ['/read', { 'fastify_entra.outcome': 'allowed', 'fastify_entra.rule': 'the scope Orders.Read' }],
    ['/admin', { 'fastify_entra.outcome': 'denied', 'fastify_entra.code': 'insufficient_permissions' }],
    [
      '/cancel',
      {
        'fastify_entra.outcome': 'denied',
        'fastify_entra.operation': 'orders.cancel',
        'fastify_entra.code': 'insufficient_permissions'
      }
    ]
  ])
  const principal = await running.app.verifyToken(token)
  const remove = running.app.entra.authorize(principal, admin)
  await t.rejects(remove, { code: 'insufficient_permissions' }, 'also without a span')
})
