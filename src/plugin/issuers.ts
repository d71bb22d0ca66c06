/** Stage 2: which issuers are trusted, and the keys of each. The token's `iss` picks among them; it never adds one. */
import { type Refusal, refusal } from './errors.js'
import { HttpStatusError } from './fetch-json.js'
import { type KeySet, toKeySet, type VerificationKey } from './jwks.js'
import { KeyStore } from './keys.js'
import { fetchMetadata, type Metadata, MetadataMismatchError, type MetadataSource } from './metadata.js'
import type { Clock, FetchJson, KeyStoreStatus, KeyTimings, Logger } from './types.js'

/** An issuer as configured: a metadata document, and the token version that it speaks for. */
export interface IssuerSettings extends MetadataSource {
  /** `ver` of its tokens. */
  readonly version: '1.0' | '2.0'
  /** True where the authority may not have this document at all: Entra serves v1 beside v2, other products do not. */
  readonly optional: boolean
}

/** What stages pass their surroundings in. */
export interface Surroundings {
  readonly fetchJson: FetchJson
  readonly clock: Clock
  readonly log: Logger
}

/** What an issuer says of itself, for `/readyz`. */
export interface IssuerStatus extends KeyStoreStatus {
  readonly metadataUrl: string
  readonly issuer?: string
}

/** Answers of an authority that has no such document; anything else may be transient. */
const refusesForGood: ReadonlySet<number> = new Set([400, 404])
const noKeys: KeySet = { keys: new Map(), dropped: 0 }
const wrongIssuer = refusal('wrong_issuer')
const unavailable = refusal('tenant_unavailable', { retryAfterSeconds: 1 })

/** One trusted issuer: its discovery document and its keys. */
export class Issuer {
  readonly settings: IssuerSettings
  readonly keys: KeyStore
  readonly #fetchJson: FetchJson
  #metadata: Metadata | undefined
  #answered = false

  constructor(settings: IssuerSettings, timings: KeyTimings, { fetchJson, clock, log }: Surroundings) {
    this.settings = settings
    this.#fetchJson = fetchJson
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
    const keySet = await toKeySet(await this.#fetchJson(metadata.jwksUri), metadata.issuer)
    this.#metadata = metadata
    return keySet
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

/** The key for a token, by its unproven `iss` and `kid`, out of the trusted issuers' own. */
export function findKey(
  issuers: readonly Issuer[],
  iss: unknown,
  kid: string
): VerificationKey | Refusal | Promise<VerificationKey | Refusal> {
  if (typeof iss !== 'string') return wrongIssuer
  const named = () => issuers.find(({ name }) => name === iss)?.keys.find(kid)
  const unnamed = issuers.find(({ name }) => name === undefined)
  const known = named()
  if (known || !unnamed) return known ?? wrongIssuer
  // The document that would name it may be there by now; asking is bounded by the cooldown of its keys.
  const asked = unnamed.keys.find(kid)
  const verdict = () => (unnamed.undecided ? unavailable : wrongIssuer)
  return asked instanceof Promise ? asked.then(() => named() ?? verdict()) : verdict()
}
