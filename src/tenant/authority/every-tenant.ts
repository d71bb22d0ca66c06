import { Provider } from 'oidc-provider'
import { Refused } from '../tokens/refusals.js'
import { common } from './authorities.js'
import { ON_BEHALF_OF_GRANT } from './clients.js'
import { issuer } from './endpoints.js'

/**
 * Makes a server that of `/common`: its tokens are those of the user's tenant, and who has no user has to say which
 * tenant is meant (Microsoft: "OAuth 2.0 client credentials flow").
 */
export function serveEveryTenant(provider: Provider, origin: string): void {
  // The name under which the server signs ID tokens, and otherwise the one that its discovery document has.
  Object.defineProperty(provider, 'issuer', { get: () => issuer(origin, tenantOfToken(), 2) })
  for (const grant of ['client_credentials', ON_BEHALF_OF_GRANT]) {
    provider.registerGrantType(grant, () => {
      throw new Refused(50059)
    })
  }
}

/** The tenant of the user whom the present request gets a token for. */
function tenantOfToken(): string {
  const oidc = Provider.ctx?.oidc
  return oidc?.route === 'token' && oidc.account ? String(oidc.account.tenantId) : common.tenantId
}
