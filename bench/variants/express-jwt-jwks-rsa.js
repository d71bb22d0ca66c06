/** express-jwt with jwks-rsa, as the documentation of jwks-rsa shows them. */
import { expressjwt } from 'express-jwt'
import jwksRsa from 'jwks-rsa'
import { serveExpress } from './on-express.js'

await serveExpress(({ jwksUri, issuer, clientId }) => {
  const keys = jwksRsa.expressJwtSecret({ cache: true, rateLimit: true, jwksRequestsPerMinute: 5, jwksUri })
  const secret = /** @type {import('express-jwt').GetVerificationKey} */ (keys)
  return [expressjwt({ secret, audience: clientId, issuer, algorithms: ['RS256'] })]
})
