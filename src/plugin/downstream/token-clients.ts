/** The token clients of this API, by caller or tenant. */

import type { Principal } from '../claims/principal.js'
import type { IssuerSettings } from '../issuers/issuer.js'
import type { TrustedIssuers } from '../issuers/trusted-issuers.js'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { loadMsal, msalPackage } from './load-msal.js'
import type { OwnClient } from './options.js'
import { type DownstreamDependencies, TokenClient } from './token-client.js'

/** A certificate with which this API authenticates to a tenant. */
export interface OwnCertificate {
  /** The client ID of this API at that tenant. */
  readonly clientId: string
  /** Seconds, as `exp`. */
  readonly expiresAt: number
}

/** The clients of all tenants. */
export class TokenClients {
  readonly #byClient = new Map<OwnClient | undefined, TokenClient>()
  readonly #issuers: TrustedIssuers
  readonly #clients: ReadonlyMap<IssuerSettings, OwnClient>

  constructor(
    issuers: TrustedIssuers,
    clients: ReadonlyMap<IssuerSettings, OwnClient>,
    dependencies: DownstreamDependencies
  ) {
    this.#issuers = issuers
    this.#clients = clients
    for (const client of new Set(clients.values())) this.#byClient.set(client, new TokenClient(client, dependencies))
  }

  /** Whether any tenant has a credential. */
  get any(): boolean {
    return this.#byClient.size > 0
  }

  /** The certificates that are in use: of each client ID the first to expire. */
  get certificates(): readonly OwnCertificate[] {
    const ends = new Map<string, number>()
    for (const { client, certificateEnd } of this.#byClient.values()) {
      const { clientId } = client
      if (certificateEnd !== undefined)
        ends.set(clientId, Math.min(certificateEnd / 1000, ends.get(clientId) ?? Number.POSITIVE_INFINITY))
    }
    return [...ends].map(([clientId, expiresAt]) => ({ clientId, expiresAt }))
  }

  /** The client for the tenant that issued a caller's token. */
  of({ issuer }: Principal): TokenClient | undefined {
    const named = this.#issuers.named(issuer)
    return named && this.#byClient.get(this.#clients.get(named.settings))
  }

  /**
   * The client for a tenant, and the tenant's ID.
   *
   * @param tenantId optional when the client has one tenant
   * @throws EntraConfigurationError when there is none
   */
  forTenant(tenantId?: string): { downstream: TokenClient; tenantId: string } {
    for (const downstream of this.#byClient.values()) {
      const { tenantId: own, isMany } = downstream.client
      const named = isMany ? tenantId : own
      if (named !== undefined && (tenantId ?? own) === named) return { downstream, tenantId: named }
    }
    const which = tenantId === undefined ? 'without a tenantId' : `for the tenant ${tenantId}`
    throw new EntraConfigurationError(
      `tokenForApp() ${which} matches no tenant with the option downstream; set downstream, or give the tenantId of a tenant that has it`
    )
  }
}

/**
 * Loads the package that clients need, if any tenant has a credential; otherwise it is never loaded.
 *
 * @param load loads the package
 * @throws EntraConfigurationError when it is not installed; any error that it throws while loading
 */
export async function loadClientPackage(
  clients: ReadonlyMap<IssuerSettings, OwnClient>,
  load: () => Promise<unknown> = loadMsal
): Promise<void> {
  if (clients.size === 0) return
  try {
    await load()
  } catch (error) {
    if (!isNotInstalled(error)) throw error
    throw new EntraConfigurationError(`downstream needs the package ${msalPackage}; install it beside fastify-entra`)
  }
}

/** Node: "ERR_MODULE_NOT_FOUND", whose message names the package that is missing, which may be one that it imports itself. */
function isNotInstalled(error: unknown): boolean {
  const { code, message } = Object(error) as { readonly code?: unknown; readonly message?: unknown }
  return code === 'ERR_MODULE_NOT_FOUND' && String(message).includes(`'${msalPackage}'`)
}
