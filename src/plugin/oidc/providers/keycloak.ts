/** Keycloak. */
import type { Claims } from '../../claims/principal.js'
import { text } from '../../claims/read.js'
import type { Provider } from '../provider.js'

/** Keycloak, "Server Administration Guide", roles and scopes: roles of the realm, and of the client that represents the API. */
export const keycloak: Provider = {
  roles: (audiences) => [
    ['realm_access', 'roles'],
    ...audiences.map((name) => ['resource_access', name, 'roles'] as const)
  ],
  groups: [['groups']],
  isEverybodys: (role) => /^(default-roles-.*|offline_access|uma_authorization)$/.test(role),
  isApp: isServiceAccountOfKeycloak,
  isAccessToken: ({ typ }) => typ === 'Bearer',
  // Before version 25, access tokens also contain the `nonce` of the sign-in.
  mayHaveNonce: true
}

/**
 * "Server Administration Guide", service accounts: only a session of the client credentials grant records the client's host and address,
 * and such a token names no session. A mapper can put `client_id` into users' tokens (`clientId` in older versions), and a user can be
 * named `service-account-…`: neither marks an app.
 */
function isServiceAccountOfKeycloak(claims: Claims): boolean {
  const { azp, client_id, clientId, clientHost, clientAddress } = claims
  const client = text(azp)
  const isClients = client !== undefined && (client_id === client || clientId === client)
  const hasNotes = text(clientHost) !== undefined || text(clientAddress) !== undefined
  const hasSession = ['sid', 'session_state'].some((name) => Object.hasOwn(claims, name))
  return isClients && hasNotes && !hasSession
}
