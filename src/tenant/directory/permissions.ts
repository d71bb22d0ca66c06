import {
  type AccessToken,
  type ClientCredentials,
  errors,
  type Grant,
  type JWTStructured,
  type KoaContextWithOIDC,
  type ResourceServer
} from 'oidc-provider'
import { type Authority, accountOf, clientOf } from '../authority/authorities.js'
import type { TenantState } from '../authority/state.js'
import { proofFor } from '../sign-in/step-up.js'
import { accessTokenClaims } from '../tokens/claims.js'
import { type KeyRing, keysFor, type SigningKey, tokenHeader } from '../tokens/keys.js'
import { api, type Client } from './directory.js'
import {
  createResources,
  DEFAULT_SCOPE,
  type Identifiers,
  OPENID_SCOPES,
  type Resource,
  resourceIdentifier,
  shortName
} from './resources.js'

/** A request names the API of its token by scopes; RFC 8707's `resource` may only say the same once more: see {@link checkResource}. */
export function resourceIndicators(state: TenantState) {
  const { keys } = state
  return {
    defaultResource: ({ oidc }: KoaContextWithOIDC) => resourceIdentifier([...oidc.requestParamScopes].join(' ')),
    getResourceServerInfo: ({ oidc }: KoaContextWithOIDC, identifier: string): ResourceServer => {
      checkResource(identifier, oidc.params?.scope)
      return resourceServer(state, identifier).info(keys)
    }
  }
}

/**
 * Refuses a `resource` (RFC 8707) that is not the API of the requested scopes, which Entra ID compares as text. A request for the token of a
 * code may have none.
 *
 * @throws InvalidTarget
 */
function checkResource(resource: string, scopes: unknown): void {
  if (typeof scopes !== 'string' || resourceIdentifier(scopes) === resource) return
  throw new errors.InvalidTarget(
    `AADSTS9010010: The resource parameter provided in the request doesn't match with the requested scopes. These are of ${resourceIdentifier(scopes)}.`
  )
}

/** The API of an identifier: its permissions, and its settings for the authorization server. */
export function resourceServer(identifiers: Identifiers, identifier: string) {
  const resource = createResources(identifiers).get(identifier)
  if (!resource) throw new errors.InvalidTarget(`no application named ${identifier} in this tenant`)
  return {
    scopes: resource.scopes,
    info: (keys: KeyRing): ResourceServer => ({
      scope: [...resource.scopes, DEFAULT_SCOPE].map((scope) => `${identifier}/${scope}`).join(' '),
      accessTokenFormat: 'jwt',
      jwt: { sign: { alg: 'RS256', kid: signerFor(keys, resource).kid } }
    })
  }
}

/**
 * Refuses a request that names no scope, or one that its API does not expose: the authorization server would ignore the latter, and end the
 * former without a reason. A scope without a slash is one of Graph.
 *
 * @param application the name of the client
 * @throws InvalidScope without a scope, and as Entra ID `invalid_client` for an unknown one
 */
export function checkScopes(identifiers: Identifiers, scope: unknown, application: string): void {
  const requested = String(scope ?? '')
    .split(' ')
    .filter((each) => each !== '')
  const example = `such as ${api.appIdUri}/${api.scopes[0]}`
  if (requested.length === 0)
    throw new errors.InvalidScope(`AADSTS70011: The request names no scope. Add one, ${example}.`, '')
  const resources = createResources(identifiers)
  for (const each of requested.filter((name) => !OPENID_SCOPES.includes(name))) {
    const resource = resources.get(resourceIdentifier(each))
    const name = shortName(each)
    if (!resource || [...resource.scopes, DEFAULT_SCOPE].includes(name)) continue
    const what = `The application '${application}' asked for scope '${name}' that doesn't exist on the resource '${resource.clientId}'`
    const advice = `Contact the app vendor. Request one that exists, ${example}.`
    throw new errors.CustomOIDCProviderError('invalid_client', `AADSTS650053: ${what}. ${advice}`)
  }
}

/** Consents to all requested permissions, as if an administrator had done so for the tenant. */
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
export function shapeAccessToken(state: TenantState, authority: Authority) {
  // The keys of this server: a rotation may happen while it handles a request.
  const { keys } = state
  return (ctx: KoaContextWithOIDC, token: AccessToken | ClientCredentials, jwt: JWTStructured): void => {
    const { iat, exp } = jwt.payload as { iat: number; exp: number }
    // The casts: the authorization server issues tokens only for resources and clients of the directory.
    const resource = createResources(state).get(String(token.resourceServer?.identifier())) as Resource
    const account = 'accountId' in token ? accountOf(authority, token.accountId) : undefined
    const tenantId = account?.tenantId ?? authority.tenantId
    jwt.header = tokenHeader(signerFor(keys, resource))
    jwt.payload = accessTokenClaims({
      origin: state.origin,
      version: state.accessTokenVersion,
      tenantId,
      resource,
      client: clientOf(tenantId, token.clientId) as Client,
      user: account?.user,
      scopes: token.scopes,
      byAssertion: Boolean(ctx.oidc.params?.client_assertion ?? ctx.state.isFederated),
      ...proofFor(ctx),
      iat,
      exp
    })
  }
}

/** The key that signs tokens for an API, which v2.0 tokens name by its client ID. */
function signerFor(keys: KeyRing, { audience }: Resource): SigningKey {
  return keysFor(keys, audience[2])[0]
}
