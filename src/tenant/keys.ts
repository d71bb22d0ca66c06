import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { CompactSign, calculateJwkThumbprint, exportJWK, type JWK } from 'jose'

/** A signing key: made at start, held in memory only. */
export interface SigningKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicJwk: JWK
}

/** The tenant's keys: the one that signs comes first, then those that are only still published. */
export type SigningKeys = readonly [SigningKey, ...SigningKey[]]

/** Makes an RSA key of 2048 bits, the size Entra ID signs with. */
export async function createSigningKey(): Promise<SigningKey> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  const publicJwk = await exportJWK(publicKey)
  return { kid: await calculateJwkThumbprint(publicJwk), privateKey, publicJwk }
}

/** The JOSE header of the tokens a key signs: Entra ID names the key twice, by `kid` and by `x5t`. */
export function tokenHeader({ kid }: SigningKey) {
  return { typ: 'JWT', alg: 'RS256', kid, x5t: kid }
}

/** The JWK Set (RFC 7517 §5) in Entra ID's shape: no `alg`, and each key says which issuer signs with it. */
export function publicKeySet(keys: SigningKeys, issuer: string) {
  return { keys: keys.map(({ kid, publicJwk }) => ({ ...publicJwk, use: 'sig', kid, x5t: kid, issuer })) }
}

/** The JWK Set with private members, for the authorization server to sign with its first key. */
export function privateKeySet(keys: SigningKeys) {
  return { keys: keys.map(({ kid, privateKey }) => ({ ...privateKey.export({ format: 'jwk' }), use: 'sig', kid })) }
}

/** Signs any claims at all as a JWS (RFC 7515 §7.1); members of `header` replace those of a usual token. */
export function signClaims(key: SigningKey, claims: object, header: object = {}): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ ...tokenHeader(key), ...header })
    .sign(key.privateKey)
}
