/** authentik. */
import type { Claims } from '../../claims/principal.js'
import { text } from '../../claims/read.js'
import type { Provider } from '../provider.js'

/** authentik, "Application entitlements": of one application, in both claims; groups are those of the whole instance. */
export const authentik: Provider = {
  roles: () => [['roles'], ['entitlements']],
  groups: [['groups']],
  // A client's own token is that of a service account, a user like any other: no claim distinguishes it.
  isApp: () => false,
  isAccessToken: isOfAuthentik,
  signInScopes: new Set(['goauthentik.io/api', 'entitlements'])
}

/**
 * Its access tokens are its ID tokens with `azp` and `uid` (authentik, `providers/oauth2/id_token.py`, `to_access_token`): the client is the
 * audience, and there may be no scope.
 */
function isOfAuthentik({ azp, aud, uid }: Claims): boolean {
  const client = text(azp)
  return client !== undefined && text(uid) !== undefined && [aud].flat().includes(client)
}
