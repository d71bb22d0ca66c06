import {
  type AccessToken,
  type ClientCredentials,
  errors,
  type Grant,
  type JWTStructured,
  type KoaContextWithOIDC,
  type ResourceServer
} from 'oidc-provider'
import { accessTokenClaims } from './claims.js'
import { type Client, clients, users } from './directory.js'
import { tokenHeader } from './keys.js'
import { createResources, DEFAULT_SCOPE, type Resource, resourceIdentifier } from './resources.js'
import type { TenantState } from './state.js'

/** A request says by its scopes, not by RFC 8707's `resource`, which API it wants a token for. */
export function resourceIndicators({ origin }: TenantState) {
  const resources = createResources(origin)
  return {
    defaultResource: ({ oidc }: KoaContextWithOIDC) => resourceIdentifier([...oidc.requestParamScopes].join(' ')),
    getResourceServerInfo: (_ctx: KoaContextWithOIDC, identifier: string): ResourceServer => {
      const resource = resources.get(identifier)
      if (!resource) throw new errors.InvalidTarget(`no application named ${identifier} in this tenant`)
      return {
        scope: [...resource.scopes, DEFAULT_SCOPE].map((scope) => `${identifier}/${scope}`).join(' '),
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: 'RS256' } }
      }
    }
  }
}

/** Consents to whatever the request asks for, as if an administrator had done it for the tenant. */
export async function consentToAll({ oidc }: KoaContextWithOIDC): Promise<Grant> {
  const grant = new oidc.provider.Grant({ accountId: oidc.account?.accountId, clientId: oidc.client?.clientId })
  grant.addOIDCScope(oidc.requestParamOIDCScopes)
  for (const [identifier, { scopes }] of Object.entries({ ...oidc.resourceServers })) {
    grant.addResourceScope(identifier, scopes)
  }
  await grant.save()
  return grant
}

/** Gives an access token Entra ID's header and claims in place of RFC 9068's. */
export function shapeAccessToken(state: TenantState) {
  const resources = createResources(state.origin)
  // The key of the server this is made for: a rotation may happen while it still answers a request.
  const header = tokenHeader(state.keys[0])
  return (_ctx: KoaContextWithOIDC, token: AccessToken | ClientCredentials, jwt: JWTStructured): void => {
    const { iat, exp } = jwt.payload as { iat: number; exp: number }
    jwt.header = header
    // The casts: the authorization server issues tokens only for resources and clients of the directory.
    jwt.payload = accessTokenClaims({
      origin: state.origin,
      version: state.accessTokenVersion,
      resource: resources.get(String(token.resourceServer?.identifier())) as Resource,
      client: clients.find(({ clientId }) => clientId === token.clientId) as Client,
      user: users.find(({ oid }) => 'accountId' in token && oid === token.accountId),
      scopes: token.scopes,
      iat,
      exp
    })
  }
}
