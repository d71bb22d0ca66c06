import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createApp, type Logger } from './app.js'
import { createAuthorizationServer } from './authorization-server.js'
import { describeTenant, type TenantDescription } from './description.js'
import { api } from './directory.js'
import type { Version } from './endpoints.js'
import { createKeyRing, keysFor, signClaims } from './keys.js'
import { TenantState } from './state.js'

export type { TenantDescription }

export interface TenantOptions {
  /** 0 takes any free port. */
  readonly port?: number
  /** Loopback only: whoever reaches the tenant can be anybody. */
  readonly host?: '127.0.0.1'
  /** The API registration's `requestedAccessTokenVersion`. */
  readonly accessTokenVersion?: Version
  readonly accessTokenLifetimeSeconds?: number
  /** Signs tokens for the API with a key of its own, published where metadata is asked for with `?appid=` only. */
  readonly customSigningKeys?: boolean
  readonly logger?: Logger
}

export interface Tenant {
  readonly origin: string
  readonly tenantId: string
  readonly issuer: string
  readonly description: TenantDescription
  /** Ends every connection and the tenant with them. */
  close(): Promise<void>
  /** Turns the signing keys over; `keep` leaves the old ones in the published sets. */
  rotate(options: { keep: boolean }): Promise<void>
  /** Signs any claims with the key of the API's tokens, for tests of what a tenant would never issue. */
  sign(claims: object, header?: object): Promise<string>
}

const DEFAULTS = {
  port: 4000,
  host: '127.0.0.1',
  accessTokenVersion: 2,
  accessTokenLifetimeSeconds: 3600,
  customSigningKeys: false,
  logger: false
} as const

/** Starts two tenants shaped as those of Entra ID: for development and tests, never for production. */
export async function startTenant(options: TenantOptions = {}): Promise<Tenant> {
  const { port, host, customSigningKeys, logger, ...settings } = { ...DEFAULTS, ...options }
  const keys = await createKeyRing(customSigningKeys ? [api.clientId] : [])
  const server = createServer()
  // The issuer names the port, so the port comes first and everything else is made for it.
  await once(server.listen(port, host), 'listening')
  const origin = `http://${host}:${(server.address() as AddressInfo).port}`
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
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
    rotate: (rotation) => state.rotate(rotation),
    sign: (claims, header) => signClaims(keysFor(state.keys, api.clientId)[0], claims, header)
  }
}
