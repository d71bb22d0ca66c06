import { createLocalJWKSet, type JWTPayload, errors as jose, jwtVerify } from 'jose'
import type { Provider, TokenEndpointGrantContext } from 'oidc-provider'
import { type Authority, accountOf } from '../authority/authorities.js'
import { ON_BEHALF_OF_GRANT } from '../authority/clients.js'
import { issuer } from '../authority/endpoints.js'
import type { TenantState } from '../authority/state.js'
import type { User } from '../directory/directory.js'
import { resourceServer } from '../directory/permissions.js'
import { DEFAULT_SCOPE, OPENID_SCOPES, resourceIdentifier, shortName } from '../directory/resources.js'
import { signedIn } from './claims.js'
import { keysFor, publicKeySet, signClaims } from './keys.js'
import { Refused } from './refusals.js'

interface Parameters {
  readonly assertion?: string
  readonly requested_token_use?: string
}

type Context = TokenEndpointGrantContext<Parameters>

/**
 * Issues a token with which an API calls another API on behalf of the user of a received token (Microsoft: "OAuth 2.0 On-Behalf-Of flow").
 */
export function serveOnBehalfOf(provider: Provider, state: TenantState, authority: Authority): void {
  const grant = async (ctx: Context) => {
    const { params, client } = ctx.oidc
    if (params.requested_token_use !== 'on_behalf_of') throw new Refused(900144)
    const claims = await verifiedAssertion(String(params.assertion), client.clientId, state, authority)
    if (claims.idtyp === 'app') throw new Refused(7000114)
    const { username } = userOf(authority, claims)
    const acrs = [claims.acrs ?? []].flat().map(String)
    ctx.oidc.entity('Account', signedIn(accountOf(authority, username)))
    ctx.oidc.entity('Assertion', { amr: acrs })
    const scopes = grantedScopes(String(params.scope), username, acrs, state)
    ctx.body = await tokens(provider, ctx, scopes, state)
  }
  provider.registerGrantType<Parameters>(ON_BEHALF_OF_GRANT, grant, ['assertion', 'requested_token_use', 'scope'])
}

function userOf({ accounts }: Authority, { oid }: JWTPayload): User {
  const account = accounts.find(({ user }) => user.oid === oid)
  if (!account) throw new Refused(50013)
  return account.user
}

/** A token of this tenant for the application that presents it. */
async function verifiedAssertion(
  assertion: string,
  clientId: string,
  { origin, keys }: TenantState,
  { tenantId }: Authority
): Promise<JWTPayload> {
  const published = createLocalJWKSet(publicKeySet(keysFor(keys, clientId), origin))
  const options = {
    issuer: [issuer(origin, tenantId, 1), issuer(origin, tenantId, 2)],
    audience: [clientId, `api://${clientId}`]
  }
  const verified = jwtVerify(assertion, published, options).catch((error: unknown) => {
    if (error instanceof jose.JWTExpired) throw new Refused(500133)
    const isForAnother = error instanceof jose.JWTClaimValidationFailed && error.claim === 'aud'
    throw new Refused(isForAnother ? 500131 : 50013)
  })
  return (await verified).payload
}

/** The requested permissions that exist and have consent. */
function grantedScopes(
  asked: string,
  username: string,
  proved: readonly string[],
  state: TenantState
): readonly string[] {
  const identifier = resourceIdentifier(asked)
  const { policies } = state
  const permissions = resourceServer(state, identifier).scopes
  const wanted = asked
    .split(' ')
    .filter((scope) => scope !== '' && !OPENID_SCOPES.includes(scope))
    .map(shortName)
  const named = wanted.filter((scope) => scope !== DEFAULT_SCOPE)
  if (wanted.length === 0 || named.some((scope) => !permissions.includes(scope))) throw new Refused(70011)
  if (!named.every((scope) => policies.hasConsent(scope))) throw new Refused(65001, { suberror: 'consent_required' })
  const granted = named.length > 0 ? named : permissions.filter((scope) => policies.hasConsent(scope))
  const missing = policies.missing(username, granted, proved)
  if (missing !== undefined) {
    const claims = JSON.stringify({ access_token: { acrs: { essential: true, value: missing } } })
    throw new Refused(50076, { claims, suberror: 'basic_action' })
  }
  return granted.map((scope) => `${identifier}/${scope}`)
}

async function tokens(provider: Provider, ctx: Context, scopes: readonly string[], state: TenantState) {
  const { client, account, params, issuer: iss } = ctx.oidc
  const identifier = resourceIdentifier(scopes.join(' '))
  const token = new provider.AccessToken({
    client,
    accountId: String(account?.accountId),
    grantId: '',
    gty: 'on_behalf_of'
  })
  token.scope = scopes.join(' ')
  token.resourceServer = new provider.ResourceServer(identifier, resourceServer(state, identifier).info(state.keys))
  const access_token = await token.save()
  const answer = { token_type: 'Bearer', scope: token.scope, expires_in: token.expiration, access_token }
  if (!String(params.scope).split(' ').includes('openid')) return answer
  const iat = Math.floor(Date.now() / 1000)
  const about = { aud: client.clientId, iss, iat, nbf: iat, exp: iat + token.expiration }
  const known = await account?.claims('id_token', 'openid', {}, [])
  return { ...answer, id_token: await signClaims(state.keys.shared[0], { ...known, ...about }) }
}
