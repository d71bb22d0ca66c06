/** The metadata of a protected resource (RFC 9728 §2). Pure. */
import { type Rule, scopesOf } from '../authorization/rules.js'
import type { Issuer } from '../issuers/issuer.js'
import { scopeNameWith } from '../refusals/scope-name.js'
import type { ProtectedResource } from './protected-resource.js'

/** Metadata of a protected resource, RFC 9728 §2. */
export interface ProtectedResourceMetadata {
  /** The URL of the API, as the option `resource` has it. */
  readonly resource: string
  /** Issuers whose tokens it accepts; absent if they cannot be listed, as every tenant of Entra. */
  readonly authorization_servers?: readonly string[]
  /** Scopes that its guards require, by the names that clients request; absent if they require none. */
  readonly scopes_supported?: readonly string[]
  /** Tokens are read from the `Authorization` header only (RFC 6750 §2.1). */
  readonly bearer_methods_supported: readonly ['header']
  /** The name of the API for people. */
  readonly resource_name?: string
}

/** The known parts of an issuer. */
type NamedIssuer = Pick<Issuer, 'name'> & {
  readonly settings: Pick<Issuer['settings'], 'authorizationServers' | 'profile'>
}

/**
 * The metadata, or `undefined` while the name of an issuer is unknown, which only its discovery document contains.
 *
 * @param rules of all guards
 */
export function metadataOf(
  { publicUrl, name }: ProtectedResource,
  issuers: readonly NamedIssuer[],
  rules: readonly Rule[]
): ProtectedResourceMetadata | undefined {
  const servers: string[] = []
  for (const { settings, name: own } of issuers) {
    const known = settings.authorizationServers ?? own
    if (known === undefined) return undefined
    servers.push(...[known].flat())
  }
  const bases = new Set(issuers.map(({ settings }) => settings.profile.scopeBase))
  const scopes = scopesOf({ kind: 'allOf', rules })
  const authorization_servers = unique(servers)
  const scopes_supported = unique([...bases].flatMap((base) => scopes.map(scopeNameWith(base))))
  // RFC 9728 §3.2: parameters without a value are left out.
  return {
    resource: publicUrl,
    ...(authorization_servers.length > 0 && { authorization_servers }),
    ...(scopes_supported.length > 0 && { scopes_supported }),
    bearer_methods_supported: ['header'],
    ...(name !== undefined && { resource_name: name })
  }
}

const unique = (values: readonly string[]): readonly string[] => [...new Set(values)]
