import { Provider } from 'oidc-provider'
import { Refused } from '../tokens/refusals.js'
import { common } from './authorities.js'
import { ON_BEHALF_OF_GRANT } from './clients.js'
import { issuer } from './endpoints.js'

/**
 * Turns a server into that of `/common`: its tokens are those of the user's tenant, and a request without a user must name a tenant
 * (Microsoft: "OAuth 2.0 client credentials flow").
 */
export function serveEveryTenant(provider: Provider, origin: string): void {
  // The issuer of ID tokens that the server signs; otherwise the one in its discovery document.
  Object.defineProperty(provider, 'issuer', { get: () => issuer(origin, tenantOfToken(), 2) })
  for (const grant of ['client_credentials', ON_BEHALF_OF_GRANT]) {
    provider.registerGrantType(grant, () => {
      throw new Refused(50059)
    })
  }
}

/** The tenant of the user for whom the current request gets a token. */
function tenantOfToken(): string {
  const oidc = Provider.ctx?.oidc
  return oidc?.route === 'token' && oidc.account ? String(oidc.account.tenantId) : common.tenantId
}
