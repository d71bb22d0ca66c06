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
   */
  add(key: string, attributes: () => Attributes): void {
    const isKept = this.#counts.has(key) || this.#counts.size < maxSeries
    if (isKept) addTo(this.#counts, key, attributes)
    else this.#addOther(attributes)
  }

  #addOther(attributes: () => Attributes): void {
    const all = attributes()
    const kept = ['fastify_entra.outcome', 'error.type'].flatMap((name) => {
      const value = all[name]
      return value === undefined ? [] : [[name, value] as const]
    })
    addTo(this.#others, JSON.stringify(kept), () => ({ ...Object.fromEntries(kept), 'otel.metric.overflow': true }))
  }

  /** All counts. */
  get counts(): readonly Readonly<Count>[] {
    return [...this.#counts.values(), ...this.#others.values()]
  }
}

function addTo(counts: Map<string, Count>, key: string, attributes: () => Attributes): void {
  const known = counts.get(key)
  if (known) known.value += 1
  else counts.set(key, { attributes: attributes(), value: 1 })
}
