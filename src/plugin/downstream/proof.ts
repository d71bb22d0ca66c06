/** What a request to the token endpoint authenticates with: validated, as MSAL takes it. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { EntraConfigurationError } from '../lib/configuration-error.js'
import { hasOwn, ownProperties } from '../lib/own.js'

/** Returned by the option `credential`: exactly one of these members. A list has the current value first, and one more during a rotation. */
export interface ClientCredential {
  /** A secret of the app registration, or two. */
  readonly clientSecret?: string | readonly string[]
  /** A certificate of the app registration with its private key (RSA, not encrypted), both as PEM in one string; or two. */
  readonly clientCertificate?: string | readonly string[]
  /** A client assertion (RFC 7523 §2.2): a signed JWT of a workload identity that the registration trusts. Used for one token. */
  readonly clientAssertion?: string
}

/** A certificate with its key. */
export interface CertificateProof {
  /** SHA-256, hexadecimal. */
  readonly thumbprintSha256: string
  /** PEM (PKCS #8). */
  readonly privateKey: string
  /** Milliseconds of the epoch: the certificate's `notAfter` (RFC 5280 §4.1.2.5). */
  readonly notAfter: number
}

/** One way to authenticate. */
export type Proof =
  | { readonly clientSecret: string }
  | { readonly clientCertificate: CertificateProof }
  | { readonly clientAssertion: string }

/** One, and a second one during a rotation, in the order in which they are tried. */
export type Proofs = readonly [Proof, ...Proof[]]

const kinds = ['clientSecret', 'clientCertificate', 'clientAssertion'] as const

/**
 * Validates a credential. Messages never show a value.
 *
 * @param whose what the value belongs to, for messages
 * @throws EntraConfigurationError with one sentence that names what to change
 */
export function proofsOf(whose: string, value: unknown): Proofs {
  const own: Readonly<Record<string, unknown>> =
    typeof value === 'object' && value !== null ? ownProperties(value) : Object.create(null)
  const [kind, ...more] = kinds.filter((each) => own[each] !== undefined)
  if (kind === undefined || more.length > 0)
    throw new EntraConfigurationError(`${whose} has none or several of ${kinds.join(', ')}; give exactly one of them`)
  if (kind === 'clientCertificate') return eachOf(`${whose}.${kind}`, own[kind], certificateProof)
  const toProof = (_name: string, text: string) =>
    kind === 'clientSecret' ? { clientSecret: text } : { clientAssertion: text }
  return eachOf(`${whose}.${kind}`, own[kind], toProof)
}

/**
 * Validates one string, or two during a rotation.
 *
 * @throws EntraConfigurationError with one sentence that names what to change
 */
export function eachOf(name: string, value: unknown, toProof: (name: string, text: string) => Proof): Proofs {
  const all = [value].flat()
  const { length } = all
  const [first, ...others] = all
  const wanted = 'give one string that is not empty, or a list of two during a rotation'
  if (length > 2) throw new EntraConfigurationError(`${name} is a list of ${length}; ${wanted}`)
  const isText = (each: unknown): each is string => typeof each === 'string' && each !== ''
  if (isText(first) && others.every(isText)) return [toProof(name, first), ...others.map((each) => toProof(name, each))]
  throw new EntraConfigurationError(`${name} is empty or not a string; ${wanted}`)
}

/**
 * Reads a certificate and its key. MSAL signs with PS256 and names the certificate by `x5t#S256` (RFC 7515 §4.1.8): so the key is RSA, and
 * must match the certificate.
 *
 * @param name of the option, for the message
 * @throws EntraConfigurationError when the text has none
 */
export function certificateProof(name: string, pem: string): Proof {
  const wanted = 'give a certificate and its private key, both as PEM in one text, the key RSA and not encrypted'
  try {
    const certificate = new X509Certificate(pem)
    const key = createPrivateKey(pem)
    if (certificate.checkPrivateKey(key) && key.asymmetricKeyType === 'rsa') {
      const thumbprintSha256 = certificate.fingerprint256.replaceAll(':', '')
      const privateKey = String(key.export({ type: 'pkcs8', format: 'pem' }))
      return { clientCertificate: { thumbprintSha256, privateKey, notAfter: Date.parse(certificate.validTo) } }
    }
  } catch {
    // OpenSSL's message is no help, and might show parts of the key.
  }
  throw new EntraConfigurationError(`${name} cannot be used; ${wanted}`)
}

/** Whether two are the same secret or certificate. */
export function isSameProof(one: Proof, other: Proof): boolean {
  return identityOf(one) === identityOf(other)
}

function identityOf(proof: Proof): string {
  return hasOwn(proof, 'clientCertificate') ? proof.clientCertificate.thumbprintSha256 : JSON.stringify(proof)
}
