/**
 * Microsoft's own library as a client of the tenant over https, in a process that trusts the tenant's authority. Prints what it got, as
 * JSON, by name.
 */
import { createHash, X509Certificate } from 'node:crypto'
import {
  AuthError,
  type AuthenticationResult,
  ConfidentialClientApplication,
  type Configuration,
  InteractionRequiredAuthError,
  PublicClientApplication
} from '@azure/msal-node'
import { decodeJwt } from 'jose'
import { createBrowser } from '../../../src/tenant/client.js'
import type { TenantDescription } from '../../../src/tenant/index.js'

const { TENANT = '', CERTIFICATE = '', KEY = '' } = process.env
const description = (await (
  await fetch(TENANT, { headers: { accept: 'application/json' } })
).json()) as TenantDescription
const api = `api://${description.api.clientId}`
const graph = (scope: string) => [`https://graph.microsoft.com/${scope}`]
const username = 'user@contoso.example'

function client(name: string, more: Partial<Configuration['auth']> = {}): Configuration {
  const { clientId, clientSecret } = description.clients.find((each) => each.name === name) ?? { clientId: '' }
  const authority = `${TENANT}/${description.tenantId}`
  const auth = { clientId, authority, knownAuthorities: [new URL(TENANT).host], clientCapabilities: ['CP1'], ...more }
  return { auth: 'clientCertificate' in more || !clientSecret ? auth : { ...auth, clientSecret } }
}

function shown(result: AuthenticationResult | null) {
  if (!result) return { nothing: true }
  const { fromCache, account, scopes } = result
  return { fromCache, scopes, claims: decodeJwt(result.accessToken), username: account?.username }
}

async function refused(attempt: Promise<unknown>) {
  const error = await attempt.catch((caught: unknown) => caught)
  if (!(error instanceof AuthError)) return { error: String(error) }
  const { errorCode, subError, errorMessage } = error
  const interaction = error instanceof InteractionRequiredAuthError
  return { errorCode, subError, errorMessage, interaction, claims: interaction ? error.claims : undefined }
}

/** Picks an account, as a user would in a browser. */
async function browsed(url: string) {
  const browse = createBrowser(TENANT)
  const page = await browse(url)
  return browse(page.url, new URLSearchParams({ username }))
}

async function bySecret() {
  const app = new ConfidentialClientApplication(client('daemon'))
  const request = { scopes: [`${api}/.default`] }
  return [await app.acquireTokenByClientCredential(request), await app.acquireTokenByClientCredential(request)].map(
    shown
  )
}

/** Twice with one assertion, since the library keeps it, but not the token of other scopes. */
async function byCertificate(thumbprint: { thumbprintSha256: string } | { thumbprint: string }) {
  const clientCertificate = { ...thumbprint, privateKey: KEY }
  const app = new ConfidentialClientApplication(client('daemon', { clientCertificate }))
  await app.acquireTokenByClientCredential({ scopes: graph('.default') })
  return shown(await app.acquireTokenByClientCredential({ scopes: [`${api}/.default`] }))
}

async function code(claims?: string) {
  const app = new PublicClientApplication(client('spa'))
  const verifier = 'a-code-verifier-of-at-least-forty-three-characters'
  const request = { scopes: [`${api}/access_as_user`], redirectUri: 'http://localhost:5173/auth/callback' }
  const asked = claims === undefined ? {} : { claims }
  const codeChallenge = createHash('sha256').update(verifier).digest('base64url')
  const url = await app.getAuthCodeUrl({ ...request, ...asked, codeChallenge, codeChallengeMethod: 'S256' })
  const found = new URL((await browsed(url)).url).searchParams.get('code')
  const result = await app.acquireTokenByCode({ ...request, ...asked, code: String(found), codeVerifier: verifier })
  return { app, result }
}

async function byCode() {
  const { app, result } = await code()
  const silent = { scopes: [`${api}/access_as_user`], account: result.account ?? undefined, forceRefresh: true }
  const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'
  return {
    first: shown(result),
    homeAccountId: result.account?.homeAccountId,
    refreshed: shown(await app.acquireTokenSilent(silent as never)),
    challenged: await refused(app.acquireTokenSilent({ ...silent, claims } as never)),
    steppedUp: shown((await code(claims)).result)
  }
}

async function byDeviceCode() {
  const app = new PublicClientApplication(client('terminal'))
  const messages: string[] = []
  const result = await app.acquireTokenByDeviceCode({
    scopes: [`${api}/access_as_user`],
    deviceCodeCallback: async ({ verificationUri, userCode, message, interval }) => {
      messages.push(message, String(interval))
      await enterCode(verificationUri, userCode)
    }
  })
  return { messages, ...shown(result) }
}

async function enterCode(verificationUri: string, userCode: string) {
  const browse = createBrowser(TENANT)
  const fieldsOf = (text: string) =>
    [...text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value])
  const typed = await browse(verificationUri)
  const entered = { ...Object.fromEntries(fieldsOf(typed.text)), user_code: userCode }
  const confirm = await browse(verificationUri, new URLSearchParams(entered))
  const signIn = await browse(verificationUri, new URLSearchParams(Object.fromEntries(fieldsOf(confirm.text))))
  const end = await browse(signIn.url, new URLSearchParams({ username }))
  if (!end.text.includes('You signed in on your device')) throw new Error(end.text)
}

const control = (path: string) => fetch(`${TENANT}/_control/${path}`, { method: 'POST' })

async function onBehalfOf() {
  const app = new ConfidentialClientApplication(client('api'))
  const assertionOf = async (claims?: string) => (await code(claims)).result.accessToken
  const oboAssertion = await assertionOf()
  const first = await app.acquireTokenOnBehalfOf({ oboAssertion, scopes: graph('User.Read') })
  const again = await app.acquireTokenOnBehalfOf({ oboAssertion, scopes: graph('User.Read') })
  const headers = { authorization: `Bearer ${first?.accessToken}` }
  const me = await (await fetch(`${TENANT}/v1.0/me`, { headers })).json()
  await control('consent?scope=GroupMember.Read.All&granted=no')
  const noConsent = await refused(app.acquireTokenOnBehalfOf({ oboAssertion, scopes: graph('GroupMember.Read.All') }))
  await control(`conditional-access?username=${username}&scope=Directory.Read.All&authContext=c1`)
  const request = { oboAssertion, scopes: graph('Directory.Read.All') }
  const interaction = await refused(app.acquireTokenOnBehalfOf(request))
  const proved = await assertionOf(interaction.claims)
  const satisfied = await app.acquireTokenOnBehalfOf({ ...request, oboAssertion: proved })
  return { first: shown(first), again: shown(again), me, noConsent, interaction, satisfied: shown(satisfied) }
}

const hex = (fingerprint: string) => fingerprint.replaceAll(':', '')
const certificate = new X509Certificate(CERTIFICATE)

process.stdout.write(
  JSON.stringify({
    secret: await bySecret(),
    sha256: await byCertificate({ thumbprintSha256: hex(certificate.fingerprint256) }),
    sha1: await byCertificate({ thumbprint: hex(certificate.fingerprint) }),
    otherCertificate: await refused(byCertificate({ thumbprintSha256: '00'.repeat(32) })),
    code: await byCode(),
    device: await byDeviceCode(),
    obo: await onBehalfOf()
  })
)
