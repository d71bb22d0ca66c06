/** Okta. */
import { text } from '../../claims/read.js'
import type { Provider } from '../provider.js'

/** Okta, "Create claims", groups: in a claim that the administrator of the authorization server chooses, by convention `groups`. */
export const okta: Provider = {
  roles: () => [['roles']],
  groups: [['groups']],
  clientOf: ({ cid }) => cid,
  // "Access token scopes and claims": `uid` is absent if there is no user, and is reserved; a user's `sub` is a login, which people choose.
  isApp: ({ cid, sub, uid }) => text(cid) !== undefined && sub === cid && uid === undefined,
  grants: ['cid']
}
