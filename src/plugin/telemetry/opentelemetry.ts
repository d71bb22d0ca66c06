/** Metrics and spans for OpenTelemetry, with the application's own copy of `@opentelemetry/api`. */
import { type MetricName, metrics, secondsBuckets } from './metrics.js'
import { type Meters, record, type Telemetry, type TelemetrySource } from './recorder.js'
import { startSpans, type TraceApi } from './spans.js'
import type { Attributes } from './tally.js'

interface Observed {
  observe(value: number, attributes?: Attributes): void
}
interface Observable {
  addCallback(callback: (result: Observed) => void): void
  removeCallback(callback: (result: Observed) => void): void
}
interface InstrumentOptions {
  readonly description?: string
  readonly unit?: string
  readonly advice?: { explicitBucketBoundaries?: number[] }
}

/** The part of `@opentelemetry/api` that is used: `import * as api from '@opentelemetry/api'`. */
export interface OpenTelemetryApi extends TraceApi {
  readonly metrics: {
    getMeter(name: string): {
      createObservableCounter(name: string, options?: InstrumentOptions): Observable
      createObservableGauge(name: string, options?: InstrumentOptions): Observable
      createHistogram(
        name: string,
        options?: InstrumentOptions
      ): { record(value: number, attributes?: Attributes): void }
    }
  }
}

/** The instrumentation scope of all metrics and spans. */
const scope = 'fastify-entra'

/**
 * Records metrics and spans of all instances in this process with OpenTelemetry, until it is stopped. Call it once, after the SDK has been
 * started and the plugin has been registered.
 *
 * @param api `import * as api from '@opentelemetry/api'`, version 1.3 or later
 * @param source `app.entra`, or a verifier: its cache and keys are the gauges
 * @returns what stops it
 * @see https://opentelemetry.io/docs/specs/semconv/general/metrics/
 */
export function startOpenTelemetry(api: OpenTelemetryApi, source: TelemetrySource): Telemetry {
  const telemetry = record(createMeters(api), source)
  const stopSpans = startSpans(api, scope)
  return {
    stop() {
      stopSpans()
      telemetry.stop()
    }
  }
}

function createMeters({ metrics: api }: OpenTelemetryApi): Meters {
  const meter = api.getMeter(scope)
  const removals: (() => void)[] = []
  return {
    observe(name, read) {
      const { kind, description, unit } = metrics[name]
      const create = kind === 'counter' ? 'createObservableCounter' : 'createObservableGauge'
      const instrument = meter[create](name, { description, unit })
      const callback = (result: Observed) => {
        for (const { attributes, value } of read()) result.observe(value, attributes)
      }
      instrument.addCallback(callback)
      removals.push(() => instrument.removeCallback(callback))
    },
    measure(name: MetricName) {
      const { description, unit } = metrics[name]
      const advice = { explicitBucketBoundaries: [...secondsBuckets] }
      const histogram = meter.createHistogram(name, { description, unit, advice })
      return (value, attributes) => histogram.record(value, attributes)
    },
    stop() {
      for (const remove of removals) remove()
    }
  }
}
