import { createHash } from 'node:crypto'
import { createRemoteJWKSet, type JWTPayload, type JWTVerifyResult, jwtVerify } from 'jose'
import type { Test } from 'tap'
import { clientCredentials, type SignInRequest, signIn, type TokenResponse } from '../../src/tenant/client.js'
import { startTenant, type Tenant, type TenantOptions } from '../../src/tenant/index.js'

/** Starts a tenant on a free port that ends with the test. */
export async function start(t: Test, options: TenantOptions = {}): Promise<Tenant> {
  const tenant = await startTenant({ port: 0, ...options })
  t.teardown(() => tenant.close())
  return tenant
}

export const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function clientId(tenant: Tenant, name: string): string {
  return String(tenant.description.clients.find((client) => client.name === name)?.clientId)
}

/** The other tenant at the same origin, in the shape of the first: what is asked of one can be asked of both. */
export function otherTenant(tenant: Tenant): Tenant {
  const [other] = tenant.description.otherTenants
  if (!other) throw new Error('there is one tenant only')
  return { ...tenant, ...other, description: { ...tenant.description, ...other } }
}

/** The tenant by an alias for all of them. */
export function alias(tenant: Tenant, tenantId: 'common' | 'organizations'): Tenant {
  return { ...tenant, tenantId }
}

/** An app-only token for a client of the directory. */
export async function appToken(tenant: Tenant, name: string, scope = apiScope(tenant, '.default')): Promise<string> {
  const client = tenant.description.clients.find((candidate) => candidate.name === name)
  const request = {
    tenantId: tenant.tenantId,
    clientId: String(client?.clientId),
    clientSecret: String(client?.clientSecret),
    scope
  }
  return (await clientCredentials(tenant.origin, request)).access_token
}

export function apiScope(tenant: Tenant, scope: string): string {
  return `api://${tenant.description.api.clientId}/${scope}`
}

/** Signs a user in at the SPA, by default for both of the API's scopes. */
export function userTokens(
  tenant: Tenant,
  username: string,
  request: Partial<SignInRequest> = {}
): Promise<TokenResponse> {
  const scope = `openid profile ${apiScope(tenant, 'access_as_user')} ${apiScope(tenant, 'Directory.Read')}`
  const { tenantId } = tenant
  return signIn(tenant.origin, { tenantId, clientId: clientId(tenant, 'spa'), username, scope, ...request })
}

/** Verifies a token against the keys that the tenant publishes over HTTP, for an application or for all. */
export function verified(
  tenant: Tenant,
  token: string,
  version: 'v1' | 'v2' = 'v2',
  query = ''
): Promise<JWTVerifyResult> {
  const path = version === 'v2' ? 'discovery/v2.0/keys' : 'discovery/keys'
  const keys = createRemoteJWKSet(new URL(`${tenant.origin}/${tenant.tenantId}/${path}${query}`))
  return jwtVerify(token, keys, { algorithms: ['RS256'] })
}

/** A public document, as JSON. */
export async function json(url: string): Promise<Record<string, unknown>> {
  return (await fetch(url)).json() as Promise<Record<string, unknown>>
}

export async function claimsOf(tenant: Tenant, token: string): Promise<JWTPayload> {
  return (await verified(tenant, token)).payload
}

export async function keyIds(tenant: Tenant, query = ''): Promise<string[]> {
  const response = await fetch(`${tenant.origin}/${tenant.tenantId}/discovery/v2.0/keys${query}`)
  const { keys } = (await response.json()) as { keys: { kid: string }[] }
  return keys.map(({ kid }) => kid)
}

export const codeVerifier = 'a-code-verifier-of-at-least-forty-three-characters'

/** An authorization request's address, with `parameters` in place of a usual one's. */
export function authorizeUrl(tenant: Tenant, parameters: Record<string, string> = {}): string {
  const usual = {
    client_id: clientId(tenant, 'spa'),
    response_type: 'code',
    redirect_uri: 'http://localhost:5173/callback',
    scope: `openid ${apiScope(tenant, 'access_as_user')}`,
    code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
    code_challenge_method: 'S256'
  }
  return `${tenant.origin}/${tenant.tenantId}/oauth2/v2.0/authorize?${new URLSearchParams({ ...usual, ...parameters })}`
}

export function postToken(tenant: Tenant, form: Record<string, string>, headers: Record<string, string> = {}) {
  const body = new URLSearchParams(form)
  return fetch(`${tenant.origin}/${tenant.tenantId}/oauth2/v2.0/token`, { method: 'POST', body, headers })
}
