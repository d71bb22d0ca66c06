/** A certificate of a client, as an operator makes it: with its private key, as PEM. */
import { generate } from 'selfsigned'

export interface CertificateFiles {
  readonly certificate: string
  readonly privateKey: string
  readonly publicKey: string
  /** Both, as `clientCertificate` and `ENTRA_CLIENT_CERTIFICATE` take them. */
  readonly pem: string
}

export async function clientCertificate(keyType: 'rsa' | 'ec' = 'rsa'): Promise<CertificateFiles> {
  const made = await generate([{ name: 'commonName', value: 'api' }], { keyType, algorithm: 'sha256' })
  const { cert: certificate, private: privateKey, public: publicKey } = made
  return { certificate, privateKey, publicKey, pem: `${privateKey}\n${certificate}` }
}
