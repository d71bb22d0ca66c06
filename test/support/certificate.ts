/** A certificate of a client, as an operator makes it: with its private key, as PEM. */
import { generate } from 'selfsigned'

export interface CertificateFiles {
  readonly certificate: string
  readonly privateKey: string
  readonly publicKey: string
  /** Both, as `clientCertificate` and `ENTRA_CLIENT_CERTIFICATE` take them. */
  readonly pem: string
}

/** @param lifetimeMs how long from now it is valid; a negative number for one that has expired */
export async function clientCertificate(
  keyType: 'rsa' | 'ec' = 'rsa',
  lifetimeMs = 365 * 86_400_000
): Promise<CertificateFiles> {
  const made = await generate([{ name: 'commonName', value: 'api' }], {
    keyType,
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - 40 * 86_400_000),
    notAfterDate: new Date(Date.now() + lifetimeMs)
  })
  const { cert: certificate, private: privateKey, public: publicKey } = made
  return { certificate, privateKey, publicKey, pem: `${privateKey}\n${certificate}` }
}
