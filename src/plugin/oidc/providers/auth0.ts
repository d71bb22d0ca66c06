/** Auth0. */
import type { Claims } from '../../claims/principal.js'
import { text } from '../../claims/read.js'
import { isSignedIn, type Provider } from '../provider.js'

/** Auth0, "Enable Role-Based Access Control for APIs": permissions of the user, or of the application. */
export const auth0: Provider = {
  roles: () => [['permissions']],
  groups: [],
  isApp: isClientOfAuth0,
  grants: ['permissions', 'gty']
}

/**
 * "Access token profiles": `sub` is the client with a suffix. A user's begins with the name of a connection and a bar, whatever the user's
 * name is.
 */
function isClientOfAuth0(claims: Claims): boolean {
  const { azp, client_id, sub, gty } = claims
  const client = text(azp) ?? text(client_id)
  const isGrant = gty === undefined || gty === 'client-credentials'
  return client !== undefined && sub === `${client}@clients` && isGrant && !isSignedIn(claims)
}
