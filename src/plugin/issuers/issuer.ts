/** Stage 2: one trusted issuer, with its discovery document and its keys. */

import type { Claims } from '../claims/principal.js'
import { fetchMetadata, type Metadata, MetadataMismatchError, type MetadataSource } from '../keys/discovery.js'
import { type KeySet, toKeySet, type VerificationKey } from '../keys/jwks.js'
import type { KeyStoreStatus } from '../keys/key-events.js'
import { type KeyChange, KeyNews } from '../keys/key-events.js'
import { KeyStore } from '../keys/key-store.js'
import type { GivenKeySet, PreloadedKeySet } from '../keys/preloaded.js'
import { toPublicJwks } from '../keys/public-jwks.js'
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
  /**
   * Of issuers that may have one name, as the user flows of a tenant have: what they have in common, and which tokens are of this one, by
   * claims that the rules check again.
   */
  readonly among?: { readonly root: string; readonly isFor: (claims: Claims) => boolean }
  /**
   * Issuers for clients to sign in at, where they are not the name of this one: the tenants of a template, or none (RFC 9728 §2,
   * `authorization_servers`).
   */
  readonly authorizationServers?: readonly string[] | undefined
  /** True where the authority may not have this document at all: Entra serves v1 beside v2, other products do not. */
  readonly optional: boolean
}

/** Dependencies of an issuer. */
export interface Dependencies {
  readonly fetchJson: FetchJson
  readonly clock: Clock
  readonly log: Logger
  /** Which issuer has which name: no document can claim the name of another issuer. */
  readonly names: Map<string, Issuer>
  /** Called with each change in the state of the keys. */
  readonly tell?: (change: TenantEvent) => void
  /** Called after each successful fetch of keys. */
  readonly fetched?: () => void
}

/** A change in the state of an issuer's keys, and of which issuer. */
export type TenantEvent = KeyChange & {
  /** URL of its discovery document, at which clients find it. */
  readonly metadataUrl: string
  /** The name of the issuer, once known. */
  readonly issuer?: string
}

/** The state of an issuer, for `/readyz`. */
export interface IssuerStatus extends KeyStoreStatus {
  readonly metadataUrl: string
  readonly issuer?: string
}

/** The issuer that a key is published for, `undefined` if none is named, or a refusal while it cannot be determined. */
export type KeyOwner = string | undefined | Refusal

/** Status codes of an authority without such a document; any other may be transient. */
const refusesForGood: ReadonlySet<number> = new Set([400, 404])
/** A saved set has no key that names a cloud. In one from elsewhere such a key may be of another cloud, which only the discovery document shows. */
const unknownCloud = ''
const noKeys: KeySet = { keys: [], dropped: 0, unread: 0, unsupported: [] }

/** One trusted issuer: its discovery document and its keys. */
export class Issuer {
  readonly settings: IssuerSettings
  readonly keys: KeyStore
  /** Entra's v2 issuer beside v1: the same keys, but only v2's entries name the issuer that they sign for. */
  sibling: Issuer | undefined
  readonly #fetchJson: FetchJson
  readonly #names: Map<string, Issuer>
  #metadata: Metadata | undefined
  readonly #published = new WeakMap<VerificationKey, readonly object[]>()
  /** The name in the keys of another process, until the document is fetched. */
  #preloadedName: string | undefined
  #answered = false

