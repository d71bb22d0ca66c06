import type { IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { decodeJwt, errors as jose, jwtVerify } from 'jose'
import type { Provider } from 'oidc-provider'
import { type RefusalNumber, refusal } from '../tokens/refusals.js'
import type { Authority } from './authorities.js'
import type { FederatedCredential, TenantState } from './state.js'

/** The audience of a token with which a client authenticates (Microsoft: "Workload identity federation"). */
const audience = 'api://AzureADTokenExchange'

type Middleware = Parameters<Provider['use']>[0]

/**
 * Verifies assertions of other issuers. The authorization server knows assertions of a client's own only, so that it gets the client's secret
 * in place of one that was accepted.
 */
export function acceptFederatedAssertions(state: TenantState, { clients }: Authority): Middleware {
  return async (ctx, next) => {
    if (ctx.method !== 'POST' || state.federatedCredentials.length === 0) return next()
    const form = new URLSearchParams(await text(ctx.req))
    const clientId = form.get('client_id')
    const assertion = foreignAssertion(form)
    if (assertion !== undefined) {
      const own = state.federatedCredentials.filter((each) => each.clientId === clientId)
      const refused = await refusedBecause(assertion, own)
      if (refused !== undefined) {
        ctx.status = 401
        ctx.body = refusal(refused)
        return
      }
      form.delete('client_assertion')
      form.set('client_secret', String(clients.find((each) => each.clientId === clientId)?.clientSecret))
      ctx.state.isFederated = true
    }
    replaceBody(ctx.req, form)
    return next()
  }
}

/** An assertion that the client did not issue itself. */
function foreignAssertion(form: URLSearchParams): string | undefined {
  const assertion = form.get('client_assertion') ?? ''
  try {
    return decodeJwt(assertion).iss === form.get('client_id') ? undefined : assertion
  } catch {
    return undefined
  }
}

async function refusedBecause(
  assertion: string,
  credentials: readonly FederatedCredential[]
): Promise<RefusalNumber | undefined> {
  const { iss, sub } = decodeJwt(assertion)
  const ofIssuer = credentials.filter(({ issuer }) => issuer === iss)
  const found = ofIssuer.find(({ subject }) => subject === sub)
  if (!found) return ofIssuer.length === 0 ? 700211 : 700213
  const verified = jwtVerify(assertion, found.keys, { audience, requiredClaims: ['exp'] }).then(() => undefined)
  return verified.catch((error: unknown) => {
    if (error instanceof jose.JWTExpired) return 700024
    return error instanceof jose.JWTClaimValidationFailed ? 700212 : 700027
  })
}

/** The authorization server reads the body from the request itself. */
function replaceBody(request: IncomingMessage, form: URLSearchParams): void {
  const body = Buffer.from(String(form))
  request.headers['content-length'] = String(body.length)
  Object.defineProperties(request, { readable: { value: true }, iterator: { value: () => [body] } })
}
