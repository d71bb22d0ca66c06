/** What stages 4 and 5 do with the tokens of one issuer: Entra's rules, or those of any other OpenID provider. */

import type { Claims, Principal } from '../claims/principal.js'
import type { Algorithm, VerificationKey } from '../keys/jwks.js'
import type { Refusal } from '../refusals/refusal.js'

/** What the issuer has in place of a tenant's ID in the documents of many tenants (Microsoft: "Validate the issuer"). */
export const tenantPlaceholder = '{tenantid}'

/** A token whose signature, `exp` and `nbf` hold, and the key that it was verified with. */
export interface SignedToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Claims
  readonly key: VerificationKey
}

/** The answer about one caller. */
export interface Admission {
  /** Why the caller is not let in. */
  readonly refusal?: Refusal | undefined
  /** Milliseconds of the clock until which the answer counts. */
  readonly until?: number | undefined
}

/** The rules for the tokens of one issuer. */
export interface Profile {
  /** What its tokens may be signed with. */
  readonly algorithms: readonly Algorithm[]
  /** Why a signed token is no access token for this API, or `undefined` when it is one. */
  readonly refuse: (token: SignedToken) => Refusal | undefined
  /** True where its tokens can show that a user is a member of the directory: only Entra has guests. */
  readonly showsMembers: boolean
  /** Who a token speaks for, once it is not refused. */
  readonly toPrincipal: (claims: Claims) => Principal
  /** The only clients whose tokens may carry neither scopes nor roles. */
  readonly rolelessClients: ReadonlySet<string>
  /** Whether a caller is let in at all, where a function of the application decides on its directory. Rejects where that cannot be said. */
  readonly admit?: ((principal: Principal) => Promise<Admission>) | undefined
}
