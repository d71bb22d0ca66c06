/**
 * Stage 3 under attack: after a forged token, node:crypto checks the next signatures first. It can only refuse; a token that passes is then
 * verified by fast-jwt like any other. A forgery then costs one verification, without the errors of two libraries (docs/performance.md).
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { VerificationKey } from '../keys/jwks.js'
import type { Refusal } from '../refusals/refusal.js'
import type { DecodedToken } from './decode.js'
import { isInvalidSignature, signatureRefusal } from './jwt-errors.js'

/** The number of valid signatures in a row after which the attack is over; until then each is verified twice. */
const goodOnesInARow = 32

/** RSASSA-PKCS1-v1_5 (RFC 7518 §3.3), the only algorithm of Entra; other signatures skip this check. */
const digestOf: Readonly<Record<string, string>> = { RS256: 'RSA-SHA256', RS384: 'RSA-SHA384', RS512: 'RSA-SHA512' }

/** The recent failures of one instance of the plugin. */
export class Forgeries {
  #wary = 0
  readonly #keys = new WeakMap<VerificationKey, KeyObject>()

  /** Records an invalid signature. */
  seen(): void {
    this.#wary = goodOnesInARow
  }

  /**
   * Records the error of a verification that was made, if the signature is invalid: whatever the token is refused for, a flood of such tokens
   * costs as much.
   *
   * @param error of fast-jwt, or `undefined`
   */
  note(error: unknown): void {
    if (isInvalidSignature(error)) this.seen()
  }

  /** Whether a forgery was detected recently. */
  get areLikely(): boolean {
    return this.#wary > 0
  }

  /** The refusal of a token whose signature was checked and is invalid. */
  refusal(decoded: DecodedToken, key: VerificationKey): Refusal | undefined {
    const digest = digestOf[String(decoded.header.alg)]
    if (!this.areLikely || digest === undefined) return undefined
    const [header, payload, signature] = decoded.segments
    const input = Buffer.from(`${header}.${payload}`)
    const holds = verify(digest, input, this.#keyOf(key), Buffer.from(signature, 'base64url'))
    this.#wary = holds ? this.#wary - 1 : goodOnesInARow
    return holds ? undefined : signatureRefusal(decoded)
  }

  #keyOf(key: VerificationKey): KeyObject {
    const known = this.#keys.get(key) ?? createPublicKey(key.pem)
    this.#keys.set(key, known)
    return known
  }
}
