/** This API as a client of its tenant: the credentials with which it requests tokens to call other APIs. */
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownProperties } from '../lib/own.js'
import { rejectUnknown, wholeNumber } from '../lib/validate.js'
import { type Credential, type CredentialOptions, credentialNames, credentialOf } from './credential.js'

/**
 * A store that instances share, in the form of MSAL's distributed cache plugin (`ICacheClient`). Values are encrypted before they are
 * stored.
 */
export interface SharedTokenCache {
  /** Returns the value of a key; an empty string if there is none. */
  get(key: string): Promise<string>
  /** Stores a value. It is useless after some hours, so let it expire. */
  set(key: string, value: string): Promise<unknown>
}

/** This API's credential, and how it caches tokens. */
export interface DownstreamOptions extends CredentialOptions {
  /** A store in which instances share users' tokens. Default: each instance fetches its own. */
  sharedCache?: SharedTokenCache
  /** How many tokens an instance caches. Default: 10000. From 1 to 1000000. */
  maxTokens?: number
}

/** This API as a client, completed with data of its tenant. */
export interface OwnClient {
  readonly clientId: string
  /** Origin of the sign-in service. */
  readonly authority: string
  /** As configured: a GUID, a domain, or the name of many tenants. */
  readonly tenantId: string
  /** True when {@link tenantId} stands for many tenants. */
  readonly isMany: boolean
  /** Origin of the cloud's Microsoft Graph. */
  readonly graphUrl: string
  readonly credential: Credential
  readonly sharedCache: SharedTokenCache | undefined
  readonly maxTokens: number
}

const names: readonly string[] = [...credentialNames, 'sharedCache', 'maxTokens']

/**
 * Checks the option `downstream`. Messages never show a value: these are secrets.
 *
 * @param exchangeAudience for which the tenant's cloud accepts tokens of managed identities
 * @throws EntraConfigurationError with one sentence that names what to change
 */
export function downstreamOf(
  options: DownstreamOptions,
  exchangeAudience?: string
): Pick<OwnClient, 'credential' | 'sharedCache' | 'maxTokens'> {
  if (typeof options !== 'object' || options === null)
    throw new EntraConfigurationError(
      `downstream is not an object; give an object with one of ${credentialNames.join(', ')}`
    )
  rejectUnknown('downstream', options, names)
  const own = ownProperties(options)
  const { sharedCache, maxTokens } = own
  if (sharedCache !== undefined && ![sharedCache?.get, sharedCache?.set].every((each) => typeof each === 'function'))
    throw new EntraConfigurationError('downstream.sharedCache is not a store; give an object with get and set')
  const bounds = { least: 1, most: 1_000_000, default: 10_000 }
  const credential = credentialOf(own, exchangeAudience)
  return { credential, sharedCache, maxTokens: wholeNumber('maxTokens', maxTokens, bounds) }
}
