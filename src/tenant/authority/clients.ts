import { X509Certificate } from 'node:crypto'
import { type ClientMetadata, type Configuration, Provider } from 'oidc-provider'
import type { Client } from '../directory/directory.js'
import { Refused } from '../tokens/refusals.js'

/** The grant of RFC 7523 as Entra ID uses it (Microsoft: "OAuth 2.0 On-Behalf-Of flow"). */
export const ON_BEHALF_OF_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/**
 * Without a secret: a public client that signs users in. With one: an application that authenticates by its secret, or by a certificate if
 * it has one.
 */
export function clientMetadata({ clientId, clientSecret }: Client, certificate: string | undefined): ClientMetadata {
  if (clientSecret === undefined) return publicClient(clientId)
  return {
    client_id: clientId,
    client_secret: clientSecret,
    grant_types: ['client_credentials', ON_BEHALF_OF_GRANT],
    response_types: [],
    redirect_uris: [],
    ...(certificate !== undefined && {
      jwks: { keys: [new X509Certificate(certificate).publicKey.export({ format: 'jwk' })] }
    })
  } as ClientMetadata
}

function publicClient(clientId: string): ClientMetadata {
  return {
    client_id: clientId,
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    subject_type: 'pairwise',
    // One represents all of loopback: see `isLoopback`.
    redirect_uris: ['http://localhost']
  }
}

/** Rules in which Entra ID is more lenient than the authorization server. */
export function authenticateAsEntra({ Client, ReplayDetection }: Provider): void {
  // A client that has both may use either its secret or its certificate.
  Object.defineProperty(Client.prototype, 'clientAuthMethod', {
    get(this: InstanceType<Provider['Client']>) {
      return Provider.ctx?.oidc.params?.client_assertion ? 'private_key_jwt' : this.tokenEndpointAuthMethod
    }
  })
  // The Microsoft libraries send an assertion until it expires.
  ReplayDetection.unique = async () => true
}

/** An assertion names the certificate by its thumbprint (Microsoft: "Application authentication certificate credentials"). */
export function namesCertificate(
  certificates: ReadonlyMap<string, string>
): NonNullable<Configuration['assertJwtClientAuthClaimsAndHeader']> {
  return (_ctx, _claims, header, { clientId }) => {
    // The assertion was verified with this client's key.
    const certificate = new X509Certificate(String(certificates.get(clientId)))
    const isNamed =
      header.x5t === thumbprint(certificate.fingerprint) ||
      header['x5t#S256'] === thumbprint(certificate.fingerprint256)
    if (!isNamed) throw new Refused(700027)
  }
}

function thumbprint(fingerprint: string): string {
  return Buffer.from(fingerprint.replaceAll(':', ''), 'hex').toString('base64url')
}
