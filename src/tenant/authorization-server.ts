import { randomBytes } from 'node:crypto'
import { type AdapterFactory, type ClientMetadata, type Configuration, Provider } from 'oidc-provider'
import { type Account, type Authority, accountOf, common } from './authorities.js'
import { pairwiseSubject } from './claims.js'
import { claimsRequest } from './claims-request.js'
import type { Client } from './directory.js'
import { issuer, LOOPBACK, pathsOf } from './endpoints.js'
import { serveEveryTenant } from './every-tenant.js'
import { privateKeySet } from './keys.js'
import { consentToAll, resourceIndicators, shapeAccessToken } from './permissions.js'
import { offlineAccessNeedsNoPrompt, signInPolicy } from './prompts.js'
import { answerAsEntra } from './refusals.js'
import type { TenantState } from './state.js'

/** Makes an authority's server for the present keys; further grants are registered on it here. */
export function createAuthorizationServer(state: TenantState, authority: Authority, storage: AdapterFactory): Provider {
  const provider = new Provider(issuer(state.origin, authority.tenantId, 2), configuration(state, authority, storage))
  provider.use(offlineAccessNeedsNoPrompt)
  provider.Client.prototype.redirectUriAllowed = isLoopback
  provider.on('grant.error', answerAsEntra)
  if (authority === common) serveEveryTenant(provider, state.origin)
  return provider
}

const HOUR = 3600
const DAY = 24 * HOUR

const isLoopback = (uri: string) => LOOPBACK.test(uri)

/** Signs the cookies for as long as the process runs, whichever key signs the tokens. */
const cookieKeys = [randomBytes(32).toString('base64url')]

function configuration(state: TenantState, authority: Authority, adapter: AdapterFactory): Configuration {
  const paths = pathsOf(authority.name)
  return {
    adapter,
    clients: authority.clients.map(clientMetadata),
    jwks: privateKeySet(state.keys),
    cookies: { keys: cookieKeys },
    routes: { authorization: paths.authorize, token: paths.token, end_session: paths.logout },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, ...resourceIndicators(state) },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false }
    },
    formats: { customizers: { jwt: shapeAccessToken(state, authority) } },
    claims: { openid: ['sub', 'oid', 'tid', 'ver'], profile: ['name', 'preferred_username'], email: ['email'] },
    conformIdTokenClaims: false,
    // The server's own support of it knows ID tokens and the userinfo endpoint only.
    extraParams: { claims: (_ctx, claims) => void claimsRequest(claims) },
    clientBasedCORS: (_ctx, origin) => LOOPBACK.test(origin),
    // Who signed in is the same at every tenant, and each has an object of its own for it: hence by user name.
    findAccount: (_ctx, username) => signedIn(accountOf(authority, username)),
    interactions: { policy: signInPolicy(), url: (_ctx, { uid }) => `${paths.signIn}/${uid}` },
    loadExistingGrant: consentToAll,
    pairwiseIdentifier: (_ctx, username, { clientId }) =>
      pairwiseSubject(String(accountOf(authority, username)?.user.oid), clientId),
    subjectTypes: ['public', 'pairwise'],
    pkce: { required: () => true },
    // One that was used stays good (Microsoft: "Refresh tokens in the Microsoft identity platform", token lifetime).
    rotateRefreshToken: false,
    ttl: lifetimes(state),
    renderError: (ctx, { error, error_description }) => {
      ctx.type = 'text/plain'
      ctx.body = `${error}: ${error_description}`
    }
  }
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

/** Without a secret: a public client that signs users in. With one: a daemon, which gets app-only tokens. */
function clientMetadata({ clientId, clientSecret }: Client): ClientMetadata {
  if (clientSecret !== undefined) {
    return {
      client_id: clientId,
      client_secret: clientSecret,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: []
    }
  }
  return {
    client_id: clientId,
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    subject_type: 'pairwise',
    // One stands for all of loopback: see `isLoopback`.
    redirect_uris: ['http://localhost']
  }
}

/** A user, with what an ID token says (Microsoft: "ID token claims reference"); the scopes decide what is sent. */
function signedIn(account: Account | undefined) {
  if (!account) return undefined
  const { tenantId, user } = account
  const { oid, name, username } = user
  const claims = { sub: oid, oid, tid: tenantId, ver: '2.0', name, preferred_username: username, email: username }
  return { accountId: username, tenantId, claims: () => claims }
}
