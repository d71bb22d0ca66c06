/**
 * Calls the tenant's token endpoint through MSAL. A client lives for one request: MSAL's own cache is unbounded, and all users would share
 * it.
 */

import { type ExchangeJson, type JsonAnswer, reasonOf } from '../lib/json-client.js'
import { OutageError } from '../lib/outages.js'
import type { Partition } from './encrypted-cache.js'
import { loadMsal } from './load-msal.js'
import type { OwnClient } from './options.js'
import type { Proof } from './proof.js'
import { type NoToken, noToken } from './token-error.js'

/** A request for a token. */
export interface TokenRequest {
  /** The tenant of the token endpoint: a directory ID, or a domain. */
  readonly tenantId: string
  readonly scopes: readonly string[]
  /** The caller's token to exchange; without it the token is for this API itself. */
  readonly assertion?: string
  /** Whether the token in the shared cache was refused. */
  readonly isRenewal?: boolean
}

/** A token, and its expiry in seconds, as `exp`. */
export interface Granted {
  readonly token: string
  readonly expiresAt: number
}

/** Who requests a token, and over what. */
export interface TokenCall {
  readonly client: OwnClient
  /** What the client authenticates with. */
  readonly proof: Proof
  readonly exchangeJson: ExchangeJson
  /** The part of a shared cache in which the token may be. */
  readonly partition?: Partition | undefined
}

/** Without `expires_in` a token expires at the time of its request, which MSAL rounds to whole seconds, up or down. */
const leastLifetimeMs = 1000

/**
 * Requests a token.
 *
 * @throws OutageError when the tenant cannot be reached, or throttles the request
 */
export async function requestToken(
  { client, proof, exchangeJson, partition }: TokenCall,
  request: TokenRequest
): Promise<Granted | NoToken> {
  const { ConfidentialClientApplication, DistributedCachePlugin } = await loadMsal()
  const wire = createWire(exchangeJson)
  const getKey = async () => String(partition?.key)
  const app = new ConfidentialClientApplication({
    auth: { clientId: client.clientId, ...authorityOf(client, request), ...proof },
    system: { networkClient: wire.networkClient, loggerOptions: { loggerCallback: silent, piiLoggingEnabled: false } },
    ...(partition && {
      cache: { cachePlugin: new DistributedCachePlugin(store(partition), { getKey, extractKey: getKey }) }
    })
  })
  const { assertion, isRenewal = false } = request
  const scopes = [...request.scopes]
  try {
    // MSAL does not read a shared cache before an exchange; this does.
    if (partition) await app.getTokenCache().getAllAccounts()
    const result =
      assertion === undefined
        ? await app.acquireTokenByClientCredential({ scopes })
        : await app.acquireTokenOnBehalfOf({ scopes, oboAssertion: assertion, skipCache: isRenewal })
    if (result?.accessToken && Number(result.expiresOn) > Date.now() + leastLifetimeMs)
      return { token: result.accessToken, expiresAt: Number(result.expiresOn) / 1000 }
  } catch (error) {
    wire.reason ??= nameOf(error)
  }
  const { refusal, about } = noToken(wire.settled(), request.scopes)
  return { refusal, about: { ...about, reason: wire.reason } }
}

/**
 * Entra's endpoint is at the same path in every cloud (Microsoft: "on-behalf-of flow"), so there is nothing to discover. MSAL accepts no
 * http authority, which a tenant on loopback has; the token endpoint is passed separately.
 */
function authorityOf({ authority }: OwnClient, { tenantId }: TokenRequest) {
  const root = `${authority}/${tenantId}`
  const metadata = {
    issuer: `${root}/v2.0`,
    authorization_endpoint: `${root}/oauth2/v2.0/authorize`,
    token_endpoint: `${root}/oauth2/v2.0/token`,
    jwks_uri: `${root}/discovery/v2.0/keys`
  }
  return {
    authority: root.replace(/^http:/, 'https:'),
    knownAuthorities: [new URL(authority).host],
    authorityMetadata: JSON.stringify(metadata)
  }
}

/** MSAL's network client, through this package's bounded one. It keeps the response, as MSAL's errors omit parts of it. */
function createWire(exchangeJson: ExchangeJson) {
  let answer: JsonAnswer = { status: 0, headers: {}, body: undefined }
  let failure: OutageError | undefined
  const send =
    (method: 'GET' | 'POST') => async (url: string, options?: { headers?: Record<string, string>; body?: string }) => {
      try {
        answer = await exchangeJson(url, { method, ...options })
      } catch (error) {
        failure = new OutageError(reasonOf(error))
        throw failure
      }
      return { status: answer.status, headers: {}, body: answer.body as never }
    }
  return {
    reason: undefined as string | undefined,
    networkClient: { sendGetRequestAsync: send('GET'), sendPostRequestAsync: send('POST') },
    settled(): JsonAnswer {
      if (failure) throw failure
      return answer
    }
  }
}

/** The kind of the error; its message may quote the response. */
function nameOf(error: unknown): string {
  const { name, errorCode = name } = Object(error) as { name?: unknown; errorCode?: unknown }
  return String(errorCode)
}

/** MSAL passes on the text that it received. */
function store({ client }: Partition) {
  return { get: client.get, set: async (key: string, value: string) => String(await client.set(key, value)) }
}

function silent(): void {}
