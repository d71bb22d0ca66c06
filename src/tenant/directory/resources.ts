import type { Version } from '../authority/endpoints.js'
import { api, graph } from './directory.js'

/** An API for which clients can request tokens: its identifiers in tokens, and the permissions that it exposes. */
export interface Resource {
  /** Its ID in Entra ID's messages. */
  readonly clientId: string
  readonly audience: Readonly<Record<Version, string>>
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
}

/** Requests all permissions that have consent (Microsoft: "Scopes and permissions", the .default scope). */
export const DEFAULT_SCOPE = '.default'

/** Of no resource (Microsoft: "Scopes and permissions in the Microsoft identity platform", OpenID Connect scopes). */
export const OPENID_SCOPES: readonly string[] = ['openid', 'profile', 'email', 'offline_access']

/** What identifies the resources of a tenant. */
export interface Identifiers {
  readonly origin: string
  /** Further App ID URIs of the API, such as the URL of an MCP server. */
  readonly appIdUris: ReadonlySet<string>
}

/**
 * The resources by the identifier that prefixes their scopes. A v1.0 token names the API by its App ID URI, a v2.0 token by its client ID
 * (Microsoft: "Access token claims reference", aud). The tenant's own origin, where its directory is served, also identifies Graph.
 */
export function createResources({ origin, appIdUris }: Identifiers): ReadonlyMap<string, Resource> {
  const microsoftGraph = { ...graph, audience: { 1: graph.appIdUri, 2: graph.appIdUri } }
  return new Map<string, Resource>([
    ...[api.appIdUri, ...appIdUris].map((uri) => [uri, { ...api, audience: { 1: uri, 2: api.clientId } }] as const),
    [graph.appIdUri, microsoftGraph],
    [origin, microsoftGraph]
  ])
}

/**
 * The resource that a request's scopes name: the text before the last slash of the first scope that has one. Entra ID treats a request that
 * names none as one for Graph.
 */
export function resourceIdentifier(scopes: string): string {
  return /(\S+)\/\S+/.exec(scopes)?.[1] ?? graph.appIdUri
}

/** A scope without the identifier of its resource. */
export function shortName(scope: string): string {
  return scope.slice(scope.lastIndexOf('/') + 1)
}

/** The scopes in the form of the `scp` claim: short names, with `.default` expanded. */
export function delegatedPermissions(resource: Resource, scopes: ReadonlySet<string>): string {
  const granted = [...scopes].map(shortName)
  return resource.scopes.filter((scope) => granted.includes(scope) || granted.includes(DEFAULT_SCOPE)).join(' ')
}
