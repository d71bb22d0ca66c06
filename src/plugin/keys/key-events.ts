/** Events of an issuer's keys: log lines for the operator, and state changes for subscribers. Each once, not at every attempt. */

import { createHash, createPublicKey } from 'node:crypto'
import { reasonOf } from '../lib/json-client.js'
import { escapeTexts } from '../lib/logged-text.js'
import type { Logger } from '../lib/logger.js'
import { adviceFor } from './advice.js'
import { MetadataMismatchError } from './discovery.js'
import { type KeySet, maxKeys, type VerificationKey } from './jwks.js'

/** A change in the state of an issuer's keys. */
export type KeyChange =
  | {
      /** Keys are held for the first time. */
      readonly event: 'tenant.ready'
      /** The key IDs (`kid`); of a key without one, `sha256:` and the beginning of the digest of its SPKI. */
      readonly keys: readonly string[]
      /** Keys of the set that are not read, as it has more than 1024; absent if there are none. */
      readonly unread?: number
      /** True if they are those of the option `preloadedKeys`; absent if they were fetched. */
      readonly preloaded?: true
    }
  | {
      /** The issuer publishes other keys than before. */
      readonly event: 'tenant.keys_changed'
      readonly added: readonly string[]
      readonly removed: readonly string[]
      /** As in `tenant.ready`. */
      readonly unread?: number
    }
  | {
      /** The keys could not be fetched: the last valid ones are used (`stale`), or there are none, and requests get 503 (`unreachable`). */
      readonly event: 'tenant.stale' | 'tenant.unreachable'
      readonly reason: string
    }
  | {
      /** The keys could be fetched again. */
      readonly event: 'tenant.recovered'
    }

/** The state of a store, for `/readyz`. */
export interface KeyStoreStatus {
  /**
   * `cold`: no set yet, or the last valid one is too old. `stale`: a refresh failed, and the last valid set is used; or the set is preloaded.
   */
  readonly state: 'cold' | 'fresh' | 'stale'
  readonly keys: number
  /** Seconds since the set was fetched, also if another process fetched it. */
  readonly ageSeconds?: number
  /** True while the keys are those of the option `preloadedKeys`: this process has not fetched any yet. Absent otherwise. */
  readonly preloaded?: true
  /** Why the last fetch failed. */
  readonly lastError?: string
}

/** What a key is called in logs and events. */
function nameOf({ kid, pem }: VerificationKey): string {
  if (kid !== undefined) return kid
  const spki = createPublicKey(pem).export({ type: 'spki', format: 'der' })
  return `sha256:${createHash('sha256').update(spki).digest('hex').slice(0, 16)}`
}

const namesOf = (keys: readonly VerificationKey[]) => [...new Set(keys.map(nameOf))]

/** Reports changes; keeps the last reported state. */
export class KeyNews {
  readonly #log: Logger
  readonly #tell: (change: KeyChange) => void
  readonly #eachFetch: () => void
  #reported = ''
  /** Key IDs that were reported; none before the first report. */
  #told: readonly string[] = []
  #isInTrouble = false

  /** @param eachFetch called after each successful fetch, also if nothing changed */
  constructor(log: Logger, tell: (change: KeyChange) => void, eachFetch = () => {}) {
    this.#log = log
    this.#tell = tell
    this.#eachFetch = eachFetch
  }

  /** A set of the option `preloadedKeys` is used. */
  preloaded({ keys, dropped, unread }: KeySet, ageSeconds: number): void {
    const kids = namesOf(keys)
    this.#told = kids
    this.#log.info(escapeTexts({ kids, dropped, unread, ageSeconds }), 'keys of the tenant preloaded')
    this.#tell({ event: 'tenant.ready', keys: kids, ...(unread > 0 && { unread }), preloaded: true })
  }

  /** A set was fetched. It is empty if the issuer is optional and absent. */
  fetched(set: KeySet): void {
    this.#eachFetch()
    this.#report(set)
  }

  #report({ keys, dropped, unread, unsupported }: KeySet): void {
    const kids = namesOf(keys)
    if (!this.#isNews(`${unread} ${kids.join()}`)) return
    const details = { kids, dropped, ...(unsupported.length > 0 && { unsupported: [...unsupported] }) }
    this.#log.info(escapeTexts(details), 'keys of the tenant fetched')
    const more = unread > 0 && { unread }
    if (more) this.#log.warn({ ...more, read: maxKeys }, 'the key set of the tenant has more keys than are read')
    const before = this.#told
    this.#told = kids
    const isFirst = before.length === 0 && kids.length > 0
    if (isFirst) this.#tell({ event: 'tenant.ready', keys: kids, ...more })
    else if (this.#isInTrouble) this.#tell({ event: 'tenant.recovered' })
    this.#isInTrouble = false
    const [added, removed] = [kids.filter((kid) => !before.includes(kid)), before.filter((kid) => !kids.includes(kid))]
    if (!isFirst && added.length + removed.length > 0)
      this.#tell({ event: 'tenant.keys_changed', added, removed, ...more })
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
