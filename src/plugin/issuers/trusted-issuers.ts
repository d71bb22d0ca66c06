/** Stage 2: which issuers are trusted. The token's `iss` selects one of them; it never adds one. */

import type { Claims } from '../claims/principal.js'
import type { VerificationKey } from '../keys/jwks.js'
import type { KeyStore } from '../keys/key-store.js'
import { isRefusal, type Refusal, refusal } from '../refusals/refusal.js'
import { type Issuer, templateOf } from './issuer.js'
import { tenantPlaceholder } from './token-rules.js'

const unavailable = refusal('tenant_unavailable', { retryAfterSeconds: 1 })

/** The issuer and the key that a token names. */
export interface FoundKey {
  readonly issuer: Issuer
  /** The name by which it was found. */
  readonly issuerName: string | undefined
  readonly key: VerificationKey
}

/** What the header of a token says of its key. */
export interface KeyName {
  readonly kid: string | undefined
  readonly alg: unknown
}

type Answer = FoundKey | Refusal

/** The number of issuers that a refusal names. */
const maxNamed = 4

const wrongIssuer = (expected: string): Refusal =>
  expected === ''
    ? refusal('wrong_issuer')
    : refusal('wrong_issuer', {
        detail: `The "iss" of the token is not an issuer that this API trusts, which is ${expected}. Get the token from there, or have the operator of this API change its configuration.`
      })

/** All trusted issuers, each with keys of its own: a key of one never verifies a token of another. */
export class TrustedIssuers {
  readonly all: readonly Issuer[]
  /** Of an unknown issuer the strictest rule counts; found once, as there may be a thousand issuers. */
  #isAnyStrict: boolean | undefined
  /** By their configured names: however many there are, a request checks at most two. */
  readonly #named: ReadonlyMap<string | undefined, Issuer>
  /** Issuers whose name only their document contains. */
  readonly #others: readonly Issuer[]
  /** Built once for the same names, as its response is. */
  #refused: { readonly expected: string; readonly refusal: Refusal } | undefined

  constructor(issuers: readonly Issuer[]) {
    this.all = issuers
    this.#named = new Map(issuers.map((issuer) => [issuer.name, issuer]))
    this.#others = issuers.filter(({ name }) => name === undefined)
  }

  /**
   * The issuer of exactly this name, or the one for many tenants whose template matches it.
   *
   * @param claims of the token, unproven: they select among issuers of one name. Default: none
   */
  named(iss: string, claims: Claims = {}): Issuer | undefined {
    if (iss.includes(tenantPlaceholder)) return undefined
    return this.#exactly(iss, claims) ?? (this.#mayBeNamed(iss) ? undefined : this.#exactly(templateOf(iss), claims))
  }

