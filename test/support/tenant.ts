/**
 * A tenant under control: discovery and keys over real HTTP, tokens minted by jose, an implementation that shares no
 * code with the one under test. What it answers can be replaced, path by path.
 */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import type { Test } from 'tap'

export const tenantId = '11111111-2222-4333-8444-555555555555'
export const clientId = '66666666-7777-4888-8999-aaaaaaaaaaaa'
export const callerId = 'bbbbbbbb-cccc-4ddd-8eee-ffffffffffff'

export interface SigningKey {
  kid: string
  privateKey: CryptoKey
  jwk: JWK
}

export async function signingKey(kid: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
  const { n, e } = await exportJWK(publicKey)
  return { kid, privateKey, jwk: { kty: 'RSA', use: 'sig', kid, x5t: kid, n, e } as JWK }
}

export type Overrides = Record<string, unknown>

export interface TestTenant {
  origin: string
  key: SigningKey
  /** The published set; change it to rotate. */
  keys: JWK[]
  /** Requests by path, as they came. */
  requests: string[]
  /** Answers by path, with its query or without, in place of the tenant's own. */
  answers: Map<string, RequestListener>
  paths: { discovery: string; keys: string; v1Discovery: string; v1Keys: string }
  /** A user's v2 access token; `undefined` takes a claim or header parameter out. */
  userToken(claims?: Overrides, header?: Overrides, key?: SigningKey): Promise<string>
  /** An app-only v2 access token. */
  appToken(claims?: Overrides, header?: Overrides, key?: SigningKey): Promise<string>
  /** A user's v1 access token. */
  v1Token(claims?: Overrides): Promise<string>
  listen(): Promise<void>
  close(): Promise<void>
}

export const seconds = () => Math.floor(Date.now() / 1000)

function without(members: Overrides): Overrides {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

export function sign(claims: Overrides, header: Overrides, key: SigningKey): Promise<string> {
  const protectedHeader = without({ typ: 'JWT', alg: 'RS256', kid: key.kid, x5t: key.kid, ...header })
  return new SignJWT(without(claims)).setProtectedHeader(protectedHeader as { alg: string }).sign(key.privateKey)
}

/** Answers with what the body is by then, as JSON. */
export function json(body: () => unknown): RequestListener {
  return (_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(body()))
  }
}

/** @param t a test with which it ends, unless the caller closes it */
export async function startTestTenant(t?: Test): Promise<TestTenant> {
  const key = await signingKey('key-1')
  const requests: string[] = []
  const answers = new Map<string, RequestListener>()
  const paths = {
    discovery: `/${tenantId}/v2.0/.well-known/openid-configuration`,
    keys: `/${tenantId}/discovery/v2.0/keys`,
    v1Discovery: `/${tenantId}/.well-known/openid-configuration`,
    v1Keys: `/${tenantId}/discovery/keys`
  }
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    requests.push(path)
    const answer = answers.get(path) ?? answers.get(path.replace(/\?.*/, '')) ?? own(path)
    if (answer) return answer(request, response)
    response.statusCode = 404
    response.end()
  })
  server.keepAliveTimeout = 600_000 // on a busy machine it would close connections that a client is about to use
  const own = (path: string): RequestListener | undefined => {
    const { origin } = tenant
    const v2 = { issuer: `${origin}/${tenantId}/v2.0`, jwks_uri: origin + paths.keys }
    const v1 = { issuer: `${origin}/${tenantId}/`, jwks_uri: origin + paths.v1Keys }
    if (path === paths.discovery) return json(() => v2)
    if (path === paths.v1Discovery) return json(() => v1)
    if (path === paths.keys) return json(() => ({ keys: tenant.keys.map((jwk) => ({ ...jwk, issuer: v2.issuer })) }))
    if (path === paths.v1Keys) return json(() => ({ keys: tenant.keys.map((jwk) => ({ ...jwk, issuer: v1.issuer })) }))
    return undefined
  }
  const times = () => ({ iat: seconds(), nbf: seconds(), exp: seconds() + 3600 })
  const common = () => ({ ...times(), oid: callerId, sub: 'pairwise-subject', tid: tenantId, uti: 'unique-token-id' })
  const v2 = () => ({
    ...common(),
    iss: `${tenant.origin}/${tenantId}/v2.0`,
    aud: clientId,
    azp: callerId,
    azpacr: '1',
    ver: '2.0'
  })
  let port = 0
  const tenant: TestTenant = {
    origin: '',
    key,
    keys: [key.jwk],
    requests,
    answers,
    paths,
    userToken: (claims, header = {}, by = tenant.key) =>
      sign({ ...v2(), scp: 'access_as_user', name: 'A User', ...claims }, header, by),
    appToken: (claims, header = {}, by = tenant.key) =>
      sign({ ...v2(), sub: callerId, idtyp: 'app', roles: ['Directory.Read.All'], ...claims }, header, by),
    v1Token: (claims) => {
      const v1 = {
        iss: `${tenant.origin}/${tenantId}/`,
        aud: `api://${clientId}`,
        appid: callerId,
        appidacr: '1',
        ver: '1.0'
      }
      return sign({ ...common(), ...v1, scp: 'access_as_user', ...claims }, {}, tenant.key)
    },
    listen: () =>
      new Promise((resolve) => {
        server.listen(port, '127.0.0.1', () => {
          port = (server.address() as AddressInfo).port
          tenant.origin = `http://127.0.0.1:${port}`
          resolve()
        })
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
  await tenant.listen()
  t?.teardown(() => tenant.close())
  return tenant
}
