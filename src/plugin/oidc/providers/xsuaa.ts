/** SAP Authorization and Trust Management Service (XSUAA), on Cloud Foundry's UAA. */
import type { Claims } from '../../claims/principal.js'
import { text } from '../../claims/read.js'
import { hasOpenidAlone, type Provider } from '../provider.js'

/** Scopes are a user's authorizations, with the application's name in front (`orders!t1.Read`). Groups come from the identity provider. */
export const xsuaa: Provider = {
  roles: () => [],
  groups: [
    ['xs.system.attributes', 'xs.saml.groups'],
    ['ext_cxt', 'xs.system.attributes', 'xs.saml.groups']
  ],
  clientOf: ({ cid }) => cid,
  isApp: isClientOfXsuaa,
  isOther: hasOpenidAlone,
  signInScopes: new Set(['uaa.user', 'uaa.resource', 'uaa.none'])
}

/** Claims that only a user's token has (Cloud Foundry, UAA API: token claims). */
const ofUsers = ['user_id', 'user_name', 'origin', 'auth_time', 'amr', 'email', 'given_name', 'family_name']

/** SAP, `@sap/xssec`: the grants of a client for itself, by secret or by certificate. The server sets `grant_type`. */
const ofClients: ReadonlySet<unknown> = new Set(['client_credentials', 'client_x509'])

function isClientOfXsuaa(claims: Claims): boolean {
  const { grant_type, sub, client_id, cid = client_id } = claims
  const isOwn = text(cid) !== undefined && sub === cid
  return isOwn && ofClients.has(grant_type) && !ofUsers.some((name) => Object.hasOwn(claims, name))
}
