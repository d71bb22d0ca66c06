/** Where this API's credential comes from: from the options, from a file, or from a function that is called again. */
import type { Stats } from 'node:fs'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { loggedText } from '../lib/logged-text.js'
import { OutageError } from '../lib/outages.js'
import { readRegularFile, readRegularFileSync } from '../lib/regular-file.js'
import { shown } from '../lib/validate.js'
import { identityProofs, type ManagedIdentityOptions, managedIdentityOf } from './managed-identity.js'
import { type ClientCredential, certificateProof, eachOf, type Proofs, proofsOf } from './proof.js'

/** How this API authenticates to its tenant when it requests tokens: by exactly one of these. */
export interface CredentialOptions {
  /** A secret of the app registration; or a list of two during a rotation, of which the tenant has to accept one. */
  clientSecret?: string | readonly string[]
  /**
   * A certificate of the app registration with its private key (RSA, not encrypted): both as PEM, in one string; or a list of two during a
   * rotation.
   */
  clientCertificate?: string | readonly string[]
  /**
   * Path of a PEM file with such a certificate and its key. Read at registration, and again whenever a token is fetched; the certificate
   * before the last change is tried as well. While the file cannot be used, the last certificate is.
   */
  clientCertificateFile?: string
  /**
   * Returns a client assertion (RFC 7523 §2.2): a signed JWT of a workload identity that the registration trusts. Called whenever a token
   * is fetched.
   */
  clientAssertion?: () => string | Promise<string>
  /**
   * Returns a credential, for instance from a key vault. Called when the first token is fetched, again five minutes later, and when the
   * tenant refuses the credential, at most every 30 seconds. While it fails, the last credential is used.
   */
  credential?: () => ClientCredential | Promise<ClientCredential>
  /**
   * Path of a file with a token of a workload identity that the registration trusts, such as that of a Kubernetes service account in
   * `AZURE_FEDERATED_TOKEN_FILE`. Read at registration, and again whenever a token is fetched.
   */
  federatedTokenFile?: string
  /** The managed identity of this machine, through a federated credential of the registration; `{}` is the system-assigned one. */
  managedIdentity?: ManagedIdentityOptions
}

/** A credential that was validated as far as it is known yet. */
export interface Credential {
  /** The option, for messages. */
  readonly name: string
  /** What is known at registration. */
  readonly initial: Proofs | undefined
  /** Loads it again; `undefined` if it never changes. It rejects with any error. */
  readonly load: ((isRefused: boolean) => Promise<Proofs>) | undefined
  /** Seconds for which a loaded credential is used without loading it again. */
  readonly seconds: number
}

/** A secret that was replaced is read within this time, and at once where the old one is refused. */
const functionSeconds = 300

/** The options, of which exactly one is given. */
export const credentialNames: readonly (keyof CredentialOptions)[] = [
  'clientSecret',
  'clientCertificate',
  'clientCertificateFile',
  'clientAssertion',
  'credential',
  'federatedTokenFile',
  'managedIdentity'
]

/**
 * Checks the credential. Messages never show a value.
 *
 * @param exchangeAudience for which the tenant's cloud accepts tokens of managed identities
 * @throws EntraConfigurationError with one sentence that names what to change
 */
export function credentialOf(options: CredentialOptions, exchangeAudience: string | undefined): Credential {
  const given = credentialNames.filter((name) => options[name] !== undefined)
  const [name] = given
  if (name === undefined || given.length !== 1) {
    const said = given.length === 0 ? 'is missing a credential' : `has ${given.join(' and ')}`
    throw new EntraConfigurationError(`downstream ${said}; give exactly one of ${credentialNames.join(', ')}`)
  }
  const full = `downstream.${name}`
  const { clientSecret, clientCertificate, clientCertificateFile: pemFile, managedIdentity } = options
  const { federatedTokenFile: tokenFile } = options
  if (clientSecret !== undefined)
    return fixed(
      full,
      eachOf(full, clientSecret, (_name, text) => ({ clientSecret: text }))
    )
  if (clientCertificate !== undefined) return fixed(full, eachOf(full, clientCertificate, certificateProof))
  if (pemFile !== undefined) return fileCredential(full, pemFile, (text) => [certificateProof(full, text)])
  if (tokenFile !== undefined) return fileCredential(full, tokenFile, (text) => assertionIn(full, tokenFile, text))
  if (managedIdentity === undefined) return functionCredential(full, options)
  return loaded(full, identityProofs(managedIdentityOf(managedIdentity, exchangeAudience)))
}

const fixed = (name: string, initial: Proofs): Credential => ({ name, initial, load: undefined, seconds: 0 })
const loaded = (name: string, load: (isRefused: boolean) => Promise<Proofs>, seconds = 0): Credential => ({
  name,
  initial: undefined,
  load,
  seconds
})

function functionCredential(name: string, { clientAssertion, credential }: CredentialOptions): Credential {
  const call: unknown = clientAssertion ?? credential
  if (typeof call !== 'function') throw new EntraConfigurationError(`${name} is not a function; give a function`)
  if (credential) return loaded(name, async () => proofsOf(name, await call()), functionSeconds)
  const load = async (): Promise<Proofs> => {
    const assertion: unknown = await call()
    if (typeof assertion === 'string' && assertion !== '') return [{ clientAssertion: assertion }]
    throw new OutageError('downstream.clientAssertion returned no assertion')
  }
  return loaded(name, load)
}

/** The file is replaced while this process runs, so that it is read again each time; a token is fetched rarely. */
function fileCredential(name: string, path: unknown, toProofs: (text: string) => Proofs): Credential {
  if (typeof path !== 'string' || path === '')
    throw new EntraConfigurationError(`${name} is empty or not a string; give the path of a file`)
  const load = async () => {
    const text = await readRegularFile(path, checkFile).catch((error: unknown) => {
      throw unreadable(name, path, error)
    })
    return toProofs(text)
  }
  return { name, seconds: 0, initial: toProofs(textOf(name, path)), load }
}

/** Of a credential in a file, in bytes: far more than a token, or a chain of certificates. */
const maxBytes = 1024 * 1024

/** @throws with a `code` that says why */
function checkFile(file: Stats): void {
  if (!file.isFile()) throw Object.assign(new Error(), { code: 'it is not a regular file' })
  if (file.size > maxBytes) throw Object.assign(new Error(), { code: `it is larger than ${maxBytes} bytes` })
}

function textOf(name: string, path: string): string {
  try {
    return readRegularFileSync(path, checkFile)
  } catch (error) {
    throw unreadable(name, path, error)
  }
}

function unreadable(name: string, path: string, error: unknown): EntraConfigurationError {
  const { code } = Object(error) as NodeJS.ErrnoException
  return new EntraConfigurationError(
    `${name} cannot be read (${code}); give the path of a file that this process may read, in place of ${pathIn(path)}`
  )
}

/** A JWT (RFC 7519 §3): three parts, base64url. */
const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/

function assertionIn(name: string, path: string, text: string): Proofs {
  const clientAssertion = text.trim()
  if (jwt.test(clientAssertion)) return [{ clientAssertion }]
  throw new EntraConfigurationError(
    `${name} has no JWT in the file ${pathIn(path)}; give the path of the file into which the platform writes the token`
  )
}

/** A path for a message; what may have been pasted in place of one, such as a PEM or a token, is not shown. */
function pathIn(path: string): string {
  return /^[^\n\r]{1,300}$/.test(path) ? shown(loggedText(path)) : 'what is not shown'
}
