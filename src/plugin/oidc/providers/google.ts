/** Google Cloud. */
import { isOtherToken } from '../../claims/other-tokens.js'
import type { Claims } from '../../claims/principal.js'
import { text } from '../../claims/read.js'
import type { Provider } from '../provider.js'

/** Google Cloud, "Get an ID token": a service account's, for the requested audience. Access tokens are opaque. */
export const google: Provider = {
  roles: () => [],
  groups: [],
  isForApis: isServiceAccount,
  isApp: isServiceAccount,
  keysOrigin: 'https://www.googleapis.com'
}

/**
 * A person's ID token has the client in `azp`; a service account's has the account itself, and an e-mail address that no person can have.
 */
function isServiceAccount(claims: Claims): boolean {
  const { azp, sub, email, email_verified } = claims
  const isOwn = text(sub) !== undefined && azp === sub
  return (
    isOwn && email_verified === true && /@.+\.gserviceaccount\.com$/.test(String(text(email))) && !isOtherToken(claims)
  )
}
