import { tenantId } from './directory.js'

/**
 * Paths of the endpoints, under the tenant's ID as at Entra ID (Microsoft: "OpenID Connect on the Microsoft identity
 * platform").
 */
export const paths = {
  authorize: `/${tenantId}/oauth2/v2.0/authorize`,
  token: `/${tenantId}/oauth2/v2.0/token`,
  logout: `/${tenantId}/oauth2/v2.0/logout`,
  signIn: `/${tenantId}/login`
} as const

/** What differs between the v1.0 and v2.0 endpoints. A v1.0 issuer ends in a slash, a v2.0 issuer does not. */
export const versions = {
  1: {
    issuer: `/${tenantId}/`,
    discovery: `/${tenantId}/.well-known/openid-configuration`,
    keys: `/${tenantId}/discovery/keys`,
    oauth2: `/${tenantId}/oauth2`
  },
  2: {
    issuer: `/${tenantId}/v2.0`,
    discovery: `/${tenantId}/v2.0/.well-known/openid-configuration`,
    keys: `/${tenantId}/discovery/v2.0/keys`,
    oauth2: `/${tenantId}/oauth2/v2.0`
  }
} as const

export type Version = keyof typeof versions

const v1Endpoint = new RegExp(`^${versions[1].oauth2}/(?!v2\\.0/)`)

/** One authorization server answers at the v1.0 endpoints too: their paths, as the v2.0 ones. */
export function toV2Path(url: string): string {
  return url.replace(v1Endpoint, `${versions[2].oauth2}/`)
}

/** A URI on this machine: Entra ID ignores the port of localhost (Microsoft: "Redirect URI restrictions"). */
export const LOOPBACK = /^http:\/\/(?:localhost|127\.0\.0\.1)(?::\d+)?(?:[/?]|$)/

/** The issuer that tokens of a version name. */
export function issuer(origin: string, version: Version): string {
  return `${origin}${versions[version].issuer}`
}

/** The discovery document (OpenID Connect Discovery 1.0 §3), with what Entra ID's document has of it. */
export function discoveryDocument(origin: string, version: Version) {
  const { keys, oauth2 } = versions[version]
  return {
    issuer: issuer(origin, version),
    authorization_endpoint: `${origin}${oauth2}/authorize`,
    token_endpoint: `${origin}${oauth2}/token`,
    end_session_endpoint: `${origin}${oauth2}/logout`,
    jwks_uri: `${origin}${keys}`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    code_challenge_methods_supported: ['S256'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'nonce', 'preferred_username', 'name', 'tid', 'oid', 'ver'],
    request_uri_parameter_supported: false,
    http_logout_supported: true,
    frontchannel_logout_supported: false
  }
}
