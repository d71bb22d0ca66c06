/**
 * Audiences that tokens for other APIs carry as well: an API that accepts one of them accepts tokens that were requested for another API.
 * Sources: `entra/microsoft-apis`, and the providers' own documents where one is named.
 */

import { microsoftApiOf, named, plain } from './entra/microsoft-apis.js'
import { EntraConfigurationError } from './lib/configuration-error.js'
import { shown } from './lib/validate.js'

/** Default audiences of tokens of other issuers, whichever client requested them. */
const otherApis: Readonly<Record<string, readonly string[]>> = {
  /** Keycloak, "Server Administration Guide", audience support: in the tokens of every user with the default roles of a realm. */
  'Keycloak’s account console': ['account'],
  /** Kubernetes, "Managing Service Accounts": in the tokens of every pod. */
  Kubernetes: [
    ...['https://kubernetes.default', 'https://kubernetes.default.svc', 'https://kubernetes.default.svc.cluster.local']
  ],
  'AWS STS': ['sts.amazonaws.com']
}

/** Clients that every realm of Keycloak has. */
const keycloakClients = ['account-console', 'admin-cli', 'broker', 'realm-management', 'security-admin-console']

/**
 * APIs that an issuer serves itself, below its own URL: OpenID Connect's UserInfo, to which Auth0 gives an audience; Auth0's Management and
 * My Account APIs; the one audience that IdentityServer can put into all tokens (Duende, "EmitStaticAudienceClaim").
 */
const ownPaths = ['userinfo', 'api/v2', 'me', 'resources']

const otherNames: ReadonlyMap<string, string> = new Map(named(otherApis))

/** The issuer of the tokens, if it is not Entra. */
export interface OtherIssuer {
  readonly issuer: string
  readonly isKeycloak: boolean
}

/** The owner of an audience that does not identify this API alone. */
function ownerOf(audience: string, other: OtherIssuer | undefined): string | undefined {
  const name = plain(audience)
  const found = microsoftApiOf(name) ?? otherNames.get(name)
  if (found || !other) return found
  if (other.isKeycloak && keycloakClients.includes(name)) return 'a client that every realm has'
  const isOwn = ownPaths.some((path) => name === `${plain(other.issuer)}/${path}`)
  return isOwn || /^https:\/\/[^/]+\.auth0\.com\/(userinfo|api\/v2|me)$/.test(name) ? 'the issuer itself' : undefined
}

/**
 * Refuses audiences that do not identify this API alone.
 *
 * @param name of the option
 * @param other the issuer, if it is not Entra
 * @throws EntraConfigurationError with one sentence that names the option, the value and what to change
 */
export function refuseCommon(
  name: 'audience' | 'clientId' | 'resource.publicUrl',
  audiences: readonly string[],
  other?: OtherIssuer
): void {
  for (const audience of audiences) {
    const owner = ownerOf(audience, other)
    if (owner === undefined) continue
    const why = `belongs to ${owner}, so tokens for other APIs carry it`
    throw new EntraConfigurationError(`${name} ${shown(audience)} ${why}; give one that names this API alone`)
  }
}
