/** What metrics add to a request with a known token, inside of one process: over sockets, a fraction of a microsecond is lost in the noise. */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import * as api from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import Fastify from 'fastify'
import * as prometheus from 'prom-client'
import entra, { requireScope } from '../../dist/plugin/index.js'
import { startOpenTelemetry, startPrometheus } from '../../dist/plugin/telemetry/index.js'
import { createTestTenant } from '../../dist/plugin/testing/index.js'

/** @typedef {import('../types.js').MetricsJob} MetricsJob */

process.env.NODE_ENV = 'test' // a test tenant refuses production
const tenant = await createTestTenant()
const app = Fastify()
await app.register(entra, tenant.options)
app.get('/', { preHandler: requireScope('access_as_user') }, async () => ({ ok: true }))
await app.ready()
const { authorization } = tenant.user({ scopes: ['access_as_user'] })

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const readers = [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })]
api.metrics.setGlobalMeterProvider(new MeterProvider({ readers }))

/** @type {Record<MetricsJob['library'], () => { stop(): void }>} */
const starts = {
  'prom-client': () => startPrometheus(prometheus, app.entra),
  OpenTelemetry: () => startOpenTelemetry(api, app.entra)
}

/** @returns {Promise<number>} the status */
function answered() {
  const request = new IncomingMessage(new Socket())
  Object.assign(request, { method: 'GET', url: '/', rawHeaders: ['host', 'api', 'authorization', authorization] })
  Object.assign(request.headers, { host: 'api', authorization })
  const response = new ServerResponse(request)
  return new Promise((resolve) => {
    response.end = () => {
      resolve(response.statusCode)
      return response
    }
    app.routing(request, response)
  })
}

/**
 * @param {number} requests
 * @returns {Promise<number>} microseconds of CPU a request
 */
async function cost(requests) {
  const before = process.cpuUsage()
  for (let n = 0; n < requests; n += 1) {
    const status = await answered()
    if (status !== 200) throw new Error(`status ${status}`)
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / requests
}

/**
 * With and without, in turn, and what comes first in one turn comes last in the next.
 *
 * @param {MetricsJob} job
 * @returns {Promise<import('../types.js').MetricsResult>}
 */
async function measure({ library, requests, turns }) {
  const warm = Math.ceil(requests / 10)
  const settled = async () => {
    await cost(warm)
    return cost(requests)
  }
  const withMetrics = async () => {
    const telemetry = starts[library]()
    const micros = await settled()
    telemetry.stop()
    return micros
  }
  await withMetrics()
  /** @type {number[]} */
  const added = []
  for (let turn = 0; turn < turns; turn += 1) {
    const before = turn % 2 === 0 ? await settled() : undefined
    added.push((await withMetrics()) - (before ?? (await settled())))
  }
  return { added }
}

process.on('disconnect', () => process.exit())
process.on('message', async (job) => {
  process.send?.(await measure(/** @type {MetricsJob} */ (job)).catch(({ message }) => ({ failed: message })))
})
process.send?.('ready')
