/** This API as a client of its tenant: the credentials with which it requests tokens to call other APIs. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { ownProperties } from '../lib/own.js'
import { rejectUnknown, wholeNumber } from '../lib/validate.js'

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

/** How this API authenticates to its tenant when it requests tokens: by exactly one of the first three. */
export interface DownstreamOptions {
  /** A secret of the app registration. */
  clientSecret?: string
  /** A certificate of the app registration with its private key (RSA, not encrypted): both as PEM, in one string. */
  clientCertificate?: string
  /**
   * Returns a client assertion (RFC 7523 §2.2): a signed JWT of a managed identity, or of another workload identity that the registration
   * trusts. Called whenever a token is fetched.
   */
  clientAssertion?: () => string | Promise<string>
  /** A store in which instances share users' tokens. Default: each instance fetches its own. */
  sharedCache?: SharedTokenCache
  /** How many tokens an instance caches. Default: 10000. From 1 to 1000000. */
  maxTokens?: number
}

/** The validated credential. */
export type Credential =
  | { readonly clientSecret: string }
  | { readonly clientCertificate: { readonly thumbprintSha256: string; readonly privateKey: string } }
  | { readonly clientAssertion: () => string | Promise<string> }

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

const proofs = ['clientSecret', 'clientCertificate', 'clientAssertion'] as const
const names: readonly string[] = [...proofs, 'sharedCache', 'maxTokens']

/**
 * Checks the option `downstream`. Messages never show a value: these are secrets.
 *
 * @throws EntraConfigurationError with one sentence that names what to change
 */
export function downstreamOf(options: DownstreamOptions): Pick<OwnClient, 'credential' | 'sharedCache' | 'maxTokens'> {
  if (typeof options !== 'object' || options === null)
    throw new EntraConfigurationError(`downstream is not an object; give an object with one of ${proofs.join(', ')}`)
  rejectUnknown('downstream', options, names)
  const own = ownProperties(options)
  const { sharedCache, maxTokens } = own
  if (sharedCache !== undefined && ![sharedCache?.get, sharedCache?.set].every((each) => typeof each === 'function'))
    throw new EntraConfigurationError('downstream.sharedCache is not a store; give an object with get and set')
  const bounds = { least: 1, most: 1_000_000, default: 10_000 }
  return { credential: credentialOf(own), sharedCache, maxTokens: wholeNumber('maxTokens', maxTokens, bounds) }
}

function credentialOf(options: DownstreamOptions): Credential {
  const given = proofs.filter((name) => options[name] !== undefined)
  if (given.length !== 1) {
    const said = given.length === 0 ? 'is missing a credential' : `has ${given.join(' and ')}`
    throw new EntraConfigurationError(`downstream ${said}; give exactly one of ${proofs.join(', ')}`)
  }
  const { clientSecret, clientCertificate, clientAssertion } = options
  if (typeof clientAssertion === 'function') return { clientAssertion }
  if (clientCertificate !== undefined) return { clientCertificate: certificateOf(clientCertificate) }
  if (typeof clientSecret === 'string' && clientSecret !== '') return { clientSecret }
  const [name] = given
  const wanted =
    name === 'clientSecret' ? 'is empty or not a string; give the secret' : 'is not a function; give a function'
  throw new EntraConfigurationError(`downstream.${name} ${wanted}`)
}

/** MSAL signs with PS256 and names the certificate by `x5t#S256` (RFC 7515 §4.1.8): so the key is RSA, and must match the certificate. */
function certificateOf(pem: string) {
  const wanted = 'give a certificate and its private key, both as PEM in one text, the key RSA and not encrypted'
  try {
    const certificate = new X509Certificate(pem)
    const privateKey = createPrivateKey(pem)
    if (certificate.checkPrivateKey(privateKey) && privateKey.asymmetricKeyType === 'rsa') {
      const thumbprintSha256 = certificate.fingerprint256.replaceAll(':', '')
      return { thumbprintSha256, privateKey: String(privateKey.export({ type: 'pkcs8', format: 'pem' })) }
    }
  } catch {
    // OpenSSL's message is no help, and might show parts of the key.
  }
  throw new EntraConfigurationError(`downstream.clientCertificate cannot be used; ${wanted}`)
}
