import type { FastifyInstance } from 'fastify'
import { requireApp } from '../../plugin/index.js'
import { startPrometheus } from '../../plugin/telemetry/index.js'

/** Who may read the metrics: the values of `METRICS`, beside `off`. */
export type MetricsAccess = 'token' | 'public'

/** `GET /metrics` for Prometheus, which signs in with client credentials. The package is loaded here, so that a server without metrics does not load it. */
export async function metricsRoutes(app: FastifyInstance, { access }: { access: MetricsAccess }): Promise<void> {
  const client = await import('prom-client')
  const registry = new client.Registry()
  client.collectDefaultMetrics({ register: registry })
  const { stop } = startPrometheus(client, app.entra, registry)
  app.addHook('onClose', async () => stop())
  const who = access === 'public' ? { config: { auth: 'none' as const } } : { preHandler: requireApp() }
  app.get('/metrics', { ...who, logLevel: 'warn', schema: { hide: true } }, async (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .type(registry.contentType)
      .send(await registry.metrics())
  )
}
