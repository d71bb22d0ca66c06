/** Stage 2: one trusted issuer, with its discovery document and its keys. */

import { fetchMetadata, type Metadata, MetadataMismatchError, type MetadataSource } from '../keys/discovery.js'
import { type KeySet, toKeySet, type VerificationKey } from '../keys/jwks.js'
import type { KeyStoreStatus } from '../keys/key-events.js'
import { type KeyChange, KeyNews } from '../keys/key-events.js'
import { KeyStore } from '../keys/key-store.js'
import type { KeyTimings } from '../keys/timings.js'
import type { Clock } from '../lib/clock.js'
import type { FetchJson } from '../lib/json-client.js'
import { HttpStatusError } from '../lib/json-client.js'
import type { Logger } from '../lib/logger.js'
import { guid } from '../lib/validate.js'
import type { Refusal } from '../refusals/refusal.js'
import type { TokenRules } from './token-rules.js'
import { tenantPlaceholder } from './token-rules.js'

/** An issuer as configured: a metadata document, and the rules for its tokens. */
export interface IssuerSettings extends MetadataSource {
  readonly profile: TokenRules
  /** URL of the document of Entra's v2 beside this one of v1. */
  readonly siblingUrl?: string
  /** True where the authority may not have this document at all: Entra serves v1 beside v2, other products do not. */
  readonly optional: boolean
}

/** What stages pass their surroundings in. */
export interface Surroundings {
  readonly fetchJson: FetchJson
  readonly clock: Clock
  readonly log: Logger
  /** Which issuer has which name: no document can take the name of another. */
  readonly names: Map<string, Issuer>
  /** Told of what changes in the state of the keys. */
  readonly tell?: (change: TenantEvent) => void
}

/** A change in the state of an issuer's keys, and of which issuer. */
export type TenantEvent = KeyChange & {
  /** URL of its discovery document. */
  readonly metadataUrl: string
  /** Its name, once it is known. */
  readonly issuer?: string
}

/** What an issuer says of itself, for `/readyz`. */
export interface IssuerStatus extends KeyStoreStatus {
  readonly metadataUrl: string
  readonly issuer?: string
}

/** The issuer that a key is published for, `undefined` where nobody names one, and a refusal while it cannot be known. */
export type KeyOwner = string | undefined | Refusal

/** Answers of an authority that has no such document; anything else may be transient. */
const refusesForGood: ReadonlySet<number> = new Set([400, 404])
const noKeys: KeySet = { keys: new Map(), dropped: 0 }

/** One trusted issuer: its discovery document and its keys. */
export class Issuer {
  readonly settings: IssuerSettings
  readonly keys: KeyStore
  /** Entra's v2 beside v1: the same keys, of which only v2's say whom they sign for. */
  sibling: Issuer | undefined
  readonly #fetchJson: FetchJson
  readonly #names: Map<string, Issuer>
  #metadata: Metadata | undefined
  #answered = false

  constructor(settings: IssuerSettings, timings: KeyTimings, { fetchJson, clock, log, names, tell }: Surroundings) {
    this.settings = settings
    this.#fetchJson = fetchJson
    this.#names = names
    if (typeof settings.issuer === 'string') names.set(settings.issuer, this)
    const news = new KeyNews(log, (change) => tell?.({ ...change, ...this.#identity }))
    this.keys = new KeyStore(() => this.#load(), timings, clock, news)
  }

  /** The exact `iss` of its tokens; `undefined` while only the document can say. */
  get name(): string | undefined {
    return typeof this.settings.issuer === 'string' ? this.settings.issuer : this.#metadata?.issuer
  }

  /** The discovery document, once it was had. */
  get metadata(): Metadata | undefined {
    return this.#metadata
  }

  /** True while it may turn out to have any name: nothing that could say so was reached yet. */
  get undecided(): boolean {
    return this.name === undefined && !this.#answered
  }

  /**
   * Who a key signs for, by its own entry or by the sibling's of the same `kid`. A sibling that has keys and does not have this one, or names
   * no issuer for it, says nothing; one that has no keys may have named another issuer, so that nothing is known: also where its document is
   * a 404, as the authority always has one of v2.
   */
  namedIssuer({ issuer, kid }: VerificationKey): KeyOwner {
    if (issuer !== undefined || !this.sibling) return issuer
    const { keys } = this.sibling
    return keys.peek(kid)?.issuer ?? keys.outage
  }

  get status(): IssuerStatus {
    return { ...this.#identity, ...this.keys.status }
  }

  get #identity() {
    return { metadataUrl: this.settings.url, ...(this.name && { issuer: this.name }) }
  }

  async #load(): Promise<KeySet> {
    const refresh = {} // one deadline for the document and the keys, or a tenant that is slow would be waited for twice
    const metadata = await this.#fetchMetadata(refresh)
    if (!metadata) return noKeys
    this.#take(metadata.issuer)
    const keySet = await toKeySet(await this.#fetchJson(metadata.jwksUri, refresh), {
      issuer: metadata.issuer,
      algorithms: this.settings.profile.algorithms,
      cloudInstance: metadata.cloudInstance
    })
    this.#metadata = metadata
    return keySet
  }

  /**
   * First come, first served, among names that only documents say; those of the configuration come before any. A name that the template of
   * another authority's tenants covers is taken as well.
   */
  #take(name: string): void {
    const template = this.#names.get(templateOf(name))
    const isOthers = template && new URL(template.settings.url).origin !== new URL(this.settings.url).origin
    const holder = this.#names.get(name) ?? (isOthers ? template : this)
    if (holder !== this) throw new MetadataMismatchError(`${name} is already the issuer of another tenant of this API`)
    this.#names.set(name, this)
  }

  /** The document, or nothing where the authority says that there is none. */
  async #fetchMetadata(refresh: object): Promise<Metadata | undefined> {
    try {
      return await fetchMetadata(this.#fetchJson, this.settings, refresh)
    } catch (error) {
      const absent = error instanceof HttpStatusError && refusesForGood.has(error.status)
      this.#answered ||= absent || error instanceof MetadataMismatchError
      // Only before the first good answer: later a 404 is a fault of the tenant, and the last good set serves.
      if (absent && this.settings.optional && !this.#metadata) return undefined
      throw error
    }
  }
}

/** A tenant's ID where Entra's issuers have it, as first segment of the path. */
const tenantSegment = new RegExp(`^(https?://[^/]+/)${guid.source.slice(1, -1)}(?=/)`)

/** The name that the tenant's document has where it stands for many: a template in place of the tenant's ID. */
export function templateOf(iss: string): string {
  return iss.replace(tenantSegment, `$1${tenantPlaceholder}`)
}
