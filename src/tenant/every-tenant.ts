import { Provider } from 'oidc-provider'
import { common } from './authorities.js'
import { issuer } from './endpoints.js'
import { refusal } from './refusals.js'

/**
 * Makes a server that of `/common`: its tokens are those of the user's tenant, and who has no user has to say which
 * tenant is meant (Microsoft: "OAuth 2.0 client credentials flow").
 */
export function serveEveryTenant(provider: Provider, origin: string): void {
  // The name under which the server signs ID tokens, and otherwise the one that its discovery document has.
  Object.defineProperty(provider, 'issuer', { get: () => issuer(origin, tenantOfToken(), 2) })
  provider.registerGrantType('client_credentials', (ctx) => {
    ctx.status = 400
    ctx.body = refusal(50059)
  })
}

/** The tenant of the user whom the present request gets a token for. */
function tenantOfToken(): string {
  const oidc = Provider.ctx?.oidc
  return oidc?.route === 'token' && oidc.account ? String(oidc.account.tenantId) : common.tenantId
}
