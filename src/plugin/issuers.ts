/** Stage 2: which issuers are trusted, and the keys of each. The token's `iss` picks among them; it never adds one. */
import { isRefusal, type Refusal, refusal } from './errors.js'
import { HttpStatusError } from './fetch-json.js'
import { type KeySet, toKeySet, type VerificationKey } from './jwks.js'
import { KeyStore } from './keys.js'
import { fetchMetadata, type Metadata, MetadataMismatchError, type MetadataSource } from './metadata.js'
import { tenantPlaceholder } from './option-checks.js'
import type { Profile } from './profile.js'
import type { Clock, FetchJson, KeyStoreStatus, KeyTimings, Logger } from './types.js'

/** An issuer as configured: a metadata document, and the rules for its tokens. */
export interface IssuerSettings extends MetadataSource {
  readonly profile: Profile
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
}

/** What an issuer says of itself, for `/readyz`. */
export interface IssuerStatus extends KeyStoreStatus {
  readonly metadataUrl: string
  readonly issuer?: string
}

/** Answers of an authority that has no such document; anything else may be transient. */
const refusesForGood: ReadonlySet<number> = new Set([400, 404])
/** A tenant's ID where Entra's issuers have it, as first segment of the path. */
const tenantSegment = /^(https?:\/\/[^/]+\/)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=\/)/
const noKeys: KeySet = { keys: new Map(), dropped: 0 }
const wrongIssuer = refusal('wrong_issuer')
const unavailable = refusal('tenant_unavailable', { retryAfterSeconds: 1 })

/** One trusted issuer: its discovery document and its keys. */
export class Issuer {
  readonly settings: IssuerSettings
  readonly keys: KeyStore
  readonly #fetchJson: FetchJson
  readonly #names: Map<string, Issuer>
  #metadata: Metadata | undefined
  #answered = false

  constructor(settings: IssuerSettings, timings: KeyTimings, { fetchJson, clock, log, names }: Surroundings) {
    this.settings = settings
    this.#fetchJson = fetchJson
    this.#names = names
    if (typeof settings.issuer === 'string') names.set(settings.issuer, this)
    this.keys = new KeyStore(() => this.#load(), timings, clock, log)
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

  get status(): IssuerStatus {
    return { metadataUrl: this.settings.url, ...(this.name && { issuer: this.name }), ...this.keys.status }
  }

  async #load(): Promise<KeySet> {
    const metadata = await this.#fetchMetadata()
    if (!metadata) return noKeys
    this.#take(metadata.issuer)
    const keySet = await toKeySet(await this.#fetchJson(metadata.jwksUri), {
      issuer: metadata.issuer,
      algorithms: this.settings.profile.algorithms,
      cloudInstance: metadata.cloudInstance
    })
    this.#metadata = metadata
    return keySet
  }

  /** First come, first served, among names that only documents say; those of the configuration come before any. */
  #take(name: string): void {
    const holder = this.#names.get(name) ?? this
    if (holder !== this)
      throw new MetadataMismatchError(`${name} is an issuer that another tenant of this API has already`)
    this.#names.set(name, this)
  }

  /** The document, or nothing where the authority says that there is none. */
  async #fetchMetadata(): Promise<Metadata | undefined> {
    try {
      return await fetchMetadata(this.#fetchJson, this.settings)
    } catch (error) {
      const absent = error instanceof HttpStatusError && refusesForGood.has(error.status)
      this.#answered ||= absent || error instanceof MetadataMismatchError
      // Only before the first good answer: later a 404 is a fault of the tenant, and the last good set serves.
      if (absent && this.settings.optional && !this.#metadata) return undefined
      throw error
    }
  }
}

/** An issuer that a token names, and its key that the token names. */
export interface FoundKey {
  readonly issuer: Issuer
  readonly key: VerificationKey
}

type Answer = FoundKey | Refusal

/** All trusted issuers, each with keys of its own: a key of one never verifies a token of another. */
export class TrustedIssuers {
  readonly all: readonly Issuer[]
  /** By the name that the configuration gives them: however many they are, a request looks at two at the most. */
  readonly #named: ReadonlyMap<string | undefined, Issuer>
  /** Those that only their document can name. */
  readonly #others: readonly Issuer[]

  constructor(issuers: readonly Issuer[]) {
    this.all = issuers
    this.#named = new Map(issuers.map((issuer) => [issuer.name, issuer]))
    this.#others = issuers.filter(({ name }) => name === undefined)
  }

  /** The issuer of exactly this name, or else the one for many tenants whose template has it. */
  named(iss: string): Issuer | undefined {
    if (iss.includes(tenantPlaceholder)) return undefined
    return this.#exactly(iss) ?? this.#exactly(iss.replace(tenantSegment, `$1${tenantPlaceholder}`))
  }

  #exactly(name: string): Issuer | undefined {
    return this.#named.get(name) ?? this.#others.find((other) => other.name === name)
  }

  /** The key for a token, by its unproven `iss` and `kid`. */
  findKey(iss: unknown, kid: string): Answer | Promise<Answer> {
    if (typeof iss !== 'string') return wrongIssuer
    const issuer = this.named(iss)
    if (issuer) return keyOf(issuer, kid)
    const unnamed = this.#others.filter(({ name }) => name === undefined)
    if (unnamed.length === 0) return wrongIssuer
    return this.#findUnnamed(unnamed, iss, kid)
  }

  /** The document that would name the issuer may be there by now; asking is bounded by the cooldown of its keys. */
  #findUnnamed(unnamed: readonly Issuer[], iss: string, kid: string): Answer | Promise<Answer> {
    const verdict = () => (unnamed.some(({ undecided }) => undecided) ? unavailable : wrongIssuer)
    const asked = unnamed.map(({ keys }) => keys.find(kid))
    if (!asked.some((answer) => answer instanceof Promise)) return verdict()
    return Promise.all(asked).then(() => {
      const issuer = this.named(iss)
      return issuer ? keyOf(issuer, kid) : verdict()
    })
  }
}

function keyOf(issuer: Issuer, kid: string): Answer | Promise<Answer> {
  const found = issuer.keys.find(kid)
  const named = (key: VerificationKey | Refusal) => (isRefusal(key) ? key : { issuer, key })
  return found instanceof Promise ? found.then(named) : named(found)
}
