/** passport-azure-ad's BearerStrategy (deprecated, and still in use), with its documented options. */
import passport from 'passport'
import { BearerStrategy } from 'passport-azure-ad'
import { serveExpress } from './on-express.js'

await serveExpress(({ metadataUrl, issuer, clientId }) => {
  const options = {
    identityMetadata: metadataUrl,
    clientID: clientId,
    audience: clientId,
    issuer,
    validateIssuer: true
  }
  passport.use(new BearerStrategy(options, (token, done) => done(null, token, token)))
  return [passport.initialize(), passport.authenticate('oauth-bearer', { session: false })]
})
