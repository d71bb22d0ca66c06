/** What is particular to the tokens of well-known OpenID providers, by the provider's name. */
import { type ClaimPath, isOtherToken, text } from './claims.js'
import type { Claims } from './types.js'

/** Names of the providers, for `provider` and `OIDC_PROVIDER`. */
export type ProviderName = 'keycloak' | 'auth0' | 'okta' | 'cognito' | 'google'

/** Where a provider has what others have elsewhere. */
export interface Provider {
  /** Where roles are, for an API of these audiences. */
  readonly roles: (audiences: readonly string[]) => readonly ClaimPath[]
  readonly groups: readonly ClaimPath[]
  /** Roles that everybody has: they say nothing, and open nothing. */
  readonly isEverybodys?: (role: string) => boolean
  /** What is compared with the audience in a token that has no `aud`. */
  readonly audienceOf?: (claims: Claims) => unknown
  /** Tokens in the form of ID tokens that are meant for APIs all the same. */
  readonly isForApis?: (claims: Claims) => boolean
  /** Origin of the key set, where it is not the issuer's own. */
  readonly keysOrigin?: string
  /** Tokens that clients got for themselves, beside those that say so as RFC 9068 has it. */
  readonly isAppOnly?: (claims: Claims) => boolean
  /** Scopes of the sign-in itself, beside OpenID Connect's. */
  readonly signInScopes?: ReadonlySet<string>
}

/** No provider by name: the claims that Entra and many others have. */
export const anyProvider: Provider = { roles: () => [['roles']], groups: [['groups']] }

export const providers: Readonly<Record<ProviderName, Provider>> = {
  /** Keycloak, "Server Administration Guide", roles and scopes: of the realm, and of the client that is the API. */
  keycloak: {
    roles: (audiences) => [
      ['realm_access', 'roles'],
      ...audiences.map((name) => ['resource_access', name, 'roles'] as const)
    ],
    groups: [['groups']],
    isEverybodys: (role) => /^(default-roles-.*|offline_access|uma_authorization)$/.test(role),
    // The mapper of service accounts adds the client's ID, `clientId` in older versions, and nobody's session.
    isAppOnly: ({ azp, client_id, clientId, sid }) =>
      sid === undefined && text(azp) !== undefined && (client_id === azp || clientId === azp)
  },
  /** Auth0, "Enable Role-Based Access Control for APIs": permissions of the user, or of the application. */
  auth0: { roles: () => [['permissions']], groups: [] },
  /** Okta, "Create claims", groups: in a claim of the authorization server's administrator's choosing, by custom `groups`. */
  okta: { roles: () => [['roles']], groups: [['groups']] },
  /** Amazon Cognito, "Understanding the access token": groups are roles, and the client stands for the audience. */
  cognito: {
    roles: () => [['cognito:groups']],
    groups: [['cognito:groups']],
    audienceOf: ({ token_use, client_id }) => (token_use === 'access' ? client_id : undefined),
    signInScopes: new Set(['aws.cognito.signin.user.admin'])
  },
  /** Google Cloud, "Get an ID token": a service account's, for the audience it was asked for. Access tokens are opaque. */
  google: { roles: () => [], groups: [], isForApis: isServiceAccount, keysOrigin: 'https://www.googleapis.com' }
}

/** A person's ID token has the client in `azp`; a service account's has the account itself, and an address that no person can have. */
function isServiceAccount(claims: Claims): boolean {
  const { azp, sub, email, email_verified } = claims
  const isOwn = text(sub) !== undefined && azp === sub
  return (
    isOwn && email_verified === true && /@.+\.gserviceaccount\.com$/.test(String(text(email))) && !isOtherToken(claims)
  )
}
