/** Answers of the tenant's token endpoint to the API itself: on-behalf-of, and client credentials. */
import type { Answer, SentRequest } from './exchange.js'

/** A request of the API for a token with which it calls another API. */
export interface TokenRequest {
  /** `on-behalf-of` a caller (RFC 7523 §2.1), or for the API itself (RFC 6749 §4.4). */
  readonly grant: 'on-behalf-of' | 'client-credentials'
  readonly scopes: readonly string[]
  /** The caller's token, of `on-behalf-of`. */
  readonly assertion?: string
}

/** A refusal (RFC 6749 §5.2), as Entra sends it. */
export interface TokenRefusal {
  /** Such as `interaction_required` or `invalid_grant`. */
  readonly error: string
  /** Such as `consent_required`. */
  readonly suberror?: string
  /** The claims challenge for the user. */
  readonly claims?: string
  /** Such as 65001, consent is missing. Default: none. */
  readonly code?: number
}

/** Returns the token that the API gets, or why it gets none. */
export type OnTokenRequest = (request: TokenRequest) => string | TokenRefusal | Promise<string | TokenRefusal>

/** Scopes that MSAL adds by itself. */
const ofSignIn: ReadonlySet<string> = new Set(['openid', 'profile', 'offline_access'])

/** By default each request gets a token, which is a text that names its scopes. */
export async function answerTokenRequest({ body }: SentRequest, on: OnTokenRequest = named): Promise<Answer> {
  const form = new URLSearchParams(body)
  const assertion = form.get('assertion')
  const scopes = (form.get('scope') ?? '').split(' ').filter((scope) => scope !== '' && !ofSignIn.has(scope))
  const request = { grant: assertion === null ? 'client-credentials' : 'on-behalf-of', scopes } as const
  const answer = await on({ ...request, ...(assertion !== null && { assertion }) })
  if (typeof answer === 'string')
    return { body: { token_type: 'Bearer', access_token: answer, expires_in: 3600, ext_expires_in: 3600 } }
  const { code, ...refusal } = answer
  const error_description = `AADSTS${code ?? 0}: refused by the test`
  return { status: 400, body: { ...refusal, error_description, error_codes: code === undefined ? [] : [code] } }
}

const named: OnTokenRequest = ({ grant, scopes }) => `a token ${grant} for ${scopes.join(' ')}`
