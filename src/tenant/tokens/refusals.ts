import { randomUUID } from 'node:crypto'
import { errors, type KoaContextWithOIDC } from 'oidc-provider'

/** What Entra ID refuses by a number (Microsoft: "Microsoft Entra authentication and authorization error codes"). */
const refusals = {
  50013: ['invalid_grant', 'The assertion is not a token of this tenant.'],
  50076: ['interaction_required', 'The user must sign in again to satisfy the claims parameter.'],
  50059: [
    'invalid_request',
    'The request names no tenant. Without a user, an application must use the endpoint of one tenant.'
  ],
  65001: ['invalid_grant', 'Nobody has consented to this permission for the application.'],
  70011: ['invalid_scope', 'The request names no permission that exists.'],
  500131: ['invalid_grant', 'The assertion is for another application than the one that presents it.'],
  500133: ['invalid_grant', 'The assertion is expired.'],
  700024: ['invalid_client', 'The assertion is expired.'],
  700027: ['invalid_client', 'The assertion names no certificate of this application.'],
  700211: ['invalid_client', 'The application has no federated credential with the issuer of the assertion.'],
  700212: ['invalid_client', 'The assertion is not for the audience of a federated credential.'],
  700213: ['invalid_client', 'The application has no federated credential with the subject of the assertion.'],
  900144: ['invalid_request', 'The request lacks requested_token_use=on_behalf_of.'],
  7000114: ['invalid_grant', 'The assertion is an app-only token: there is no user to act on behalf of.'],
  700016: ['unauthorized_client', 'The directory has no application with this ID.']
} as const

/** The number of a refusal, as in its code `AADSTS…`. */
export type RefusalNumber = keyof typeof refusals

/** Thrown when a grant is refused; `members` are added to the usual ones. */
export class Refused extends errors.CustomOIDCProviderError {
  readonly body: object

  constructor(code: RefusalNumber, members: Readonly<Record<string, string>> = {}) {
    const [error, message] = refusals[code]
    super(error, message)
    this.body = { ...refusal(code), ...members }
  }
}

/**
 * Responds to a refused grant like Entra ID, where that differs from the authorization server; also for an application that is not in the
 * tenant, which is not the same as a wrong secret.
 */
export function answerAsEntra(ctx: KoaContextWithOIDC, error: errors.OIDCProviderError): void {
  if (error instanceof Refused) ctx.body = error.body
  if (error.error !== 'invalid_client' || ctx.oidc.client) return
  ctx.status = 400
  ctx.body = refusal(700016)
}

/** Members of Entra ID's responses beside RFC 6749 §5.1: the user, by object and tenant, if the client requests it. */
export function addToAnswer({ oidc, body }: KoaContextWithOIDC): void {
  const answer = body as Record<string, unknown>
  answer.ext_expires_in = answer.expires_in
  if (!oidc.account || oidc.body?.client_info !== '1') return
  const { oid, tenantId } = oidc.account
  answer.client_info = Buffer.from(JSON.stringify({ uid: oid, utid: tenantId })).toString('base64url')
}

/** A refusal of the token endpoint: the members of RFC 6749 §5.2, and those that Entra ID's support needs. */
export function refusal(code: RefusalNumber) {
  const [error, message] = refusals[code]
  const [trace_id, correlation_id] = [randomUUID(), randomUUID()]
  const timestamp = `${new Date().toISOString().slice(0, 19).replace('T', ' ')}Z`
  const description = [
    `AADSTS${code}: ${message}`,
    `Trace ID: ${trace_id}`,
    `Correlation ID: ${correlation_id}`,
    `Timestamp: ${timestamp}`
  ]
  return {
    error,
    error_description: description.join(' '),
    error_codes: [code],
    timestamp,
    trace_id,
    correlation_id,
    error_uri: `https://login.microsoftonline.com/error?code=${code}`
  }
}
