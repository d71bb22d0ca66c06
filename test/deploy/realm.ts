/** A Keycloak realm file, and the claims that Keycloak's mappers make of it ("Server Administration Guide", protocol mappers). */
import { readFile } from 'node:fs/promises'

interface Mapper {
  readonly name: string
  readonly protocolMapper: string
  readonly config: Readonly<Record<string, string>>
}

export interface RealmClient {
  readonly clientId: string
  readonly secret?: string
  readonly bearerOnly?: boolean
  readonly publicClient: boolean
  readonly standardFlowEnabled: boolean
  readonly serviceAccountsEnabled?: boolean
  readonly redirectUris?: readonly string[]
  readonly webOrigins?: readonly string[]
  readonly defaultClientScopes: readonly string[]
  readonly optionalClientScopes: readonly string[]
}

export interface RealmUser {
  readonly username: string
  readonly realmRoles: readonly string[]
  readonly serviceAccountClientId?: string
}

export interface Realm {
  readonly realm: string
  readonly roles: { readonly realm: readonly { readonly name: string }[] }
  readonly clientScopes: readonly {
    readonly name: string
    readonly attributes: Readonly<Record<string, string>>
    readonly protocolMappers: readonly Mapper[]
  }[]
  readonly clients: readonly RealmClient[]
  readonly users: readonly RealmUser[]
}

/**
 * Reads a realm file as `--import-realm` does: placeholders are environment variables.
 *
 * @throws if a placeholder has no value
 */
export async function readRealm(path: string, env: Readonly<Record<string, string>>): Promise<Realm> {
  const text = await readFile(path, 'utf8')
  return JSON.parse(
    text.replace(/\$\{(\w+)\}/g, (_all, name: string) => {
      const value = env[name]
      if (!value) throw new Error(`${path} has the placeholder ${name}, which is not set`)
      return value
    })
  )
}

/** What a token is issued for. */
export interface Grant {
  readonly realm: Realm
  readonly client: RealmClient
  readonly user: RealmUser
  /** As the client requested them. */
  readonly scopes: readonly string[]
  /** Of the session, which client credentials have none of. */
  readonly sid?: string
}

/** The claims of an access token, without those of its time and its issuer. */
export function claimsFor({ realm, client, user, scopes, sid }: Grant): Record<string, unknown> {
  const names = [...client.defaultClientScopes, ...client.optionalClientScopes.filter((name) => scopes.includes(name))]
  const granted = names.map((name) => {
    const scope = realm.clientScopes.find((each) => each.name === name)
    if (!scope) throw new Error(`${client.clientId} has the client scope ${name}, which the realm has not`)
    return scope
  })
  const claims: Record<string, unknown> = { typ: 'Bearer', azp: client.clientId, ...(sid && { sid, acr: '1' }) }
  for (const mapper of granted.flatMap(({ protocolMappers }) => protocolMappers)) apply(mapper, claims, realm, user)
  const shown = granted.filter(({ attributes }) => attributes['include.in.token.scope'] === 'true')
  const openid = scopes.includes('openid') ? ['openid'] : []
  return { ...claims, scope: [...openid, ...shown.map(({ name }) => name)].join(' ') }
}

function apply({ protocolMapper, config }: Mapper, claims: Record<string, unknown>, realm: Realm, user: RealmUser) {
  const claim = String(config['claim.name'])
  const client = user.serviceAccountClientId
  switch (protocolMapper) {
    case 'oidc-sub-mapper':
      claims.sub = `id-of-${user.username}`
      break
    case 'oidc-usermodel-realm-role-mapper': {
      const own = user.realmRoles.filter((role) => realm.roles.realm.some(({ name }) => name === role))
      const everybodys = [`default-roles-${realm.realm}`, 'offline_access', 'uma_authorization']
      const [outer = '', inner = ''] = claim.split('.')
      claims[outer] = { [inner]: [...everybodys, ...own] }
      break
    }
    case 'oidc-usermodel-attribute-mapper':
      if (config['user.attribute'] === 'username') claims[claim] = user.username
      break
    case 'oidc-usersessionmodel-note-mapper': {
      const notes: Record<string, unknown> = {
        client_id: client,
        clientHost: '172.19.0.1',
        clientAddress: '172.19.0.1'
      }
      if (client) claims[claim] = notes[String(config['user.session.note'])]
      break
    }
    case 'oidc-audience-mapper':
      claims.aud = config['included.client.audience']
      break
    default:
      throw new Error(`${protocolMapper} is not known here`)
  }
}
