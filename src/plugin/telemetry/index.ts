/** The exports of `fastify-entra/telemetry`: metrics and traces, with the application's own OpenTelemetry or Prometheus client. */

export { type OpenTelemetryApi, startOpenTelemetry } from './opentelemetry.js'
export { type PrometheusClient, startPrometheus } from './prometheus.js'
export type { Telemetry, TelemetrySource } from './recorder.js'