  constructor(settings: IssuerSettings, timings: KeyTimings, dependencies: Dependencies) {
    const { fetchJson, clock, log, names, tell, fetched } = dependencies
    this.settings = settings
    this.#fetchJson = fetchJson
    this.#names = names
    if (typeof settings.issuer === 'string') names.set(settings.issuer, this)
    const news = new KeyNews(log, (change) => tell?.({ ...change, ...this.#identity }), fetched)
    this.keys = new KeyStore(() => this.#load(), timings, clock, news)
  }

  /** The exact `iss` of its tokens; `undefined` until the document that names it is fetched, or keys of it are preloaded. */
  get name(): string | undefined {
    const { issuer } = this.settings
    return typeof issuer === 'string' ? issuer : (this.#metadata?.issuer ?? this.#preloadedName)
  }

  /** Whether a set that another process fetched is of this issuer. Its name alone is enough only where the configuration has it. */
  isOf({ issuer, metadataUrl }: GivenKeySet): boolean {
    const { issuer: expected, url } = this.settings
    if (typeof expected === 'string') return issuer === expected && (metadataUrl ?? url) === url
    return metadataUrl === url && expected.test(issuer)
  }

  /**
   * Vets a set that another process fetched, and uses its keys until the first fetch.
   *
   * @throws Error when it contains no usable key
   * @throws MetadataMismatchError when its name is that of another issuer of this API
   */
  async preload({ issuer, keys, fetchedAt }: GivenKeySet): Promise<void> {
    const keySet = await toKeySet({ keys }, { ...this.#keySource(issuer), cloudInstance: unknownCloud })
    this.#take(issuer)
    this.#preloadedName = issuer
    this.keys.preload(keySet, fetchedAt)
  }

  /** The keys that are used, for the next process; `undefined` if there are none. */
  get savedKeys(): PreloadedKeySet | undefined {
    const { name, settings } = this
    const { held } = this.keys
    if (name === undefined || held === undefined || held.index.set.keys.length === 0) return undefined
    const keys = held.index.set.keys.flatMap((key) => this.#publicJwks(key))
    return { issuer: name, metadataUrl: settings.url, fetchedAt: new Date(held.fetchedAt).toISOString(), keys }
  }

  /** Made once for each key. A copy, as the application may change what it saves. */
  #publicJwks(key: VerificationKey): readonly object[] {
    const entries = this.#published.get(key) ?? toPublicJwks(key, this.settings.profile.algorithms)
    this.#published.set(key, entries)
    return entries.map((entry) => ({ ...entry }))
  }

  /** The discovery document, once fetched. */
  get metadata(): Metadata | undefined {
    return this.#metadata
  }

  /** True while the issuer's name is unknown: no document that names it has been fetched yet. */
  get undecided(): boolean {
    return this.name === undefined && !this.#answered
  }

  /**
   * The issuer that a key signs for, by its own entry or by the sibling's entry of the same `kid`. If the sibling has keys but not this
   * one, or names no issuer for it, there is no restriction. If the sibling has no keys, the issuer is unknown, as it may name another one;
   * also when its document is a 404, as an authority always has one for v2.
   */
  namedIssuer({ issuer, kid, algorithms }: VerificationKey): KeyOwner {
    if (issuer !== undefined || !this.sibling) return issuer
    const { keys } = this.sibling
    return keys.peek(kid, algorithms[0])?.issuer ?? keys.outage
  }

  get status(): IssuerStatus {
    return { ...this.#identity, ...this.keys.status }
  }

  get #identity() {
    const { publicUrl, url } = this.settings
    return { metadataUrl: publicUrl ?? url, ...(this.name && { issuer: this.name }) }
  }

  async #load(): Promise<KeySet> {
    const refresh = {} // one deadline for document and keys, or a slow tenant would be waited for twice
    const metadata = await this.#fetchMetadata(refresh)
    if (!metadata) return noKeys
    this.#take(metadata.issuer)
    const { issuer, cloudInstance } = metadata
    const published = await this.#fetchJson(metadata.jwksUri, refresh)
    const keySet = await toKeySet(published, { ...this.#keySource(issuer), cloudInstance })
    this.#metadata = metadata
    return keySet
  }

  #keySource(issuer: string) {
    const { algorithms, strictHeader } = this.settings.profile
    return { issuer, algorithms, allowsUnnamed: !strictHeader }
  }

  /**
   * Claims a name. Names in the configuration have priority; among names that only documents contain, the first wins. A name that matches
   * the template of another authority's tenants is taken as well.
   */
  #take(name: string): void {
    const template = this.#names.get(templateOf(name))
    const isOthers = template && new URL(template.settings.url).origin !== new URL(this.settings.url).origin
    const holder = this.#names.get(name) ?? (isOthers ? template : this)
    const { among } = this.settings
    const mayShare = among !== undefined && holder.settings.among?.root === among.root
    if (holder !== this && !mayShare)
      throw new MetadataMismatchError(`${name} is already the issuer of another tenant of this API`)
    this.#names.set(name, this)
  }

  /** The document, or nothing if the authority has none. */
  async #fetchMetadata(refresh: object): Promise<Metadata | undefined> {
    try {
      return await fetchMetadata(this.#fetchJson, this.settings, refresh)
    } catch (error) {
      const absent = error instanceof HttpStatusError && refusesForGood.has(error.status)
      this.#answered ||= absent || error instanceof MetadataMismatchError
      // Only before the first valid response, of this process or another: later a 404 is a fault of the tenant, and the last valid set is used.
      if (absent && this.settings.optional && !this.#metadata && !this.#preloadedName) return undefined
      throw error
    }
  }
}

/** A tenant's ID in Entra's issuers: the first segment of the path. */
const tenantSegment = new RegExp(`^(https?://[^/]+/)${guid.source.slice(1, -1)}(?=/)`)

/** The name in the document of many tenants: a template in place of the tenant's ID. */
export function templateOf(iss: string): string {
  return iss.replace(tenantSegment, `$1${tenantPlaceholder}`)
}
