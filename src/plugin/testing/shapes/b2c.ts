/** Tokens of a user flow of Azure AD B2C (Microsoft: "Request an access token in Azure Active Directory B2C"). */
import { randomUUID } from 'node:crypto'
import { joined, listed, now, times } from '../callers.js'
import type { Shape, TestTenantOptions } from './shape.js'

/** Creates the shape. */
export function b2cShape(options: TestTenantOptions): Shape {
  const { tenantId = randomUUID(), clientId = randomUUID(), audience, userFlow = 'B2C_1_signin' } = options
  const site = { authority: options.authority ?? 'https://contoso.b2clogin.com' }
  const issuer = () => `${site.authority}/${tenantId}/v2.0/`
  const common = () => ({ iss: issuer(), aud: audience ?? clientId, ver: '1.0', jti: randomUUID(), ...times() })
  const root = `/${tenantId}/${userFlow}`
  return {
    header: { typ: 'JWT' },
    otherAudience: randomUUID(),
    options: () => ({
      ...{ tenantId, clientId, userFlow, authority: site.authority },
      ...(audience !== undefined && { audience })
    }),
    origin: () => site.authority,
    moveTo(origin) {
      site.authority = origin
    },
    document(path, keys) {
      if (path === `${root}/discovery/v2.0/keys`) return { keys: keys.published() }
      const jwks_uri = `${site.authority}${root}/discovery/v2.0/keys`
      return path === `${root}/v2.0/.well-known/openid-configuration` ? { issuer: issuer(), jwks_uri } : undefined
    },
    user: ({ id, name, email, scopes, roles, groups, clientId: azp, claims }) => ({
      ...{ ...common(), oid: id, sub: id, tfp: userFlow, azp, auth_time: now(), name, emails: [email] },
      ...{ scp: joined(scopes), roles: listed(roles), groups: listed(groups), ...claims }
    }),
    app: ({ id, clientId: azp, permissions, claims }) => ({
      ...{ ...common(), tid: tenantId, oid: id, sub: id, azp, scp: joined(permissions), ...claims }
    }),
    idToken: ({ id, name, email, claims }) => ({
      ...{ ...common(), aud: clientId, oid: id, sub: id, tfp: userFlow, auth_time: now() },
      ...{ name, emails: [email], nonce: randomUUID(), ...claims }
    }),
    stepUp: (id) => ({ acrs: [id] })
  }
}
