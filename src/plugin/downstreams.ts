/** Every client that this API has, and which of them goes with a caller or a tenant. */
import { isMany } from './authority.js'
import { EntraConfigurationError } from './configuration-error.js'
import { Downstream, type DownstreamSurroundings } from './downstream.js'
import type { OwnClient } from './downstream-options.js'
import type { IssuerSettings } from './issuers.js'
import { loadMsal, msalPackage } from './msal.js'
import type { TrustedIssuers } from './trusted-issuers.js'
import type { Principal } from './types.js'

/** The clients of all tenants. */
export class Downstreams {
  readonly #byClient = new Map<OwnClient | undefined, Downstream>()
  readonly #issuers: TrustedIssuers

  constructor(issuers: TrustedIssuers, surroundings: DownstreamSurroundings) {
    this.#issuers = issuers
    for (const { settings } of issuers.all)
      if (settings.client && !this.#byClient.has(settings.client))
        this.#byClient.set(settings.client, new Downstream(settings.client, surroundings))
  }

  /** Whether any tenant has a credential. */
  get any(): boolean {
    return this.#byClient.size > 0
  }

  /** The client for the tenant that issued a caller's token. */
  of({ issuer }: Principal): Downstream | undefined {
    return this.#byClient.get(this.#issuers.named(issuer)?.settings.client)
  }

  /**
   * The client for a tenant, and what to call the tenant.
   *
   * @param tenantId may be left out where the client has one tenant
   * @throws EntraConfigurationError when there is none
   */
  forTenant(tenantId?: string): { downstream: Downstream; tenantId: string } {
    for (const downstream of this.#byClient.values()) {
      const own = downstream.client.tenantId
      const named = isMany(own) ? tenantId : own
      if (named !== undefined && (tenantId ?? own) === named) return { downstream, tenantId: named }
    }
    const which = tenantId === undefined ? 'without a tenantId' : `for the tenant ${tenantId}`
    throw new EntraConfigurationError(`tokenForApp() ${which}: no tenant with the option downstream is meant by that`)
  }
}

/**
 * Loads the package that clients need, where any tenant has a credential. Else nothing of it is loaded, ever.
 *
 * @param resolve says where a package is, or throws
 * @throws EntraConfigurationError when it is not there; whatever it throws while it is loaded
 */
export async function loadClientPackage(
  issuers: readonly IssuerSettings[],
  resolve: (name: string) => string = (name) => import.meta.resolve(name)
): Promise<void> {
  if (!issuers.some(({ client }) => client)) return
  try {
    resolve(msalPackage)
  } catch {
    throw new EntraConfigurationError(`downstream needs the package ${msalPackage}; install it beside fastify-entra`)
  }
  await loadMsal()
}
