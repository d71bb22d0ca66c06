/** An authority: the first segment of its paths, and the tenant that the issuer names. */
interface Owner {
  readonly name: string
  readonly tenantId: string
}

/** What differs between the v1.0 and v2.0 endpoints. A v1.0 issuer ends in a slash, a v2.0 issuer does not. */
const versions = {
  1: {
    issuer: '',
    discovery: '.well-known/openid-configuration',
    keys: 'discovery/keys',
    oauth2: 'oauth2'
  },
  2: {
    issuer: 'v2.0',
    discovery: 'v2.0/.well-known/openid-configuration',
    keys: 'discovery/v2.0/keys',
    oauth2: 'oauth2/v2.0'
  }
} as const

export type Version = keyof typeof versions

/** An authority's paths, as at Entra ID (Microsoft: "OpenID Connect on the Microsoft identity platform"). */
export function pathsOf(name: string) {
  const oauth2 = `/${name}/${versions[2].oauth2}`
  return {
    oauth2: `${oauth2}/*`,
    authorize: `${oauth2}/authorize`,
    token: `${oauth2}/token`,
    logout: `${oauth2}/logout`,
    deviceCode: `${oauth2}/devicecode`,
    deviceAuth: `${oauth2}/deviceauth`,
    signIn: `/${name}/login`
  }
}

/** Paths of an authority's metadata. */
export function metadataPathsOf(name: string, version: Version) {
  const { discovery, keys } = versions[version]
  return { discovery: `/${name}/${discovery}`, keys: `/${name}/${keys}` }
}

/** One server also serves the v1.0 endpoints and the aliases for all tenants: maps their paths to its own. */
export function toServerPath(url: string): string {
  return url
    .replace(/^\/([^/]+)\/oauth2\/(?!v2\.0\/)/, '/$1/oauth2/v2.0/')
    .replace(/^\/organizations(?=\/oauth2\/)/, '/common')
}

const LOOPBACK = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(?:[/?]|$)/

/** Whether a URI is on this machine: Entra ID ignores the port of localhost (Microsoft: "Redirect URI restrictions"). */
export function isLoopback(uri: string): boolean {
  return LOOPBACK.test(uri) && URL.canParse(uri)
}

/** The issuer that a tenant's tokens of a version name. */
export function issuer(origin: string, tenantId: string, version: Version): string {
  return `${origin}/${tenantId}/${versions[version].issuer}`
}

/**
 * The discovery document (OpenID Connect Discovery 1.0 §3), with the members of Entra ID's document. For an application, it refers to the
 * keys of that application (Microsoft: "Access tokens", validate the signature).
 */
export function discoveryDocument(origin: string, { name, tenantId }: Owner, version: Version, application?: string) {
  const oauth2 = `${origin}/${name}/${versions[version].oauth2}`
  const query = application === undefined ? '' : `?${new URLSearchParams({ appid: application })}`
  return {
    issuer: issuer(origin, tenantId, version),
    authorization_endpoint: `${oauth2}/authorize`,
    token_endpoint: `${oauth2}/token`,
    device_authorization_endpoint: `${oauth2}/devicecode`,
    end_session_endpoint: `${oauth2}/logout`,
    jwks_uri: `${origin}/${name}/${versions[version].keys}${query}`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
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
