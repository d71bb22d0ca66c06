/** A token source for a service: the client credentials grant (RFC 6749 §4.4). Where users sign in, MSAL is the source: see README.md. */
import type { TokenSource } from './auth.js'

export interface Credentials {
  /** Origin of the authority, such as `https://login.microsoftonline.com`. */
  readonly authority: string
  readonly tenantId: string
  readonly clientId: string
  readonly clientSecret: string
  /** The API's `/.default`: all application permissions that were granted. */
  readonly scope: string
}

interface Token {
  readonly value: string
  /** Milliseconds since 1970. */
  readonly renewAt: number
}

/** Asks for a token when there is none, when nine tenths of its life are over, or when the API refused it; else gives the same. */
export function clientCredentials(credentials: Credentials): TokenSource {
  let latest: Promise<Token> | undefined

  return async ({ refused, claims }) => {
    const seen = latest
    const held = await seen?.catch(() => undefined)
    if (held && held.value !== refused && held.renewAt > Date.now()) return held.value
    // Whoever finds first that it is no good asks for the next; the others wait for the same one.
    if (latest === seen) latest = requestToken(credentials, claims)
    return (await (latest as Promise<Token>)).value
  }
}

async function requestToken(credentials: Credentials, claims: string | undefined): Promise<Token> {
  const { authority, tenantId, clientId, clientSecret, scope } = credentials
  const response = await fetch(`${authority}/${tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      scope,
      ...(claims !== undefined && { claims })
    }),
    signal: AbortSignal.timeout(10_000)
  })
  const answer = (await response.json()) as Record<string, unknown>
  if (!response.ok) throw new Error(`No token: ${answer.error}: ${answer.error_description}`)
  return { value: String(answer.access_token), renewAt: Date.now() + Number(answer.expires_in) * 900 }
}
