/** How far the clock of this machine is from those of the tenants, by the `Date` of their responses (RFC 9110 §6.6.1). */

/** Smaller differences are not reported: `Date` has whole seconds, and a response takes some time. */
const leastSeconds = 30

/** The clocks of origins, as last observed. */
export class ClockSkew {
  readonly #seconds = new Map<string, number>()

  /** @param date the `Date` header of a response from this origin; ignored if it cannot be parsed */
  note(origin: string, date: unknown): void {
    const seconds = typeof date === 'string' ? Math.round((Date.parse(date) - Date.now()) / 1000) : Number.NaN
    if (!Number.isNaN(seconds)) this.#seconds.set(origin, seconds)
  }

  /** A sentence if the clocks differ by half a minute or more. */
  inWords(origin: string): string | undefined {
    const seconds = this.#seconds.get(origin) ?? 0
    if (Math.abs(seconds) < leastSeconds) return undefined
    return `the clock of this API is ${Math.abs(seconds)} s ${seconds > 0 ? 'behind' : 'ahead of'} that of ${origin}`
  }
}
