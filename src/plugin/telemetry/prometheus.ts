/** Metrics for Prometheus, with the application's own copy of `prom-client`. */
import { type MetricName, metrics, secondsBuckets } from './metrics.js'
import { type Meters, record, type Telemetry, type TelemetrySource } from './recorder.js'
import type { Attributes } from './tally.js'

type Labels = Record<string, string | number>

interface Settings<Collected> {
  readonly name: string
  readonly help: string
  readonly labelNames: string[]
  readonly registers: Registry[]
  readonly collect?: (this: Collected) => void
}

/** The part of a `Registry` that is used. */
interface Registry {
  removeSingleMetric(name: string): void
}

/** A counter or a gauge. */
interface Counted {
  reset(): void
  inc(labels: Labels, value: number): void
}

/** The part of `prom-client` that is used: `import * as client from 'prom-client'`. */
export interface PrometheusClient<Registered extends Registry> {
  readonly register: Registered
  readonly Counter: new (settings: Settings<Counted> & { registers: Registered[] }) => Counted
  readonly Gauge: new (settings: Settings<Counted> & { registers: Registered[] }) => Counted
  readonly Histogram: new (
    settings: Settings<unknown> & { registers: Registered[]; buckets: number[] }
  ) => { observe(labels: Labels, value: number): void }
}

/**
 * Records metrics of all instances in this process with `prom-client`, until it is stopped. Call it once, after the plugin has been
 * registered.
 *
 * @param client `import * as client from 'prom-client'`, version 15 or later
 * @param source `app.entra`, or a verifier: its cache and keys are the gauges
 * @param registry where they are registered. Default: the client's own
 * @returns what stops it
 * @throws Error of `prom-client` when the registry has these metrics already
 * @see https://prometheus.io/docs/practices/naming/
 */
export function startPrometheus<Registered extends Registry>(
  client: PrometheusClient<Registered>,
  source: TelemetrySource,
  registry: Registered = client.register
): Telemetry {
  return record(createMeters(client, registry), source)
}

const units: Readonly<Record<string, string>> = { s: '_seconds' }

/** `fastify_entra.keys.age` in seconds is `fastify_entra_keys_age_seconds`; a counter ends in `_total`. */
export function prometheusName(name: MetricName): string {
  const { kind, unit } = metrics[name]
  return `${name.replaceAll('.', '_')}${units[unit] ?? ''}${kind === 'counter' ? '_total' : ''}`
}

const labelOf = (attribute: string) => attribute.replaceAll('.', '_')

/** Every label has a value, as Prometheus takes a missing one for an empty one. */
function labelsOf(attributes: Attributes): Labels {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [labelOf(name), String(value)]))
}

function createMeters<Registered extends Registry>(client: PrometheusClient<Registered>, registry: Registered): Meters {
  const names: string[] = []
  const settingsOf = (metric: MetricName) => {
    const { description: help, attributes } = metrics[metric]
    const name = prometheusName(metric)
    names.push(name)
    return { name, help, labelNames: [...attributes, 'otel.metric.overflow'].map(labelOf), registers: [registry] }
  }
  return {
    observe(metric, read) {
      const Kind = metrics[metric].kind === 'counter' ? client.Counter : client.Gauge
      new Kind({
        ...settingsOf(metric),
        collect() {
          this.reset()
          for (const { attributes, value } of read()) this.inc(labelsOf(attributes), value)
        }
      })
    },
    measure(metric) {
      const histogram = new client.Histogram({ ...settingsOf(metric), buckets: [...secondsBuckets] })
      return (value, attributes) => histogram.observe(labelsOf(attributes), value)
    },
    stop() {
      for (const name of names) registry.removeSingleMetric(name)
    }
  }
}
