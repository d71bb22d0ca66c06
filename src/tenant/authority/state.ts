import type { JWTVerifyGetKey } from 'jose'
import type { AdapterFactory, Provider } from 'oidc-provider'
import { Policies } from '../directory/policies.js'
import { createKeyRing, joined, type KeyRing } from '../tokens/keys.js'
import { type Authority, common, tenants } from './authorities.js'
import type { Version } from './endpoints.js'
import { createStorage } from './storage.js'

/** Creates an authority's server, which signs with the current keys of a state. */
export type MakeServer = (state: TenantState, authority: Authority, storage: AdapterFactory) => Provider

/** A client authenticates with tokens of another issuer (Microsoft: "Workload identity federation"). */
export interface FederatedCredential {
  readonly clientId: string
  readonly issuer: string
  readonly subject: string
  readonly keys: JWTVerifyGetKey
}

/** The options of the tenants. */
export interface Settings {
  readonly origin: string
  readonly accessTokenVersion: Version
  readonly accessTokenLifetimeSeconds: number
  /** Certificates of clients, as PEM, by client ID. */
  readonly clientCertificates: Readonly<Record<string, string>>
}

/** The running tenants: their address, and what an administrator can change while they run. */
export class TenantState {
  readonly origin: string
  readonly accessTokenLifetimeSeconds: number
  /** `requestedAccessTokenVersion` of the API's registration (Microsoft: "Access tokens", token formats). */
  accessTokenVersion: Version
  keys: KeyRing
  readonly policies = new Policies()
  readonly certificates: Map<string, string>
  readonly appIdUris = new Set<string>()
  readonly federatedCredentials: FederatedCredential[] = []
  /** More groups than this are too many for one answer of Graph (Microsoft Graph: "getMemberObjects", limits). */
  memberObjectsLimit = 11_000
  /** The servers sign with the keys they were created with; a rotation replaces them. */
  #servers: ReadonlyMap<string, Provider>
  readonly #storage: AdapterFactory = createStorage()
  readonly #makeServer: MakeServer

  constructor(settings: Settings, keys: KeyRing, makeServer: MakeServer) {
    this.origin = settings.origin
    this.accessTokenLifetimeSeconds = settings.accessTokenLifetimeSeconds
    this.accessTokenVersion = settings.accessTokenVersion
    this.keys = keys
    this.certificates = new Map(Object.entries(settings.clientCertificates))
    this.#makeServer = makeServer
    this.#servers = this.#makeServers()
  }

  /** The authorization server of a tenant, or of `/common`. */
  serverOf({ name }: Authority): Provider {
    return this.#servers.get(name) as Provider
  }

  /** Registers a client's certificate, in place of another. */
  register(clientId: string, certificate: string): void {
    this.certificates.set(clientId, certificate)
    // The servers get their clients when they are created.
    this.#servers = this.#makeServers()
  }

  /** Signs with new keys from now on; the old ones stay published, or are withdrawn at once as after a compromise. */
  async rotate({ keep }: { keep: boolean }): Promise<void> {
    const fresh = await createKeyRing([...this.keys.custom.keys()])
    this.keys = keep ? joined(fresh, this.keys) : fresh
    this.#servers = this.#makeServers()
  }

  /** One storage for all: a sign-in at one tenant is valid at the others, as at Entra ID. */
  #makeServers(): ReadonlyMap<string, Provider> {
    return new Map(
      [...tenants, common].map((authority) => [authority.name, this.#makeServer(this, authority, this.#storage)])
    )
  }
}
