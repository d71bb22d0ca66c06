import { generate } from 'selfsigned'

/** A server certificate with its key, and the certificate authority that vouches for it; all as PEM. */
export interface TlsIdentity {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

const LIFETIME_DAYS = 30
const HOUR_MS = 3_600_000

const named = (value: string) => [{ name: 'commonName', value }]

/**
 * Makes a certificate authority and one certificate by it, for this machine's own names. The authority's key is discarded at once: trusting
 * the authority means trusting only this certificate.
 */
export async function createTlsIdentity(): Promise<TlsIdentity> {
  const common = {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - HOUR_MS),
    notAfterDate: new Date(Date.now() + LIFETIME_DAYS * 24 * HOUR_MS)
  } as const
  const authority = await generate(named('Embedded tenant, development only'), {
    ...common,
    extensions: [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, critical: true }
    ]
  })
  const server = await generate(named('localhost'), {
    ...common,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' }
        ]
      }
    ]
  })
  return { ca: authority.cert, cert: server.cert, key: server.private }
}
