/** The check of the clock: against the `Date` of the responses of each issuer. */
import { ClockSkew } from '../../keys/clock-skew.js'
import type { Seen } from '../../lib/json-client.js'
import type { Settings } from '../../options.js'
import { type Diagnosis, ok, skipped, wrong } from './diagnosis.js'

/** Notes the dates of responses. */
export class ClockCheck {
  readonly #skew = new ClockSkew()
  readonly #dated = new Set<string>()

  readonly seen: Seen = (origin, { date }) => {
    this.#skew.note(origin, date)
    if (!Number.isNaN(Date.parse(String(date)))) this.#dated.add(origin)
  }

  diagnoses({ issuers }: Pick<Settings, 'issuers'>): readonly Diagnosis[] {
    return [...new Set(issuers.map(({ url }) => new URL(url).origin))].map((origin) => {
      if (!this.#dated.has(origin)) return skipped('clock', `no response of ${origin} had a Date`)
      const words = this.#skew.inWords(origin)
      if (words === undefined) return ok('clock', `within 30 s of that of ${origin}`)
      return wrong('clock', words, 'synchronize the clock of this machine (NTP): tokens are valid for a time')
    })
  }
}
