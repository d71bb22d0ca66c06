import type { FastifyInstance } from 'fastify'
import { requireApp } from '../../plugin/index.js'
import { startPrometheus } from '../../plugin/telemetry/index.js'

/** Who may read the metrics: the values of `METRICS`, beside `off`. */
export type MetricsAccess = 'token' | 'public'

/** Collecting thousands of series takes a while, so requests of one second share it. */
const sharedMs = 1000

/** `GET /metrics` for Prometheus, which signs in with client credentials. The package is loaded here, so that a server without metrics does not load it. */
export async function metricsRoutes(app: FastifyInstance, { access }: { access: MetricsAccess }): Promise<void> {
  const client = await import('prom-client')
  const registry = new client.Registry()
  client.collectDefaultMetrics({ register: registry })
  const { stop } = startPrometheus(client, app.entra, registry)
  app.addHook('onClose', async () => stop())
  // Where a token is required, refusals are logged as on other routes.
  const open = { config: { auth: 'none' }, logLevel: 'warn' } as const
  const who = access === 'public' ? open : { preHandler: requireApp() }
  const collected = shared(() => registry.metrics())
  app.get('/metrics', { ...who, schema: { hide: true } }, async (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .type(registry.contentType)
      .send(await collected())
  )
}

function shared(collect: () => Promise<string>): () => Promise<string> {
  let last = { at: Number.NEGATIVE_INFINITY, text: Promise.resolve('') }
  return () => {
    const at = performance.now()
    if (at - last.at >= sharedMs) last = { at, text: collect() }
    return last.text
  }
}
