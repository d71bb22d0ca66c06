/** The principals that this instance verified. A copy, an object of other code, or one that another instance verified is none of them. */
import type { Principal } from '../claims/principal.js'
import type { FoundKey } from '../issuers/trusted-issuers.js'
import type { DecodedToken } from './decode.js'

/** What the validity of a token depends on, beside its claims. The token itself is not kept. */
export interface Grounds extends FoundKey {
  readonly header: DecodedToken['header']
  /** The issuer that the key signs for, as known when the token was verified. */
  readonly keyOwner: string | undefined
}

/** A token that was verified. */
interface Verified extends FoundKey {
  readonly decoded: Pick<DecodedToken, 'header'>
  readonly keyOwner?: string | undefined
}

/** By identity, so that nothing but a verification adds one; a principal that nobody holds is forgotten. */
export class VerifiedPrincipals {
  readonly #grounds = new WeakMap<object, Grounds>()

  add(principal: Principal, { issuer, issuerName, key, keyOwner, decoded: { header } }: Verified): void {
    this.#grounds.set(principal, { issuer, issuerName, key, keyOwner, header })
  }

  /** `undefined` for anything that is not such a principal. */
  groundsOf(principal: unknown): Grounds | undefined {
    return this.#grounds.get(principal as object)
  }
}
