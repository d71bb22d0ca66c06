import { randomBytes } from 'node:crypto'
import {
  type AdapterFactory,
  type ClientMetadata,
  type Configuration,
  interactionPolicy,
  Provider
} from 'oidc-provider'
import { pairwiseSubject } from './claims.js'
import { type Client, clients, tenantId, type User, users } from './directory.js'
import { issuer, LOOPBACK, paths } from './endpoints.js'
import { privateKeySet } from './keys.js'
import { consentToAll, resourceIndicators, shapeAccessToken } from './permissions.js'
import type { TenantState } from './state.js'

/** Makes the authorization server for the tenant's present keys; further grants are registered on it here. */
export function createAuthorizationServer(state: TenantState, storage: AdapterFactory): Provider {
  const provider = new Provider(issuer(state.origin, 2), configuration(state, storage))
  provider.use(offlineAccessNeedsNoPrompt)
  provider.Client.prototype.redirectUriAllowed = isLoopback
  return provider
}

const HOUR = 3600
const DAY = 24 * HOUR

const isLoopback = (uri: string) => LOOPBACK.test(uri)

/** Signs the cookies for as long as the process runs, whichever key signs the tokens. */
const cookieKeys = [randomBytes(32).toString('base64url')]

function configuration(state: TenantState, adapter: AdapterFactory): Configuration {
  return {
    adapter,
    clients: clients.map(clientMetadata),
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
    formats: { customizers: { jwt: shapeAccessToken(state) } },
    claims: { openid: ['sub', 'oid', 'tid', 'ver'], profile: ['name', 'preferred_username'], email: ['email'] },
    conformIdTokenClaims: false,
    clientBasedCORS: (_ctx, origin) => LOOPBACK.test(origin),
    findAccount: (_ctx, oid) => ({ accountId: oid, claims: () => idTokenClaims(oid) }),
    interactions: { policy: signInPolicy(), url: (_ctx, { uid }) => `${paths.signIn}/${uid}` },
    loadExistingGrant: consentToAll,
    pairwiseIdentifier: (_ctx, oid, client) => pairwiseSubject(oid, client.clientId),
    subjectTypes: ['public', 'pairwise'],
    pkce: { required: () => true },
    ttl: {
      AccessToken: state.accessTokenLifetimeSeconds,
      ClientCredentials: state.accessTokenLifetimeSeconds,
      Grant: DAY,
      IdToken: HOUR,
      Interaction: HOUR,
      RefreshToken: DAY,
      Session: DAY
    },
    renderError: (ctx, { error, error_description }) => {
      ctx.type = 'text/plain'
      ctx.body = `${error}: ${error_description}`
    }
  }
}

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

/** What an ID token says of a user (Microsoft: "ID token claims reference"); the scopes decide what is sent. */
function idTokenClaims(accountId: string) {
  const { oid, name, username } = users.find((user) => user.oid === accountId) as User
  return { sub: oid, oid, tid: tenantId, ver: '2.0', name, preferred_username: username, email: username }
}

/** Consent is never asked for, and `prompt=select_account` is known, as the Microsoft libraries send it. */
function signInPolicy() {
  const policy = interactionPolicy.base()
  for (const prompt of policy.filter(({ name }) => name === 'consent')) prompt.checks.clear()
  policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0)
  return policy
}

/**
 * OpenID Connect Core 1.0 §11 honours `offline_access` only with `prompt=consent`; Entra ID honours it always. With
 * consent automatic, adding the prompt has no other effect. (`none` has to stand alone, §3.1.2.1.)
 */
const offlineAccessNeedsNoPrompt: Parameters<Provider['use']>[0] = async (ctx, next) => {
  const { prompt = '' } = ctx.query
  if (prompt !== 'none') ctx.query = { ...ctx.query, prompt: `${prompt} consent`.trim() }
  await next()
}