  /** A tenant with rules of its own, whose document is not fetched yet, must not be subject to the rules for many tenants. */
  #mayBeNamed(iss: string): boolean {
    return this.#others.some(({ name, settings }) => name === undefined && (settings.issuer as RegExp).test(iss))
  }

  #exactly(name: string, claims: Claims): Issuer | undefined {
    const isFor = ({ settings: { among } }: Issuer) => among === undefined || among.isFor(claims)
    const own = this.#named.get(name) ?? this.#others.find((other) => other.name === name && isFor(other))
    if (own || this.#awaits(name, claims)) return own
    // Of none: the rules of the first one refuse the token, and say why.
    return this.#others.find((other) => other.name === name)
  }

  /** Whether one of several issuers of this name, whose document is not fetched yet, may be the token's. */
  #awaits(iss: string, claims: Claims): boolean {
    return this.#others.some(
      ({ name, settings: { among, issuer } }) =>
        name === undefined && among?.isFor(claims) === true && (issuer as RegExp).test(iss)
    )
  }

  /** Names the trusted issuers; never the token's own, which is not verified. */
  #wrongIssuer(): Refusal {
    const names: string[] = []
    // No more than are named: a flood of foreign tokens ends here, and there may be a thousand issuers.
    for (const { name } of this.all) {
      if (name === undefined) continue
      names.push(names.length < maxNamed ? name : 'others')
      if (names.length > maxNamed) break
    }
    const expected = names.join(' or ')
    if (this.#refused?.expected !== expected) this.#refused = { expected, refusal: wrongIssuer(expected) }
    return this.#refused.refusal
  }

  /** Whether the header of a token must be as {@link TokenRules} says, by its unverified `iss`; of an unknown issuer it may have to be. */
  hasStrictHeader(iss: unknown, claims: Claims): boolean {
    const issuer = typeof iss === 'string' ? this.named(iss, claims) : undefined
    return issuer?.settings.profile.strictHeader ?? this.#strictest()
  }

  #strictest(): boolean {
    this.#isAnyStrict ??= this.all.some(({ settings }) => settings.profile.strictHeader)
    return this.#isAnyStrict
  }

  /** The key for a token, by its unverified `iss` and header, and its claims where several issuers have that name. */
  findKey(iss: unknown, { kid, alg }: KeyName, claims: Claims): Answer | Promise<Answer> {
    if (typeof iss !== 'string') return this.#wrongIssuer()
    const issuer = this.named(iss, claims)
    if (issuer) return this.#answer(issuer, iss, issuer.keys.find(kid, alg), claims)
    const unnamed = this.#others.filter(({ name }) => name === undefined)
    if (unnamed.length === 0) return this.#wrongIssuer()
    return this.#findUnnamed(unnamed, iss, { kid, alg }, claims)
  }

  /**
   * The key for a token, if it is held. Fetches nothing.
   *
   * @returns also `undefined` where several issuers have that name, as only claims tell which one
   */
  heldKey(iss: string, { kid, alg }: KeyName): VerificationKey | undefined {
    const issuer = this.named(iss)
    return issuer?.settings.among ? undefined : issuer?.keys.peek(kid, alg)
  }

  /**
   * For a token without `kid` that the key which fits did not sign: another one, after a refresh if it is time for one.
   *
   * @returns `undefined` if there is none: the signature is invalid
   */
  async findAnotherKey(alg: unknown, { issuer, issuerName, key }: FoundKey): Promise<Answer | undefined> {
    const found = await issuer.keys.findAnother(alg, key)
    return found && (isRefusal(found) ? found : { issuer, issuerName, key: found })
  }

  /**
   * The issuer whose rules are for a token of this name, also while the document that would name it is not fetched; or the refusal. For
   * explanations: it says nothing of whether the issuer signed the token.
   */
  expected(iss: unknown, claims: Claims): Issuer | Refusal {
    const isLike = ({ name, settings: { among, issuer } }: Issuer) =>
      name === undefined && (issuer as RegExp).test(String(iss)) && among?.isFor(claims) !== false
    const known = typeof iss === 'string' ? (this.named(iss, claims) ?? this.#others.find(isLike)) : undefined
    return known ?? this.#wrongIssuer()
  }

  /** A key of this name, for whichever algorithm, if one is held. Fetches nothing. */
  peekKey(iss: unknown, kid: unknown, claims: Claims): FoundKey | undefined {
    const issuer = typeof iss === 'string' ? this.named(iss, claims) : undefined
    const key = typeof kid === 'string' ? issuer?.keys.peekNamed(kid) : undefined
    return issuer && key && { issuer, issuerName: issuer.name, key }
  }

  /** The document that names the issuer may be available by now; fetching is limited by the cooldown of its keys. */
  #findUnnamed(
    unnamed: readonly Issuer[],
    iss: string,
    { kid, alg }: KeyName,
    claims: Claims
  ): Answer | Promise<Answer> {
    const verdict = () => (unnamed.some(({ undecided }) => undecided) ? unavailable : this.#wrongIssuer())
    const asked = unnamed.map(({ keys }) => keys.find(kid, alg))
    if (!asked.some((answer) => answer instanceof Promise)) return verdict()
    return Promise.all(asked).then(() => {
      const issuer = this.named(iss, claims)
      return issuer ? this.#answer(issuer, iss, issuer.keys.find(kid, alg), claims) : verdict()
    })
  }

  /** A refresh may have changed the issuer's name meanwhile. */
  #answer(issuer: Issuer, iss: string, found: ReturnType<KeyStore['find']>, claims: Claims): Answer | Promise<Answer> {
    const { name } = issuer
    const named = (key: VerificationKey | Refusal) => (isRefusal(key) ? key : { issuer, issuerName: name, key })
    if (!(found instanceof Promise)) return named(found)
    const isSame = () => this.named(iss, claims) === issuer && issuer.name === name
    return found.then((key) => (isSame() ? named(key) : this.#wrongIssuer()))
  }
}
