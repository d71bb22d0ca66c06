/**
 * A provider with Keycloak's addresses and claims, on oidc-provider, with the clients and users of a realm file. It stands in for Keycloak,
 * which cannot run where there are no containers: what the file means to Keycloak itself is not tested.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import { type ClientMetadata, type Configuration, Provider } from 'oidc-provider'
import type { Test } from 'tap'
import { claimsFor, type Realm, type RealmClient } from './realm.js'

export interface Keycloak {
  /** Where it listens. */
  readonly origin: string
  readonly port: number
  /** The realm's address below its origin. */
  readonly path: string
}

const endpoint = '/protocol/openid-connect'

/** Starts it; it ends with the test. */
export async function startKeycloak(t: Test, realm: Realm, issuer: string): Promise<Keycloak> {
  const path = new URL(issuer).pathname
  const provider = new Provider(issuer, await configuration(realm, path))
  provider.proxy = true
  const answer = provider.callback()
  const server = createServer(async (request: IncomingMessage & { originalUrl?: string }, response) => {
    const { url = '' } = request
    if (!url.startsWith(`${path}/`)) return void response.writeHead(404).end()
    request.originalUrl = url
    request.url = url.slice(path.length)
    await (request.url.startsWith('/login/') ? signIn(provider, request, response) : answer(request, response))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, port, path }
}

/** As the user of `login_hint`, without a password. */
async function signIn(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { params } = await provider.interactionDetails(request, response)
  await provider.interactionFinished(request, response, { login: { accountId: String(params.login_hint) } })
}

async function configuration(realm: Realm, path: string): Promise<Configuration> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const key = { ...(await exportJWK(privateKey)), kid: randomBytes(32).toString('base64url'), use: 'sig', alg: 'RS256' }
  const optional = realm.clients.flatMap(({ optionalClientScopes }) => optionalClientScopes)
  return {
    clients: realm.clients.filter(({ bearerOnly }) => !bearerOnly).map(metadata),
    jwks: { keys: [key] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    routes: { authorization: `${endpoint}/auth`, token: `${endpoint}/token`, jwks: `${endpoint}/certs` },
    scopes: ['openid', ...optional],
    interactions: { url: (_ctx, { uid }) => `${path}/login/${uid}` },
    clientBasedCORS: (_ctx, origin, { clientId }) =>
      realm.clients.some((each) => each.clientId === clientId && each.webOrigins?.includes(origin)),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:realm',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ scope: optional.join(' '), accessTokenFormat: 'jwt', accessTokenTTL: 300 })
      }
    },
    findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    async loadExistingGrant({ oidc }) {
      const { Grant } = oidc.provider
      const grant = new Grant({ accountId: oidc.session?.accountId, clientId: oidc.client?.clientId })
      grant.addOIDCScope(['openid', ...optional].join(' '))
      grant.addResourceScope('urn:realm', optional.join(' '))
      await grant.save()
      return grant
    },
    formats: {
      customizers: {
        jwt(_ctx, token, parts) {
          const client = realm.clients.find(({ clientId }) => clientId === token.clientId)
          const account = 'accountId' in token ? token.accountId : undefined
          const user = realm.users.find(({ username, serviceAccountClientId }) =>
            account ? username === account : serviceAccountClientId === token.clientId
          )
          if (!client || !user) throw new Error('the realm has no such client or user')
          const { iss, iat, exp, jti, scope = '' } = parts.payload
          const scopes = [...String(scope).split(' '), ...(account ? ['openid'] : [])]
          const claims = claimsFor({ realm, client, user, scopes, ...(account && { sid: randomUUID() }) })
          Object.assign(parts, { header: { typ: 'JWT' }, payload: { iss, iat, exp, jti, ...claims } })
        }
      }
    }
  }
}

/** A client of the realm, as oidc-provider has it. */
function metadata({ clientId, secret, redirectUris = [], ...client }: RealmClient): ClientMetadata {
  return {
    client_id: clientId,
    ...(client.publicClient ? { token_endpoint_auth_method: 'none' } : { client_secret: String(secret) }),
    grant_types: [
      ...(client.standardFlowEnabled ? ['authorization_code'] : []),
      ...(client.serviceAccountsEnabled ? ['client_credentials'] : [])
    ],
    response_types: client.standardFlowEnabled ? ['code'] : [],
    redirect_uris: [...redirectUris]
  }
}
