/** What to change for each refusal of a token: the line of the client, or the setting of the registration or of the API. */
import type { IssuerSettings } from '../issuers/issuer.js'
import type { RefusalCode } from '../refusals/refusal.js'
import type { World } from './outcome.js'

/** The API that refuses the token, as it is configured. */
export interface ConfiguredApi {
  readonly issuers: readonly IssuerSettings[]
  readonly env: World['env']
}

type Changes = Readonly<Partial<Record<RefusalCode, string>>>

/** Codes that no check of a token comes to have no row: a guard, a lookup or a downstream call decides on them. */
const ofAll: Changes = {
  token_malformed: 'Client: send the access token as the token endpoint returned it, in access_token.',
  wrong_algorithm: 'Provider: sign with an algorithm of the option algorithms (Entra: RS256 only).',
  wrong_token_type: 'Client: send access_token, and no other token; its typ must be absent, JWT or at+jwt.',
  unsupported_header: 'Provider: issue an ordinary signed access token, without token encryption.',
  token_expired: 'Client: request a token before each call (MSAL: acquireTokenSilent), and do not store it.',
  token_not_yet_valid: 'Operator: correct the clock of the machine on which this API runs.',
  token_revoked: 'User: sign in again.',
  missing_claim: 'Client: send an access token of the configured provider.',
  invalid_claim: 'Provider: correct the claims that it is configured to add.',
  wrong_key_issuer: 'Client: sign in at the tenant of this API.',
  not_an_access_token: 'Client: send access_token in place of id_token.',
  bound_token: 'Client: request a bearer token, without DPoP or mutual TLS.',
  tenant_unavailable: 'Operator: this machine must reach the tenant; see the reason below.'
}

const ofEntra: Changes = {
  unknown_key:
    'Client: request a new token, with a scope of this API; a token for another tenant or API has other keys.',
  invalid_signature:
    'Client: request a scope of this API, api://<client ID>/<scope>; a token for Microsoft Graph cannot be verified by anybody else.',
  wrong_version:
    "Client: request a new token. Its version is api.requestedAccessTokenVersion in the manifest of the API's registration.",
  no_permissions:
    "Client: request a scope of this API (a service: api://<client ID>/.default). Administrator: in the client's registration, API permissions, add the permission and grant consent; for app roles of users, Enterprise applications, Users and groups.",
  caller_kind_unknown: "Operator: in the API's registration, Token configuration, Add optional claim, Access: idtyp."
}

const ofOthers: Changes = {
  unknown_key: 'Client: request a new token; the provider does not publish the key of this one.',
  invalid_signature: 'Client: send access_token as the provider returned it.',
  no_permissions:
    'Client: request a scope of this API. Administrator: grant the client or the user a scope or a role of this API at the provider. Operator: compare OIDC_ROLES_CLAIM with the claim that has the roles.'
}

/**
 * What to change, if a check of a token comes to this code.
 *
 * @param iss of the token, unverified: it selects the issuer whose settings are named, and is not part of the sentence
 */
export function changeFor(code: RefusalCode, api: ConfiguredApi, iss: unknown): string | undefined {
  const { issuers, env } = api
  const name = typeof iss === 'string' ? iss : ''
  const own = issuers.filter(({ issuer }) => (typeof issuer === 'string' ? issuer === name : issuer.test(name)))
  const areEntra = (own.length > 0 ? own : issuers).some(isEntra)
  const settings = env.ISSUERS_FILE ? inFile : areEntra ? entraVariables : oidcVariables
  return { ...ofAll, ...(areEntra ? ofEntra : ofOthers), ...bySettings(settings, areEntra, issuers) }[code]
}

/** Only Entra's clients put an App ID URI before the name of a scope. */
const isEntra = ({ profile }: IssuerSettings) => profile.scopeBase !== undefined

/** How an operator knows the options. */
interface SettingNames {
  readonly issuer: string
  readonly audience: string
  readonly allowedClients: string
  readonly allowedTenants: string
  readonly userFlow: string
}

const entraVariables: SettingNames = {
  issuer: 'ENTRA_TENANT_ID, ENTRA_CLOUD and ENTRA_AUTHORITY',
  audience: 'ENTRA_CLIENT_ID and ENTRA_AUDIENCE',
  allowedClients: 'ENTRA_ALLOWED_CLIENTS',
  allowedTenants: 'ENTRA_ALLOWED_TENANTS',
  userFlow: 'ENTRA_USER_FLOW'
}
const oidcVariables: SettingNames = { ...entraVariables, issuer: 'OIDC_ISSUER', audience: 'OIDC_AUDIENCE' }
const inFile: SettingNames = {
  issuer: 'the entries of ISSUERS_FILE',
  audience: 'clientId and audience of the entry in ISSUERS_FILE',
  allowedClients: 'allowedClients of the entry in ISSUERS_FILE',
  allowedTenants: 'allowedTenants of the entry in ISSUERS_FILE',
  userFlow: 'userFlow of the entry in ISSUERS_FILE'
}

function bySettings(names: SettingNames, areEntra: boolean, issuers: ConfiguredApi['issuers']): Changes {
  const request = areEntra
    ? 'request a scope of this API, api://<client ID>/<scope>, in a request of its own'
    : 'request a token for this API (RFC 8707: resource; Auth0: audience; Keycloak: a client scope with an audience mapper)'
  const meant = areEntra ? "the API's registration" : 'the API (aud) below'
  return {
    wrong_issuer: `Client: sign in at ${signInPlaces(issuers)}. Operator: compare ${names.issuer} with the issuer (iss) below.`,
    wrong_audience: `Client: ${request}. Operator: if this token is meant for this API, compare ${names.audience} with ${meant}.`,
    wrong_tenant: `Client: sign in at the tenant of this API. Operator: add the tenant to ${names.allowedTenants} if it may call.`,
    wrong_user_flow: `Client: sign in with a user flow of this API. Operator: add it to ${names.userFlow}.`,
    client_not_allowed: `Operator: add the client ID to ${names.allowedClients} if the client may call.`
  }
}

/** As many as a refusal names (`trusted-issuers`). */
const maxNamed = 4

/** Where clients of the configured issuers sign in: the authority of MSAL, or the issuer. */
function signInPlaces(issuers: ConfiguredApi['issuers']): string {
  const places = [...new Set(issuers.map(signInPlace))]
  return [...places.slice(0, maxNamed), ...(places.length > maxNamed ? ['others'] : [])].join(' or ')
}

function signInPlace(settings: IssuerSettings): string {
  const { issuer, url } = settings
  if (!isEntra(settings)) return String(issuer)
  return `${url.replace(/(\/v2\.0)?\/\.well-known\/.*/, '')} (MSAL: authority)`
}
