import type { AdapterFactory, Provider } from 'oidc-provider'
import type { Version } from './endpoints.js'
import { createSigningKey, type SigningKey, type SigningKeys } from './keys.js'
import { createStorage } from './storage.js'

/** Makes an authorization server that signs with a state's present keys. */
export type MakeServer = (state: TenantState, storage: AdapterFactory) => Provider

/** A running tenant: where it is, and what an administrator can change while it runs. */
export class TenantState {
  readonly origin: string
  readonly accessTokenLifetimeSeconds: number
  /** `requestedAccessTokenVersion` of the API's registration (Microsoft: "Access tokens", token formats). */
  accessTokenVersion: Version
  keys: SigningKeys
  /** Signs with the keys it was made with; a rotation replaces it. */
  authorizationServer: Provider
  readonly #storage: AdapterFactory = createStorage()
  readonly #makeServer: MakeServer

  constructor(
    origin: string,
    key: SigningKey,
    accessTokenVersion: Version,
    accessTokenLifetimeSeconds: number,
    makeServer: MakeServer
  ) {
    this.origin = origin
    this.keys = [key]
    this.accessTokenVersion = accessTokenVersion
    this.accessTokenLifetimeSeconds = accessTokenLifetimeSeconds
    this.#makeServer = makeServer
    this.authorizationServer = makeServer(this, this.#storage)
  }

  /** Signs with a new key from now on; the old ones stay published, or go at once as after a compromise. */
  async rotate({ keep }: { keep: boolean }): Promise<void> {
    this.keys = [await createSigningKey(), ...(keep ? this.keys : [])]
    this.authorizationServer = this.#makeServer(this, this.#storage)
  }
}
