/** Access tokens for the service itself, by MSAL: client credentials (RFC 6749 §4.4) with a secret or a certificate. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ConfidentialClientApplication } from '@azure/msal-node'
import type { Settings } from './settings.js'

/** Gives an access token; with `fresh`, one that was not there before. */
export type Tokens = (options?: { fresh: boolean }) => Promise<string>

/** Makes the one client of the process: MSAL keeps its tokens in it, and gives the same one until five minutes before its end. */
export function createTokens(settings: Settings): Tokens {
  const { authorityHost, tenantId, clientId, clientSecret, certificatePath, scope } = settings
  const credential = certificatePath ? certificateFrom(certificatePath) : { clientSecret: clientSecret ?? '' }
  const client = new ConfidentialClientApplication({
    auth: {
      clientId,
      authority: `${authorityHost}/${tenantId}`,
      // Trusted because the settings name it. MSAL would ask Microsoft about hosts that it does not know.
      knownAuthorities: [new URL(authorityHost).host],
      ...credential
    }
  })
  return async ({ fresh } = { fresh: false }) => {
    const result = await client.acquireTokenByClientCredential({ scopes: [scope], skipCache: fresh })
    if (!result) throw new Error('MSAL gave no token')
    return result.accessToken
  }
}

/** The certificate is named by its thumbprint, and the key signs an assertion: neither leaves the process. */
function certificateFrom(path: string) {
  const pem = readFileSync(path, 'utf8')
  const privateKey = createPrivateKey(pem).export({ type: 'pkcs8', format: 'pem' }).toString()
  const thumbprintSha256 = new X509Certificate(pem).fingerprint256.replaceAll(':', '')
  return { clientCertificate: { thumbprintSha256, privateKey } }
}
