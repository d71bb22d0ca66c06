/** The keys of a test tenant: made when it is created, so that no private key is in the package. */
import { generateKeyPair, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { createSigner } from 'fast-jwt'
import type { TokenClaims } from './callers.js'

/** RFC 7518 §3.3: 2048 bits at least, which is what Entra has. */
const form = { modulusLength: 2048 } as const

interface SigningKey {
  readonly kid: string
  readonly pem: string
  /** As Entra publishes it: without `alg`. */
  readonly jwk: object
}

interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** The keys of one tenant: the newest signs, and all of them are published. */
export class SigningKeys {
  #keys: readonly [SigningKey, ...SigningKey[]]

  private constructor(first: SigningKey) {
    this.#keys = [first]
  }

  static async create(): Promise<SigningKeys> {
    return new SigningKeys(signingKey(await promisify(generateKeyPair)('rsa', form)))
  }

  /** The public keys, with these members beside their own. */
  published(more: object = {}): readonly object[] {
    return this.#keys.map(({ jwk }) => ({ ...jwk, ...more }))
  }

  /** From now on a new key signs. @param withdraw whether the earlier ones are not published any more */
  rotate(withdraw: boolean): void {
    const next = signingKey(generateKeyPairSync('rsa', form))
    this.#keys = withdraw ? [next] : [next, ...this.#keys]
  }

  /** A signed token (RFC 7515 §7.1). Members that are `undefined` are left out. */
  sign(claims: TokenClaims, header: TokenClaims): string {
    const [{ kid, pem }] = this.#keys
    const parameters = { alg: 'RS256', kid, ...header }
    const noTimestamp = claims.iat === undefined // fast-jwt would add one
    return createSigner({ key: pem, algorithm: 'RS256', noTimestamp, header: parameters })({ ...claims })
  }
}

function signingKey({ publicKey, privateKey }: KeyPair): SigningKey {
  const kid = randomBytes(16).toString('base64url')
  const { kty, n, e } = publicKey.export({ format: 'jwk' })
  const pem = String(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return { kid, pem, jwk: { kty, use: 'sig', kid, x5t: kid, n, e } }
}
