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
  /** OpenTelemetry: "Metrics SDK", overflow attribute. */
  readonly #others: Count = { attributes: { 'otel.metric.overflow': true }, value: 0 }

  /**
   * Counts one.
   *
   * @param key identifies the attributes
   * @param attributes called at the first of its kind
   */
  add(key: string, attributes: () => Attributes): void {
    const known = this.#counts.get(key)
    if (known) known.value += 1
    else if (this.#counts.size < maxSeries) this.#counts.set(key, { attributes: attributes(), value: 1 })
    else this.#others.value += 1
  }

  /** All counts above zero. */
  get counts(): readonly Readonly<Count>[] {
    return [...this.#counts.values(), this.#others].filter(({ value }) => value > 0)
  }
}
