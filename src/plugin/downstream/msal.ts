/**
 * The tenant's token endpoint, asked by MSAL. A client lives for one request: what MSAL remembers by itself has no bound, and would be
 * everybody's. `@azure/msal-node` is an optional package, and loaded at registration where the option `downstream` is given.
 */

import { type ExchangeJson, type JsonAnswer, reasonOf } from '../lib/json-client.js'
import { OutageError } from '../lib/outages.js'
import { hasOwn } from '../lib/own.js'
import type { Partition } from './encrypted-cache.js'
import type { Credential, OwnClient } from './options.js'
import { type NoToken, noToken } from './token-error.js'

/** A token that is asked for. */
export interface TokenRequest {
  /** Whose token endpoint: a directory ID, or a domain. */
  readonly tenantId: string
  readonly scopes: readonly string[]
  /** The caller's token, to be exchanged; without one the token is for this API itself. */
  readonly assertion?: string
  /** Whether what a shared cache holds was refused. */
  readonly isRenewal?: boolean
}

/** A token, and until when it is valid: seconds, as `exp`. */
export interface Granted {
  readonly token: string
  readonly expiresAt: number
}

/** Without `expires_in` a token ends when it was asked for, and MSAL rounds that to whole seconds, up as well as down. */
const leastLifetimeMs = 1000

/** The name of the package, for who has to install it. */
export const msalPackage = '@azure/msal-node'

/** Loads the package. Done before the first token is asked for, as that one would pay for it within its own deadline. */
export const loadMsal = () => import('@azure/msal-node')

/**
 * Asks for a token.
 *
 * @throws OutageError when the tenant cannot be reached, or asks to wait
 */
export async function requestToken(
  client: OwnClient,
  request: TokenRequest,
  exchangeJson: ExchangeJson,
  partition?: Partition
): Promise<Granted | NoToken> {
  const { ConfidentialClientApplication, DistributedCachePlugin } = await loadMsal()
  const wire = createWire(exchangeJson)
  const getKey = async () => String(partition?.key)
  const app = new ConfidentialClientApplication({
    auth: { clientId: client.clientId, ...authorityOf(client, request), ...(await proofOf(client.credential)) },
    system: { networkClient: wire.networkClient, loggerOptions: { loggerCallback: silent, piiLoggingEnabled: false } },
    ...(partition && {
      cache: { cachePlugin: new DistributedCachePlugin(store(partition), { getKey, extractKey: getKey }) }
    })
  })
  const { assertion, isRenewal = false } = request
  const scopes = [...request.scopes]
  try {
    // MSAL does not read a shared cache by itself before an exchange; this does.
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
 * Entra's endpoint is at the same path in every cloud (Microsoft: "on-behalf-of flow"), so there is nothing to discover. MSAL takes no
 * authority with http, as a tenant on loopback has; where tokens come from is said beside it.
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

async function proofOf(credential: Credential) {
  if (!hasOwn(credential, 'clientAssertion')) return credential
  try {
    const clientAssertion = await credential.clientAssertion()
    if (typeof clientAssertion === 'string' && clientAssertion !== '') return { clientAssertion }
  } catch (error) {
    throw new OutageError(`clientAssertion failed: ${reasonOf(error)}`)
  }
  throw new OutageError('clientAssertion returned no assertion')
}

/** MSAL's network, through our own bounded client; what came over it is kept, as MSAL's errors say less. */
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

/** What kind of error it was; its message may quote what was received. */
function nameOf(error: unknown): string {
  const { name, errorCode = name } = Object(error) as { name?: unknown; errorCode?: unknown }
  return String(errorCode)
}

/** MSAL hands out the text that it was given. */
function store({ client }: Partition) {
  return { get: client.get, set: async (key: string, value: string) => String(await client.set(key, value)) }
}

function silent(): void {}
