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

/** OpenTelemetry Metrics SDK, "Overflow attribute". */
const overflow = Object.freeze({ 'otel.metric.overflow': true })

/** The counts of one metric. */
export class Tally {
  readonly #counts = new Map<string, Count>()

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
    else if (key !== '') this.add('', () => overflow)
    else this.#counts.set(key, { attributes: attributes(), value: 1 })
  }

  /** All counts. */
  get counts(): Iterable<Count> {
    return this.#counts.values()
  }
}
