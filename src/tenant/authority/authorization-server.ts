import { randomBytes } from 'node:crypto'
import { type AdapterFactory, type Configuration, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { checkScopes, consentToAll, resourceIndicators, shapeAccessToken } from '../directory/permissions.js'
import { offlineAccessNeedsNoPrompt, signInPolicy } from '../sign-in/prompts.js'
import { pairwiseSubject, signedIn } from '../tokens/claims.js'
import { claimsRequest } from '../tokens/claims-request.js'
import { privateKeySet } from '../tokens/keys.js'
import { serveOnBehalfOf } from '../tokens/on-behalf-of.js'
import { addToAnswer, answerAsEntra } from '../tokens/refusals.js'
import { type Authority, accountOf, common } from './authorities.js'
import { authenticateAsEntra, clientMetadata, namesCertificate } from './clients.js'
import { allowDeviceFlow, describeDeviceFlow, deviceFlow } from './device-flow.js'
import { isLoopback, issuer, pathsOf } from './endpoints.js'
import { serveEveryTenant } from './every-tenant.js'
import { acceptFederatedAssertions } from './federation.js'
import { showError, showNotFound } from './show-error.js'
import type { TenantState } from './state.js'

/** Creates an authority's server for the current keys, and registers further grants on it. */
export function createAuthorizationServer(state: TenantState, authority: Authority, storage: AdapterFactory): Provider {
  const provider = new Provider(issuer(state.origin, authority.tenantId, 2), configuration(state, authority, storage))
  provider.use(showNotFound)
  provider.use(acceptFederatedAssertions(state, authority))
  provider.use(offlineAccessNeedsNoPrompt)
  provider.Client.prototype.redirectUriAllowed = isLoopback
  authenticateAsEntra(provider)
  allowDeviceFlow(provider)
  provider.on('grant.error', answerAsEntra)
  provider.on('grant.success', addToAnswer)
  provider.on('device_authorization.success', describeDeviceFlow)
  if (authority === common) serveEveryTenant(provider, state.origin)
  else serveOnBehalfOf(provider, state, authority)
  return provider
}

const HOUR = 3600
const DAY = 24 * HOUR

/** An application on another origin may sign in silently, in a frame: over https, as at Entra ID. */
const isSecure = ({ origin }: TenantState) => origin.startsWith('https:')

/** Signs the cookies for as long as the process runs, whichever key signs the tokens. */
const cookieKeys = [randomBytes(32).toString('base64url')]

function configuration(state: TenantState, authority: Authority, adapter: AdapterFactory): Configuration {
  const paths = pathsOf(authority.name)
  return {
    adapter,
    clients: authority.clients.map((client) => clientMetadata(client, state.certificates.get(client.clientId))),
    assertJwtClientAuthClaimsAndHeader: namesCertificate(state.certificates),
    jwks: privateKeySet(state.keys),
    cookies: {
      keys: cookieKeys,
      long: { sameSite: isSecure(state) ? 'none' : 'lax', httpOnly: true, overwrite: true }
    },
    routes: {
      authorization: paths.authorize,
      token: paths.token,
      end_session: paths.logout,
      device_authorization: paths.deviceCode,
      code_verification: paths.deviceAuth
    },
    features: {
      clientCredentials: { enabled: true },
      deviceFlow: deviceFlow(authority),
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, ...resourceIndicators(state) },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false }
    },
    formats: { customizers: { jwt: shapeAccessToken(state, authority) } },
    claims: { openid: ['sub', 'oid', 'tid', 'ver'], profile: ['name', 'preferred_username'], email: ['email'] },
    conformIdTokenClaims: false,
    extraParams: { claims: checkParameters(state, authority) },
    clientBasedCORS: (_ctx, origin) => isLoopback(origin),
    // By user name, as each tenant has an object of its own for the same user.
    findAccount: (_ctx, username) => signedIn(accountOf(authority, username)),
    interactions: { policy: signInPolicy(), url: (_ctx, { uid }) => `${paths.signIn}/${uid}` },
    loadExistingGrant: consentToAll,
    pairwiseIdentifier: (_ctx, username, { clientId }) =>
      pairwiseSubject(String(accountOf(authority, username)?.user.oid), clientId),
    subjectTypes: ['public', 'pairwise'],
    pkce: { required: () => true },
    // A used refresh token stays valid (Microsoft: "Refresh tokens in the Microsoft identity platform", token lifetime).
    rotateRefreshToken: false,
    ttl: lifetimes(state),
    renderError: showError(authority)
  }
}

/** Checks `claims`, of which the server's own support covers only ID tokens and the userinfo endpoint, and with it the scopes. */
const checkParameters =
  (state: TenantState, authority: Authority) =>
  ({ oidc }: KoaContextWithOIDC, claims: unknown) => {
    const client = authority.clients.find(({ clientId }) => clientId === oidc.client?.clientId)
    checkScopes(state, oidc.params?.scope, String(client?.name))
    claimsRequest(claims)
  }

const lifetimes = ({ accessTokenLifetimeSeconds }: TenantState) => ({
  AccessToken: accessTokenLifetimeSeconds,
  ClientCredentials: accessTokenLifetimeSeconds,
  Grant: DAY,
  IdToken: HOUR,
  Interaction: HOUR,
  RefreshToken: DAY,
  Session: DAY
})
