/** What is told of an issuer's keys: to the operator's log, and as state changes to whoever wants them. Each once, not at every try. */

import { reasonOf } from '../lib/json-client.js'
import { escapeTexts } from '../lib/logged-text.js'
import type { Logger } from '../lib/logger.js'
import { adviceFor } from './advice.js'
import { MetadataMismatchError } from './discovery.js'
import type { KeySet } from './jwks.js'

/** A change in the state of an issuer's keys. */
export type KeyChange =
  | {
      /** Keys are held for the first time. */
      readonly event: 'tenant.ready'
      /** Their names (`kid`). */
      readonly keys: readonly string[]
    }
  | {
      /** The issuer publishes other keys than before. */
      readonly event: 'tenant.keys_changed'
      readonly added: readonly string[]
      readonly removed: readonly string[]
    }
  | {
      /** The keys could not be fetched: the last good ones serve (`stale`), or there are none, and tokens get 503 (`unreachable`). */
      readonly event: 'tenant.stale' | 'tenant.unreachable'
      readonly reason: string
    }
  | {
      /** The keys could be fetched again. */
      readonly event: 'tenant.recovered'
    }

/** What a store says of itself, for `/readyz`. */
export interface KeyStoreStatus {
  /** `cold`: no set yet, or the last good one is too old. `stale`: the last good one serves, a refresh failed. */
  readonly state: 'cold' | 'fresh' | 'stale'
  readonly keys: number
  /** Seconds since the set was fetched. */
  readonly ageSeconds?: number
  /** Why the last fetch failed. */
  readonly lastError?: string
}

/** Knows what was told last. */
export class KeyNews {
  readonly #log: Logger
  readonly #tell: (change: KeyChange) => void
  #reported = ''
  /** Names of the keys that were told of; none before the first. */
  #told: readonly string[] = []
  #isInTrouble = false

  constructor(log: Logger, tell: (change: KeyChange) => void) {
    this.#log = log
    this.#tell = tell
  }

  /** A set was fetched. It is empty where the issuer may be absent, and is. */
  fetched({ keys, dropped }: KeySet): void {
    const kids = [...keys.keys()]
    if (!this.#isNews(kids.join())) return
    this.#log.info(escapeTexts({ kids, dropped }), 'keys of the tenant fetched')
    const before = this.#told
    this.#told = kids
    const isFirst = before.length === 0 && kids.length > 0
    if (isFirst) this.#tell({ event: 'tenant.ready', keys: kids })
    else if (this.#isInTrouble) this.#tell({ event: 'tenant.recovered' })
    this.#isInTrouble = false
    const [added, removed] = [kids.filter((kid) => !before.includes(kid)), before.filter((kid) => !kids.includes(kid))]
    if (!isFirst && added.length + removed.length > 0) this.#tell({ event: 'tenant.keys_changed', added, removed })
  }

  /** A set could not be fetched. */
  failed(error: unknown, state: KeyStoreStatus['state']): void {
    const isMismatch = error instanceof MetadataMismatchError
    if (!this.#isNews(`${state} ${isMismatch}`)) return
    const reason = reasonOf(error)
    const fix = adviceFor(reason)
    const details = { reason, state, ...(fix && { fix }) }
    if (isMismatch) this.#log.error(details, 'the authority is not the one configured')
    else this.#log.warn(details, 'keys of the tenant could not be fetched')
    this.#isInTrouble = true
    this.#tell({ event: state === 'stale' ? 'tenant.stale' : 'tenant.unreachable', reason })
  }

  #isNews(state: string): boolean {
    const isNews = this.#reported !== state
    this.#reported = state
    return isNews
  }
}
