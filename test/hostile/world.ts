/** Everything around the server under attack: its tenant, with good and bad keys, and a listener of the attacker's. */
import { createPublicKey, generateKeyPairSync, KeyObject, type webcrypto } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { callerId, clientId, seconds, sign, startTestTenant, type TestTenant, tenantId } from '../support/tenant.js'
import { type Members, mint, rsa, type Signature } from './mint.js'
import { type Provider, publishProvider } from './provider.js'

export { callerId, clientId, seconds, tenantId }
export const otherTenantId = '99999999-8888-4777-8666-555555555555'
/** Allowed to call, and to have neither scopes nor roles. */
export const rolelessId = 'cccccccc-dddd-4eee-8fff-000000000000'
/** Allowed to call; may not come without permissions. */
export const otherClientId = 'dddddddd-eeee-4fff-8000-111111111111'
export const longKid = 'k'.repeat(257)

export type Keys = Readonly<Record<'main' | 'special' | 'clash' | 'stranger' | 'weak' | 'smallExponent', KeyObject>>

export interface World {
  readonly tenant: TestTenant
  readonly provider: Provider
  readonly keys: Keys
  readonly attacker: { readonly origin: string; readonly hits: string[] }
  /** The issuers of the tenant. */
  readonly v2: string
  readonly v1: string
  /** Payloads that are accepted, with claims replaced, or taken out by `undefined`. */
  user(claims?: Members): Members
  app(claims?: Members): Members
  v1User(claims?: Members): Members
  /** The accepted header, the same way. */
  header(parameters?: Members): Members
  /** A user's v2 token, by node:crypto. */
  token(claims?: Members, parameters?: Members, signature?: Signature): string
  /** A user's v1 token, by node:crypto. */
  v1Token(claims?: Members, parameters?: Members, signature?: Signature): string
  /** An app's v2 token, by node:crypto. */
  appToken(claims?: Members): string
  /** A v2 token under another published key. */
  under(kid: string, key: KeyObject): string
  /** Publishes the tenant's keys, with or without the one that gets retired, and more of them by `kid`. */
  publish(withRetired: boolean, more?: Readonly<Record<string, KeyObject>>): void
  close(): Promise<void>
}

const pair = (modulusLength: number, publicExponent?: number) =>
  generateKeyPairSync('rsa', { modulusLength, ...(publicExponent !== undefined && { publicExponent }) }).privateKey

/** JSON has no `undefined`: a member that is has been taken out. */
const present = (members: Members) =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))

async function startAttacker() {
  const hits: string[] = []
  const server = createServer((request, response) => {
    hits.push(request.url ?? '')
    response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { origin, hits, close: () => server.close() }
}

/** The published set: entries that are no keys for signatures, beside good ones. */
function published(
  { main, special, clash, weak, smallExponent }: Keys,
  issuer: string,
  withRetired: boolean,
  more: Readonly<Record<string, KeyObject>>
) {
  const entry = (kid: string, key: KeyObject, members: Members = {}) => {
    const { n, e } = createPublicKey(key).export({ format: 'jwk' })
    return present({ kty: 'RSA', use: 'sig', kid, n, e, issuer, ...members })
  }
  return [
    entry('key-1', main),
    entry('key-of-another-issuer', special, { issuer: issuer.replace(tenantId, otherTenantId) }),
    entry('key-with-template', special, { issuer: issuer.replace(tenantId, '{tenantid}') }),
    entry('key-without-issuer', special, { issuer: undefined }),
    entry('key-for-encryption', special, { use: 'enc' }),
    ...(issuer.endsWith('/v2.0') ? [entry('key-v2-only', special)] : []),
    entry('key-ops-encrypt', special, { use: undefined, key_ops: ['encrypt', 'wrapKey'] }),
    entry('key-ops-sign', special, { use: undefined, key_ops: ['sign'] }),
    entry('key-for-rs384', special, { alg: 'RS384' }),
    entry('key-for-oaep', special, { alg: 'RSA-OAEP' }),
    entry('key-with-private', special, { d: special.export({ format: 'jwk' }).d }),
    entry('key-clash', special),
    entry('key-clash', clash),
    entry('key-1024', weak),
    entry('key-exponent-3', smallExponent),
    entry('', special),
    entry(longKid, special),
    { kty: 'oct', use: 'sig', kid: 'key-oct', k: 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ', issuer },
    ...(withRetired ? [entry('key-retired', special)] : []),
    ...Object.entries(more).map(([kid, key]) => entry(kid, key))
  ]
}

export async function startWorld(): Promise<World> {
  const tenant = await startTestTenant()
  const attacker = await startAttacker()
  const keys: Keys = {
    main: KeyObject.from(tenant.key.privateKey as webcrypto.CryptoKey),
    special: pair(2048),
    clash: pair(2048),
    stranger: pair(2048),
    weak: pair(1024),
    smallExponent: pair(2048, 3)
  }
  const v2 = `${tenant.origin}/${tenantId}/v2.0`
  const v1 = `${tenant.origin}/${tenantId}/`
  const common = () => {
    const now = seconds()
    return { iat: now, nbf: now, exp: now + 3600, oid: callerId, sub: 'pairwise-subject', tid: tenantId }
  }
  const v2Claims = () => ({ ...common(), iss: v2, aud: clientId, azp: callerId, azpacr: '1', ver: '2.0' })
  const world: World = {
    tenant,
    provider: publishProvider(tenant),
    keys,
    attacker,
    v2,
    v1,
    user: (claims) => present({ ...v2Claims(), scp: 'access_as_user', ...claims }),
    app: (claims) => present({ ...v2Claims(), sub: callerId, idtyp: 'app', roles: ['Directory.Read.All'], ...claims }),
    v1User: (claims) =>
      present({
        ...common(),
        ...{ iss: v1, aud: `api://${clientId}`, appid: callerId, appidacr: '1', ver: '1.0', scp: 'access_as_user' },
        ...claims
      }),
    header: (parameters) => present({ typ: 'JWT', alg: 'RS256', kid: 'key-1', x5t: 'key-1', ...parameters }),
    token: (claims, parameters, signature = rsa(keys.main)) =>
      mint(world.header(parameters), world.user(claims), signature),
    v1Token: (claims, parameters, signature = rsa(keys.main)) =>
      mint(world.header(parameters), world.v1User(claims), signature),
    appToken: (claims) => mint(world.header(), world.app(claims), rsa(keys.main)),
    under: (kid, key) => world.token({}, { kid }, rsa(key)),
    publish(withRetired, more = {}) {
      for (const [path, issuer] of [
        [tenant.paths.keys, v2],
        [tenant.paths.v1Keys, v1]
      ] as const) {
        const body = JSON.stringify({ keys: published(keys, issuer, withRetired, more) })
        tenant.answers.set(path, (_request, response) => {
          response.setHeader('content-type', 'application/json')
          response.end(body)
        })
      }
    },
    async close() {
      attacker.close()
      await tenant.close()
    }
  }
  world.publish(true)
  return world
}

/** A good user token by jose, which shares no code with what is under test. */
export function joseToken(world: World, claims: Members = {}): Promise<string> {
  return sign({ ...world.user(), ...claims }, {}, world.tenant.key)
}
