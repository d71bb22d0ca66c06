/** fastify-entra as it is built, measured by Prometheus, or with `--opentelemetry` by the SDK of OpenTelemetry, whose exporter is never asked. */
import * as api from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader
} from '@opentelemetry/sdk-metrics'
import * as prometheus from 'prom-client'
import entra from '../../dist/plugin/index.js'
import { startOpenTelemetry, startPrometheus } from '../../dist/plugin/telemetry/index.js'
import { serveFastify } from './on-fastify.js'

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const readers = [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })]

await serveFastify(async (app, { tenantId, clientId, origin, options }) => {
  await app.register(entra, { tenantId, clientId, authority: origin, ...options })
  if (!process.argv.includes('--opentelemetry')) return void startPrometheus(prometheus, app.entra)
  api.metrics.setGlobalMeterProvider(new MeterProvider({ readers }))
  startOpenTelemetry(api, app.entra)
})
