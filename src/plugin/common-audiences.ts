/**
 * Audiences that everybody's tokens have: an API that accepts one of them takes tokens that were asked for to call another. Sources:
 * `entra/microsoft-apis`, and the providers' own documents where one is named.
 */

import { microsoftApiOf, named, plain } from './entra/microsoft-apis.js'
import { EntraConfigurationError } from './lib/configuration-error.js'
import { shown } from './lib/validate.js'

/** What tokens of other issuers have by default, whoever asked for them. */
const otherApis: Readonly<Record<string, readonly string[]>> = {
  /** Keycloak, "Server Administration Guide", audience support: of every user with the default roles of a realm. */
  'Keycloak’s account console': ['account'],
  /** Kubernetes, "Managing Service Accounts": of every pod. */
  Kubernetes: [
    ...['https://kubernetes.default', 'https://kubernetes.default.svc', 'https://kubernetes.default.svc.cluster.local']
  ],
  'AWS STS': ['sts.amazonaws.com']
}

/** Clients that every realm of Keycloak has. */
const keycloakClients = ['account-console', 'admin-cli', 'broker', 'realm-management', 'security-admin-console']

/**
 * What an issuer serves itself, below its own address: OpenID Connect's UserInfo, to which Auth0 gives an audience; Auth0's Management and My
 * Account APIs; the one audience that IdentityServer can put into all tokens (Duende, "EmitStaticAudienceClaim").
 */
const ownPaths = ['userinfo', 'api/v2', 'me', 'resources']

const otherNames: ReadonlyMap<string, string> = new Map(named(otherApis))

/** Who issues the tokens, where it is not Entra. */
export interface OtherIssuer {
  readonly issuer: string
  readonly isKeycloak: boolean
}

/** Whose audience it is, where it is not this API's alone. */
function ownerOf(audience: string, other: OtherIssuer | undefined): string | undefined {
  const name = plain(audience)
  const found = microsoftApiOf(name) ?? otherNames.get(name)
  if (found || !other) return found
  if (other.isKeycloak && keycloakClients.includes(name)) return 'a client that every realm has'
  const isOwn = ownPaths.some((path) => name === `${plain(other.issuer)}/${path}`)
  return isOwn || /^https:\/\/[^/]+\.auth0\.com\/(userinfo|api\/v2|me)$/.test(name) ? 'the issuer itself' : undefined
}

/**
 * Refuses audiences that say nothing of this API.
 *
 * @param name of the option
 * @param other where it is not Entra who issues the tokens
 * @throws EntraConfigurationError with one sentence that names the option, the value and what to change
 */
export function refuseCommon(name: 'audience' | 'clientId', audiences: readonly string[], other?: OtherIssuer): void {
  for (const audience of audiences) {
    const owner = ownerOf(audience, other)
    if (owner === undefined) continue
    const why = `belongs to ${owner}, so tokens for other APIs carry it`
    throw new EntraConfigurationError(`${name} ${shown(audience)} ${why}; give one that names this API alone`)
  }
}
