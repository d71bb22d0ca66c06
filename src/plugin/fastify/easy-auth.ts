/** Azure App Service authentication ("Easy Auth") in front of the app: its headers are no credentials here, and the refusal says so. */
import type { FastifyRequest } from 'fastify'
import { type Refusal, refusal } from '../refusals/refusal.js'

/** Microsoft: "Work with user identities in Azure App Service authentication", access user claims in app code. */
const headers = ['x-ms-client-principal', 'x-ms-token-aad-access-token', 'x-ms-token-aad-id-token']

const notRead = refusal('credentials_missing', {
  detail:
    'Send an access token: Authorization: Bearer <token>. The X-MS-… headers of App Service authentication (Easy Auth) are not read, ' +
    'as anybody who reaches this API by another way can send them.'
})

/** Words for a request without a token that came through App Service authentication; any other refusal as it is. */
export function withEasyAuth(request: FastifyRequest, why: Refusal): Refusal {
  const isMissing = why.code === 'credentials_missing'
  return isMissing && headers.some((name) => Object.hasOwn(request.raw.headers, name)) ? notRead : why
}
