/** Warns before a certificate of this API expires. Secrets have no expiry that an API can see. */
import type { Clock } from '../lib/clock.js'
import type { Logger } from '../lib/logger.js'
import { hasOwn } from '../lib/own.js'
import type { Proofs } from './proof.js'

const dayMs = 86_400_000
/** Days. A new certificate takes some to be approved and registered. */
const warningDays = 30
/** Days. From now on it is urgent. */
const errorDays = 7

/** Writes at most one line a day. */
export class ExpiryWarning {
  readonly #clock: Clock
  readonly #log: Logger
  #nextAt = Number.NEGATIVE_INFINITY

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Logger }) {
    this.#clock = clock
    this.#log = log
  }

  /** Checks the certificates; of several, the last to expire counts. */
  check(proofs: Proofs | undefined): void {
    const now = this.#clock.now()
    if (now < this.#nextAt) return
    const ends = (proofs ?? []).flatMap((proof) =>
      hasOwn(proof, 'clientCertificate') ? [proof.clientCertificate.notAfter] : []
    )
    if (ends.length === 0) return
    const end = Math.max(...ends)
    const days = Math.floor((end - Date.now()) / dayMs)
    if (days >= warningDays) return
    this.#nextAt = now + dayMs
    const about = { expires: new Date(end).toISOString(), days }
    if (days < 0) this.#log.error(about, 'the certificate of this API has expired')
    else if (days < errorDays) this.#log.error(about, 'the certificate of this API expires within a week')
    else this.#log.warn(about, 'the certificate of this API expires within 30 days')
  }
}
