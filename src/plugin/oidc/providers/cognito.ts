/** Amazon Cognito. */
import { text } from '../../claims/read.js'
import type { Provider } from '../provider.js'

/** Amazon Cognito, "Understanding the access token": groups are roles, and the client takes the place of the audience. */
export const cognito: Provider = {
  roles: () => [['cognito:groups']],
  groups: [['cognito:groups']],
  audienceOf: ({ token_use, client_id }) => (token_use === 'access' ? client_id : undefined),
  // A user's token always has a `username`; the pool generates `sub`.
  isApp: ({ client_id, sub, username }) => text(client_id) !== undefined && sub === client_id && username === undefined,
  isAccessToken: ({ token_use }) => token_use === 'access',
  signInScopes: new Set(['aws.cognito.signin.user.admin'])
}
