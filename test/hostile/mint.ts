/** Tokens piece by piece, by node:crypto alone: no library that would refuse to make what must be refused. */
import { constants, createHmac, type KeyObject, privateEncrypt, sign } from 'node:crypto'

export type Members = Readonly<Record<string, unknown>>
/** Signing input → signature, in base64url. */
export type Signature = (input: string) => string

/** Any value as a segment: a string is taken as the text, anything else as JSON. */
export const segment = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** RSASSA-PKCS1-v1_5 (RFC 8017 §8.2). */
export const rsa =
  (key: KeyObject, digest = 'sha256'): Signature =>
  (input) =>
    sign(digest, Buffer.from(input), key).toString('base64url')

/** RSASSA-PSS (RFC 8017 §8.1). */
export const pss =
  (key: KeyObject, digest = 'sha256', saltLength: number = constants.RSA_PSS_SALTLEN_DIGEST): Signature =>
  (input) =>
    sign(digest, Buffer.from(input), { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }).toString(
      'base64url'
    )

/** ECDSA, as two numbers of the curve's length (RFC 7518 §3.4), or as DER. */
export const ecdsa =
  (key: KeyObject, digest = 'sha256', dsaEncoding: 'ieee-p1363' | 'der' = 'ieee-p1363'): Signature =>
  (input) =>
    sign(digest, Buffer.from(input), { key, dsaEncoding }).toString('base64url')

/** EdDSA (RFC 8037 §3.1). */
export const eddsa =
  (key: KeyObject): Signature =>
  (input) =>
    sign(undefined, Buffer.from(input), key).toString('base64url')

export const hmac =
  (secret: string | Buffer, digest = 'sha256'): Signature =>
  (input) =>
    createHmac(digest, secret).update(input).digest('base64url')

/** The private key's own operation on a block of the modulus' length, whatever is in it (RFC 8017 §5.2.1). */
export const rawRsa =
  (key: KeyObject, block: (input: string) => Buffer): Signature =>
  (input) =>
    privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, block(input)).toString('base64url')

/** Header and payload, signed. A string is taken as the text of its segment; of an object, `undefined` members are left out. */
export function mint(header: unknown, payload: unknown, signature: Signature): string {
  const input = `${segment(header)}.${segment(payload)}`
  return `${input}.${signature(input)}`
}

/** The same token with one character of its signature, or a whole segment, replaced. */
export function withSegment(token: string, at: 0 | 1 | 2, change: (segment: string) => string): string {
  return token
    .split('.')
    .map((part, index) => (index === at ? change(part) : part))
    .join('.')
}
