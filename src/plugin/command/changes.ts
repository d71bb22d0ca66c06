/** What to change for each refusal of a token: the line of the client, or the setting of the registration. */
import type { RefusalCode } from '../refusals/refusal.js'

/** Codes that no check of a token comes to have no row: a guard, a lookup or a downstream call decides on them. */
const changes: Readonly<Partial<Record<RefusalCode, string>>> = {
  token_malformed: 'Client: send the access token as the token endpoint returned it, in access_token.',
  wrong_algorithm: 'Provider: sign with an algorithm of the option algorithms (Entra: RS256 only).',
  wrong_token_type: 'Client: send access_token, and no other token; its typ must be absent, JWT or at+jwt.',
  unsupported_header: 'Provider: issue an ordinary signed access token, without token encryption.',
  unknown_key:
    'Client: request a new token, with a scope of this API; a token for another tenant or API has other keys.',
  invalid_signature:
    'Client: request a scope of this API, api://<client ID>/<scope>; a token for Microsoft Graph cannot be verified by anybody else.',
  token_expired: 'Client: request a token before each call (MSAL: acquireTokenSilent), and do not store it.',
  token_not_yet_valid: 'Operator: correct the clock of the machine on which this API runs.',
  token_revoked: 'User: sign in again.',
  missing_claim: 'Client: send an access token of the configured provider.',
  invalid_claim: 'Provider: correct the claims that it is configured to add.',
  wrong_issuer:
    'Client: sign in at the tenant of this API (MSAL: authority https://login.microsoftonline.com/<tenant ID>). Operator: compare tenantId, cloud and authority (or issuer) with the issuer (iss) below.',
  wrong_tenant: 'Client: sign in at the tenant of this API. Operator: add the tenant to allowedTenants if it may call.',
  wrong_user_flow: 'Client: sign in with a user flow of this API. Operator: add it to userFlow.',
  wrong_version:
    "Client: request a new token. Its version is api.requestedAccessTokenVersion in the manifest of the API's registration.",
  wrong_key_issuer: 'Client: sign in at the tenant of this API.',
  wrong_audience:
    "Client: request a scope of this API, api://<client ID>/<scope>, in a request of its own. Operator: if this token is meant for this API, compare clientId and audience with the API's registration.",
  not_an_access_token: 'Client: send access_token in place of id_token.',
  bound_token: 'Client: request a bearer token, without DPoP or mutual TLS.',
  no_permissions:
    "Client: request a scope of this API (a service: api://<client ID>/.default). Administrator: in the client's registration, API permissions, add the permission and grant consent; for app roles of users, Enterprise applications, Users and groups.",
  client_not_allowed: 'Operator: add the client ID to allowedClients if the client may call.',
  caller_kind_unknown: "Operator: in the API's registration, Token configuration, Add optional claim, Access: idtyp.",
  tenant_unavailable: 'Operator: this machine must reach the tenant; see the reason below.'
}

/** The sentence for a code, if a check of a token comes to it. */
export const changeFor = (code: RefusalCode): string | undefined => changes[code]
