/** Access tokens of any OpenID provider, as RFC 9068 has them, with `roles` and `groups` (RFC 9068 §2.2.3.1). */
import { randomUUID } from 'node:crypto'
import { joined, listed, now, times } from '../callers.js'
import type { Shape, TestTenantOptions } from './shape.js'

/** Creates the shape. */
export function oidcShape({
  issuer: given = 'https://login.example',
  audience = 'https://api.example'
}: TestTenantOptions): Shape {
  const site = { issuer: given }
  const documentUrl = () => `${site.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const keysUrl = () => `${site.issuer.replace(/\/$/, '')}/jwks`
  const common = () => ({ iss: site.issuer, aud: audience, jti: randomUUID(), ...times() })
  return {
    header: { typ: 'at+jwt' },
    otherAudience: 'https://other-api.example',
    options: () => ({ issuer: site.issuer, audience }),
    origin: () => new URL(site.issuer).origin,
    moveTo(origin) {
      site.issuer = origin + given.slice(new URL(given).origin.length)
    },
    document(path, keys) {
      if (path === new URL(keysUrl()).pathname) return { keys: keys.published() }
      return path === new URL(documentUrl()).pathname ? { issuer: site.issuer, jwks_uri: keysUrl() } : undefined
    },
    user: ({ id, name, email, scopes, roles, groups, clientId, claims }) => ({
      ...{ ...common(), sub: id, client_id: clientId, auth_time: now(), name, email },
      ...{ scope: joined(scopes), roles: listed(roles), groups: listed(groups), ...claims }
    }),
    app: ({ clientId, permissions, claims }) => ({
      ...{ ...common(), sub: clientId, client_id: clientId, roles: listed(permissions), ...claims }
    }),
    idToken: ({ id, name, email, claims }) => ({
      ...{ ...common(), sub: id, auth_time: now(), name, email, nonce: randomUUID(), ...claims }
    }),
    stepUp: (id) => ({ acr: id })
  }
}
