/** A terminal program: its user signs in with a browser, on any device, and the API says who that is (RFC 8628). */
import { PublicClientApplication } from '@azure/msal-node'

/** Named as Azure's own SDKs name them. */
const { API_URL = 'http://127.0.0.1:3000', AZURE_AUTHORITY_HOST = 'https://login.microsoftonline.com' } = process.env

async function main(): Promise<void> {
  const response = await fetch(`${API_URL}/me`, {
    headers: { authorization: `Bearer ${await signIn()}` },
    signal: AbortSignal.timeout(10_000)
  })
  const body = (await response.json()) as Record<string, unknown>
  // A refusal is a problem (RFC 9457): `detail` says what to change.
  if (!response.ok) throw new Error(`/me: ${response.status} ${body.code}: ${body.detail}`)
  console.log(`Signed in as ${body.name} (${body.email ?? 'no address'}).`)
}

/** Shows the user where to enter which code, and waits until that is done; MSAL asks the tenant as often as it may. */
async function signIn(): Promise<string> {
  const client = new PublicClientApplication({
    auth: {
      clientId: setting('AZURE_CLIENT_ID'),
      authority: `${AZURE_AUTHORITY_HOST}/${setting('AZURE_TENANT_ID')}`,
      // Trusted because the settings name it. MSAL would ask Microsoft about hosts that it does not know.
      knownAuthorities: [new URL(AZURE_AUTHORITY_HOST).host]
    }
  })
  const result = await client.acquireTokenByDeviceCode({
    scopes: [setting('API_SCOPE')],
    // MSAL calls this for a refusal, too, with no message, and rejects after it.
    deviceCodeCallback: ({ message }) => message && console.log(message)
  })
  if (!result) throw new Error('MSAL gave no token')
  return result.accessToken
}

function setting(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set. See README.md.`)
  return value
}

// The message only: an error of a library may hold the request, and with it a code that is still good.
await main().catch((error: Error) => {
  console.error(error.message)
  process.exitCode = 1
})
