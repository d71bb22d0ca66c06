/** express-oauth2-jwt-bearer, as its README shows it. */
import { auth } from 'express-oauth2-jwt-bearer'
import { serveExpress } from './on-express.js'

await serveExpress(({ issuer, clientId }) => [auth({ issuerBaseURL: issuer, audience: clientId })])
