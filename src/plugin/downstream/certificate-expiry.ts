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

/** When the certificates of this API expire, in ms since 1970: of several, the last to expire counts. `undefined` without any. */
export function certificateEnd(proofs: Proofs | undefined): number | undefined {
  const ends = (proofs ?? []).flatMap((proof) =>
    hasOwn(proof, 'clientCertificate') ? [proof.clientCertificate.notAfter] : []
  )
  return ends.length > 0 ? Math.max(...ends) : undefined
}

/** Writes at most one line a day. */
export class ExpiryWarning {
  readonly #clock: Clock
  readonly #log: Logger
  #nextAt = Number.NEGATIVE_INFINITY

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Logger }) {
    this.#clock = clock
    this.#log = log
  }

  /** Checks the certificates. */
  check(proofs: Proofs | undefined): void {
    const now = this.#clock.now()
    if (now < this.#nextAt) return
    const end = certificateEnd(proofs)
    if (end === undefined) return
    const days = Math.floor((end - Date.now()) / dayMs)
    if (days >= warningDays) return
    this.#nextAt = now + dayMs
    const about = { expires: new Date(end).toISOString(), days }
    if (days < 0) this.#log.error(about, 'the certificate of this API has expired')
    else if (days < errorDays) this.#log.error(about, 'the certificate of this API expires within a week')
    else this.#log.warn(about, 'the certificate of this API expires within 30 days')
  }
}
