import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { CompactSign, calculateJwkThumbprint, exportJWK, type JWK } from 'jose'

/** A signing key: created at startup, held in memory only. */
export interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicJwk: JWK
}

/** A set of keys: the one that signs comes first, then those that are only still published. */
export type SigningKeys = readonly [SigningKey, ...SigningKey[]]

/** All keys: those that sign for every tenant, as Entra ID's do, and those of single applications, by client ID. */
export interface KeyRing {
  readonly shared: SigningKeys
  /** Custom signing keys (Microsoft: "Customize app JSON Web Token (JWT) claims", configure a custom signing key). */
  readonly custom: ReadonlyMap<string, SigningKeys>
}

/** Creates an RSA key of 2048 bits, the size of Entra ID's keys. */
async function createSigningKey(): Promise<SigningKey> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const publicJwk = await exportJWK(publicKey)
  return { kid: await calculateJwkThumbprint(publicJwk), privateKey, publicJwk }
}

/** Creates the tenants' keys, and one for each application that has its own. */
export async function createKeyRing(applications: readonly string[]): Promise<KeyRing> {
  const custom = applications.map(async (clientId) => [clientId, [await createSigningKey()] as const] as const)
  return { shared: [await createSigningKey()], custom: new Map(await Promise.all(custom)) }
}

/** Adds new signing keys; the old ones stay published. */
export function joined(fresh: KeyRing, old: KeyRing): KeyRing {
  const custom = [...fresh.custom].map(([clientId, keys]) => [clientId, [...keys, ...keysFor(old, clientId)]] as const)
  return { shared: [...fresh.shared, ...old.shared], custom: new Map(custom) }
}

/** The keys that sign the tokens for an application: its own, or the common ones. */
export function keysFor({ shared, custom }: KeyRing, clientId: string): SigningKeys {
  return custom.get(clientId) ?? shared
}

/** The JOSE header of the tokens a key signs: Entra ID names the key twice, by `kid` and by `x5t`. */
export function tokenHeader({ kid }: SigningKey) {
  return { typ: 'JWT', alg: 'RS256', kid, x5t: kid }
}

/** The JWK Set (RFC 7517 §5) in Entra ID's form: no `alg`, and each key says which issuer signs with it. */
export function publicKeySet(keys: SigningKeys, issuer: string) {
  return { keys: keys.map(({ kid, publicJwk }) => ({ ...publicJwk, use: 'sig', kid, x5t: kid, issuer })) }
}

/** The JWK Set with private members, for an authorization server to sign with: by default, with the first. */
export function privateKeySet({ shared, custom }: KeyRing) {
  const keys = [...shared, ...[...custom.values()].flat()]
  return { keys: keys.map(({ kid, privateKey }) => ({ ...privateKey.export({ format: 'jwk' }), use: 'sig', kid })) }
}

/** Signs any claims as a JWS (RFC 7515 §7.1); members of `header` replace those of a usual token. */
export function signClaims(key: SigningKey, claims: object, header: object = {}): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ ...tokenHeader(key), ...header })
    .sign(key.privateKey)
}
