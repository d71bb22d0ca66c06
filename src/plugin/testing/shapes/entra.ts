/**
 * Entra's own tokens, in version 2.0 and 1.0 (Microsoft: "Access token claims reference"), with the optional claims that guards read:
 * `acct`, `auth_time`, the facets that show whether an AI agent acts, and `idtyp` for apps.
 */
import { createHash, randomUUID } from 'node:crypto'
import { manyTenants } from '../../entra/authority.js'
import { clouds } from '../../entra/clouds.js'
import type { EntraTenantOptions } from '../../entra/options.js'
import { tenantPlaceholder } from '../../issuers/token-rules.js'
import { type CompleteUser, joined, listed, now, times } from '../callers.js'
import type { SigningKeys } from '../signing-keys.js'
import type { Shape, TestTenantOptions } from './shape.js'

/** Microsoft Graph, whose tokens are the commonest mistake. */
const graphId = '00000003-0000-0000-c000-000000000000'
/** Another directory, in which guests are at home. */
const homeTenant = randomUUID()

/** A tenant, with its addresses. */
interface Site {
  readonly tenantId: string
  readonly clientId: string
  authority: string
}

/** What the versions differ in. */
interface Version {
  readonly ver: '1.0' | '2.0'
  issuer(site: Site, tenantId?: string): string
  audience(site: Site): string
  client(id: string, isSecret: boolean): object
  /** Of a client that authenticated by an assertion. */
  readonly asserted: object
  names(user: CompleteUser): object
}

const v2: Version = {
  ver: '2.0',
  issuer: ({ authority, tenantId }, id = tenantId) => `${authority}/${id}/v2.0`,
  audience: ({ clientId }) => clientId,
  client: (azp, isSecret) => ({ azp, azpacr: isSecret ? '1' : '0' }),
  asserted: { azpacr: '2' },
  names: ({ name, email }) => ({ name, preferred_username: email })
}

const v1: Version = {
  ver: '1.0',
  issuer({ authority, tenantId }, id = tenantId) {
    const cloud = Object.values(clouds).find((each) => each.authority === authority)
    return `${cloud?.v1Issuer ?? authority}/${id}/`
  },
  audience: ({ clientId }) => `api://${clientId}`,
  client: (appid, isSecret) => ({ appid, appidacr: isSecret ? '1' : '0' }),
  asserted: { appidacr: '2' },
  names: ({ name, email }) => ({ name, upn: email, unique_name: email })
}

/** Pairwise: per user and API (Microsoft: "Access token claims reference", `sub`). */
export const pairwise = (id: string, clientId: string) =>
  createHash('sha256').update(`${id} ${clientId}`).digest('base64url')

/** Creates the shape. */
export function entraShape(options: TestTenantOptions): Shape {
  const { tenantId = randomUUID(), clientId = randomUUID(), authority = clouds.public.authority, audience } = options
  const site: Site = { tenantId, clientId, authority }
  const version = options.shape === 'v1' ? v1 : v2
  const agent = { xms_par_app_azp: randomUUID(), ...version.asserted }
  const common = () => ({
    iss: version.issuer(site),
    aud: audience ?? version.audience(site),
    tid: tenantId,
    ver: version.ver,
    ...times(),
    uti: randomUUID()
  })
  return {
    header: { typ: 'JWT' },
    otherAudience: graphId,
    options(): EntraTenantOptions {
      const isPublic = site.authority === clouds.public.authority
      return {
        ...{ tenantId, clientId, ...(audience !== undefined && { audience }) },
        ...(!isPublic && { authority: site.authority })
      }
    },
    origin: () => site.authority,
    moveTo(origin) {
      site.authority = origin
    },
    document: (path, keys) => documentAt(path, site, keys),
    user: (user) => ({ ...common(), ...userClaims(user, site, version), ...user.claims }),
    app: ({ id, clientId: client, permissions, claims }) => ({
      ...{ ...common(), oid: id, sub: id, idtyp: 'app', roles: listed(permissions) },
      ...{ ...version.client(client, true), ...facets.app, ...claims }
    }),
    idToken: ({ id, claims, ...user }) => ({
      ...{ ...common(), aud: clientId, oid: id, sub: pairwise(id, clientId) },
      ...{ ...version.names({ id, claims, ...user }), nonce: randomUUID(), ...claims }
    }),
    guest: { acct: 1, idp: `https://sts.windows.net/${homeTenant}/` },
    manyGroups: { groups: undefined, ...overage(tenantId) },
    agents: {
      user: { ...agent, ...facets.agent },
      ownUser: { ...agent, ...facets.agentUser },
      app: { ...agent, ...facets.agentApp }
    },
    stepUp: (id) => ({ acrs: [id], xms_cc: ['cp1'] })
  }
}

const userClaims = (user: CompleteUser, { clientId }: Site, version: Version) => ({
  ...{ oid: user.id, sub: pairwise(user.id, clientId), ...version.names(user) },
  ...{ scp: joined(user.scopes), roles: listed(user.roles), groups: listed(user.groups) },
  ...{ ...version.client(user.clientId, false), ...facets.user, acct: 0, auth_time: now() }
})

/** Microsoft: "Token claims reference for agent IDs": 11 is an agent identity, 13 the user account of one. Others have facets as well. */
const facets = {
  user: { xms_act_fct: '3 9', xms_sub_fct: '2 3' },
  app: { xms_act_fct: '3 9', xms_sub_fct: '3 9' },
  agent: { xms_act_fct: '3 9 11', xms_sub_fct: '2 3' },
  agentUser: { xms_act_fct: '3 9 11', xms_sub_fct: '3 13' },
  agentApp: { xms_act_fct: '3 9 11', xms_sub_fct: '3 9 11' }
} as const

/** Microsoft: "Access token claims reference", groups overage claim. */
const overage = (tenantId: string) => ({
  _claim_names: { groups: 'src1' },
  _claim_sources: { src1: { endpoint: `https://graph.windows.net/${tenantId}/users/me/getMemberObjects` } }
})

/** `{tenant}/v2.0/.well-known/openid-configuration` and the other three; a domain stands for the tenant. */
function documentAt(path: string, site: Site, keys: SigningKeys): object | undefined {
  const [, tenant = '', rest = ''] = /^\/([^/]+)\/(.+)$/.exec(path) ?? []
  const isMany = manyTenants.some((name) => name === tenant)
  if (!isMany && tenant !== site.tenantId && !tenant.includes('.')) return undefined
  const id = isMany ? tenantPlaceholder : site.tenantId
  const root = `${site.authority}/${tenant}`
  const document = (version: Version, jwks: string) => ({
    issuer: version.issuer(site, id),
    jwks_uri: `${root}/${jwks}`,
    authorization_endpoint: `${root}/oauth2/v2.0/authorize`,
    token_endpoint: `${root}/oauth2/v2.0/token`
  })
  switch (rest) {
    case 'v2.0/.well-known/openid-configuration':
      return document(v2, 'discovery/v2.0/keys')
    case '.well-known/openid-configuration':
      return document(v1, 'discovery/keys')
    case 'discovery/v2.0/keys':
      return { keys: keys.published({ issuer: v2.issuer(site, id) }) }
    case 'discovery/keys':
      return { keys: keys.published({ issuer: v1.issuer(site, id) }) }
    default:
      return undefined
  }
}
