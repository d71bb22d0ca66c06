/** The keys of a set by what a token says of its key: `kid` and `alg`. */
import type { Algorithm, KeySet, VerificationKey } from './jwks.js'

/** A key set, ready for lookups that cost the same however many keys it has. */
export class KeyIndex {
  readonly set: KeySet
  readonly #byKid = new Map<string, VerificationKey[]>()
  /** The only key for an algorithm; `undefined` where there are several. */
  readonly #only = new Map<unknown, VerificationKey | undefined>()

  constructor(set: KeySet) {
    this.set = set
    for (const key of set.keys) {
      const { kid } = key
      if (kid !== undefined) this.#byKid.set(kid, [...(this.#byKid.get(kid) ?? []), key])
      for (const alg of key.algorithms) this.#addOnly(alg, key)
    }
  }

  /** One key under two names is one. */
  #addOnly(alg: Algorithm, key: VerificationKey): void {
    const known = this.#only.has(alg) ? this.#only.get(alg) : key
    this.#only.set(alg, known?.pem === key.pem ? known : undefined)
  }

  /**
   * The key that a token names. It verifies this algorithm (RFC 8725 §3.1).
   *
   * @param kid `undefined` of a token without one: then the only key that fits its `alg` (OpenID Connect Core §10.1)
   * @param alg as received
   */
  find(kid: string | undefined, alg: unknown): VerificationKey | undefined {
    if (kid === undefined) return this.#only.get(alg)
    return this.#byKid.get(kid)?.find(({ algorithms }) => algorithms.some((name) => name === alg))
  }

  /** Whether a key has this name, whatever it verifies. */
  first(kid: string): VerificationKey | undefined {
    return this.#byKid.get(kid)?.[0]
  }

  /** Whether several keys fit an algorithm, so that a token without `kid` names none. */
  isAmbiguous(alg: unknown): boolean {
    return this.#only.has(alg) && this.#only.get(alg) === undefined
  }
}
