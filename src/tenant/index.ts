import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createApp, type Logger } from './app.js'
import { createAuthorizationServer } from './authority/authorization-server.js'
import type { Version } from './authority/endpoints.js'
import { TenantState } from './authority/state.js'
import { describeTenant, type TenantDescription } from './description.js'
import { api } from './directory/directory.js'
import type { TlsIdentity } from './tls.js'
import { createKeyRing, keysFor, signClaims } from './tokens/keys.js'

export type { TenantDescription, TlsIdentity }

export interface TenantOptions {
  /** 0 for any free port. */
  readonly port?: number
  /** Loopback only: anyone who can reach the tenant can sign in as any user. */
  readonly host?: '127.0.0.1'
  /** The API registration's `requestedAccessTokenVersion`. */
  readonly accessTokenVersion?: Version
  readonly accessTokenLifetimeSeconds?: number
  /** Signs tokens for the API with a key of its own, published only in metadata with `?appid=`. */
  readonly customSigningKeys?: boolean
  /** Certificates of clients, as PEM, by client ID: beside their secrets. */
  readonly clientCertificates?: Readonly<Record<string, string>>
  /** Serves https: with a certificate and an authority created at startup, or with these. Default: http. */
  readonly tls?: boolean | TlsIdentity
  readonly logger?: Logger
}

export interface Tenant {
  readonly origin: string
  readonly tenantId: string
  readonly issuer: string
  readonly description: TenantDescription
  /** With `tls`: the certificate authority to trust, as PEM. */
  readonly ca?: string
  /** Closes all connections and the tenant. */
  close(): Promise<void>
  /** Registers one more App ID URI of the API: clients request its scopes by it, and may send it as `resource` (RFC 8707). */
  addAppIdUri(uri: string): void
  /** Rotates the signing keys; `keep` leaves the old ones in the published sets. */
  rotate(options: { keep: boolean }): Promise<void>
  /** Signs any claims with the key of the API's tokens, to test tokens that a tenant would never issue. */
  sign(claims: object, header?: object): Promise<string>
}

const DEFAULTS = {
  port: 4000,
  host: '127.0.0.1',
  accessTokenVersion: 2,
  accessTokenLifetimeSeconds: 3600,
  customSigningKeys: false,
  clientCertificates: {},
  tls: false,
  logger: false
} as const

/** Starts two tenants that behave like those of Entra ID: for development and tests, never for production. */
export async function startTenant(options: TenantOptions = {}): Promise<Tenant> {
  const { port, host, customSigningKeys, tls, logger, ...settings } = { ...DEFAULTS, ...options }
  const keys = await createKeyRing(customSigningKeys ? [api.clientId] : [])
  const identity = await identityFor(tls)
  const server: Server = identity ? createTlsServer(identity) : createServer()
  // The issuer contains the port, so the port is bound first.
  await once(server.listen(port, host), 'listening')
  const origin = `${identity ? 'https' : 'http'}://${host}:${(server.address() as AddressInfo).port}`
  const state = new TenantState({ ...settings, origin }, keys, createAuthorizationServer)
  const app = createApp(state, logger)
  server.on('request', async (request, response) => {
    await app.ready()
    app.routing(request, response)
  })

  const description = describeTenant(origin)
  return {
    origin,
    tenantId: description.tenantId,
    issuer: description.issuer,
    description,
    ...(identity && { ca: identity.ca }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
    addAppIdUri: (uri) => void state.appIdUris.add(uri),
    rotate: (rotation) => state.rotate(rotation),
    sign: (claims, header) => signClaims(keysFor(state.keys, api.clientId)[0], claims, header)
  }
}

/** The certificate for https. The code that creates certificates is loaded only if needed. */
async function identityFor(tls: boolean | TlsIdentity): Promise<TlsIdentity | undefined> {
  if (typeof tls === 'object') return tls
  return tls ? (await import('./tls.js')).createTlsIdentity() : undefined
}
