/** The server of this repository and the embedded tenant, each on a port of its own, and tokens as callers get them. */
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { buildApp } from '../../src/server/app.js'
import { readConfig } from '../../src/server/config/config.js'
import { environmentFor } from '../../src/server/environment.js'
import { clientCredentials, signIn } from '../../src/tenant/client.js'
import { startTenant, type Tenant } from '../../src/tenant/index.js'

export interface Answer {
  status: number
  headers: Headers
  body: Record<string, unknown>
}

export interface ServerWithTenant {
  tenant: Tenant
  app: FastifyInstance
  address: string
  /** GETs a path over HTTP, with a token or without. */
  get(path: string, token?: string): Promise<Answer>
}

export async function getJson(url: string, token?: string): Promise<Answer> {
  const response = await fetch(url, token ? { headers: { authorization: `Bearer ${token}` } } : {})
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>
  }
}

/** Starts both; they end with the test. */
export async function startServerWithTenant(
  t: Test,
  env: Record<string, string> = {},
  version: 1 | 2 = 2
): Promise<ServerWithTenant> {
  const tenant = await startTenant({ port: 0, accessTokenVersion: version })
  t.teardown(() => tenant.close())
  const app = await startServer(t, { ...environmentFor(tenant), ...env })
  const address = app.listeningOrigin
  return { tenant, app, address, get: (path, token) => getJson(address + path, token) }
}

/** Starts the server alone; it ends with the test. */
export async function startServer(t: Test, env: Record<string, string>): Promise<FastifyInstance> {
  const app = await buildApp(readConfig({ LOG_LEVEL: 'silent', ...env }))
  t.teardown(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app
}

/** A user's access token, by code and PKCE through the single-page app; all scopes of the API unless said otherwise. */
export async function userToken(
  { origin, tenantId, description }: Tenant,
  username: string,
  scopes?: string[]
): Promise<string> {
  const scope = (scopes ?? description.api.scopes).map((name) => `api://${description.api.clientId}/${name}`).join(' ')
  const tokens = await signIn(origin, { tenantId, clientId: clientNamed(description, 'spa').clientId, username, scope })
  return tokens.access_token
}

/** A service's access token, by client credentials. */
export async function appToken({ origin, tenantId, description }: Tenant, name: string): Promise<string> {
  const { clientId, clientSecret = '' } = clientNamed(description, name)
  const scope = `api://${description.api.clientId}/.default`
  const tokens = await clientCredentials(origin, { tenantId, clientId, clientSecret, scope })
  return tokens.access_token
}

function clientNamed({ clients }: Tenant['description'], name: string) {
  const client = clients.find((each) => each.name === name)
  if (!client) throw new Error(`the tenant has no client ${name}`)
  return client
}
