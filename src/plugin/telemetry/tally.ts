/** Counts by attributes. Recording one costs a lookup, so that counting a cached token stays cheap. */

/** Attributes of a measurement. */
export type Attributes = Readonly<Record<string, string | boolean>>

/** A count, and what is counted. */
export interface Count {
  readonly attributes: Attributes
  value: number
}

/** More than the routes, guards and codes of most APIs make; beyond it all are counted together. */
const maxSeries = 2000

/** The counts of one metric. */
export class Tally {
  readonly #counts = new Map<string, Count>()
  /** By outcome and code alone, which alerts need (OpenTelemetry: "Metrics SDK", overflow attribute). */
  readonly #others = new Map<string, Count>()

  /**
   * Counts one.
   *
   * @param key identifies the attributes
   * @param attributes called at the first of its kind
   * @returns the count, to which the caller may add others of its kind
   */
  add(key: string, attributes: () => Attributes): Count {
    const isKept = this.#counts.has(key) || this.#counts.size < maxSeries
    return isKept ? addTo(this.#counts, key, attributes) : this.#addOther(attributes)
  }

  #addOther(attributes: () => Attributes): Count {
    const all = attributes()
    const kept = ['fastify_entra.outcome', 'error.type'].flatMap((name) => {
      const value = all[name]
      return value === undefined ? [] : [[name, value] as const]
    })
    return addTo(this.#others, JSON.stringify(kept), () => ({
      ...Object.fromEntries(kept),
      'otel.metric.overflow': true
    }))
  }

  /** All counts. */
  get counts(): readonly Readonly<Count>[] {
    return [...this.#counts.values(), ...this.#others.values()]
  }
}

function addTo(counts: Map<string, Count>, key: string, attributes: () => Attributes): Count {
  const known = counts.get(key)
  const count = known ?? { attributes: attributes(), value: 0 }
  count.value += 1
  if (!known) counts.set(key, count)
  return count
}
