import { createHash, randomBytes } from 'node:crypto'

/** A successful token response (RFC 6749 §5.1, OpenID Connect Core 1.0 §3.1.3.3). */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: string
  readonly expires_in: number
  readonly scope?: string
  readonly id_token?: string
  readonly refresh_token?: string
}

export interface ClientCredentialsRequest {
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: string
  readonly scope: string
}

export interface SignInRequest {
  /** A tenant's ID, or `common` or `organizations`. */
  readonly tenantId: string
  readonly clientId: string
  readonly username: string
  readonly scope: string
  readonly redirectUri?: string
  /** The `claims` parameter (OpenID Connect Core 1.0 §5.5), as JSON. */
  readonly claims?: string
}

/** An app-only token: the client credentials grant (RFC 6749 §4.4). */
export function clientCredentials(origin: string, request: ClientCredentialsRequest): Promise<TokenResponse> {
  return requestToken(origin, request.tenantId, {
    grant_type: 'client_credentials',
    client_id: request.clientId,
    client_secret: request.clientSecret,
    scope: request.scope
  })
}

/** A user's tokens: the authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636), signing in as a browser would. */
export async function signIn(origin: string, request: SignInRequest): Promise<TokenResponse> {
  const { tenantId, clientId, username, scope, redirectUri = 'http://localhost', claims } = request
  const verifier = randomBytes(32).toString('base64url')
  const authorize = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    redirect_uri: redirectUri,
    // As the Microsoft libraries do: a sign-in yields an ID token that is bound to the request.
    scope: `openid ${scope}`,
    nonce: randomBytes(16).toString('base64url'),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(claims !== undefined && { claims })
  })
  const browse = createBrowser(origin)
  const page = await browse(`${origin}/${tenantId}/oauth2/v2.0/authorize?${authorize}`)
  // A refused request never reaches a page.
  const end = page.text ? await browse(page.url, new URLSearchParams({ username })) : page
  const code = new URL(end.url).searchParams.get('code')
  if (code === null) throw new Error(`${username} could not sign in: ended at ${end.url}`)
  return requestToken(origin, tenantId, {
    grant_type: 'authorization_code',
    client_id: clientId,
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...(claims !== undefined && { claims })
  })
}

async function requestToken(origin: string, tenantId: string, form: Record<string, string>): Promise<TokenResponse> {
  const response = await fetch(`${origin}/${tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams(form)
  })
  if (!response.ok) throw new Error(`No token: ${response.status} ${await response.text()}`)
  return (await response.json()) as TokenResponse
}

/** The end of redirects: a page of the tenant, with its text, or a URL elsewhere. */
export interface Page {
  readonly url: string
  readonly text: string
}

/** A browser without scripts: follows the tenant's redirects, and no others, with a cookie jar. */
export function createBrowser(origin: string) {
  const cookies = new Map<string, string>()

  return async function browse(url: string, form?: URLSearchParams): Promise<Page> {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies.values()].join('; ') },
      ...(form && { method: 'POST', body: form })
    })
    for (const cookie of response.headers.getSetCookie()) {
      const pair = cookie.slice(0, cookie.indexOf(';'))
      cookies.set(pair.slice(0, pair.indexOf('=')), pair)
    }
    const location = response.headers.get('location')
    if (location === null) return { url, text: await response.text() }
    const target = new URL(location, url).href
    return target.startsWith(`${origin}/`) ? browse(target) : { url: target, text: '' }
  }
}
