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

/** One thing that is asked of a signed token. Total: it never throws, whatever the claims are and whatever failed before it. */
export interface Check {
  /** Stable, such as `entra.aud`. */
  readonly id: string
  /** The standard, or Microsoft's document, that asks for it. */
  readonly source: string
  /** Why the token does not pass; `undefined` where it does. */
  readonly refuse: (token: SignedToken) => Refusal | undefined
  /** What passes, in words. */
  readonly expected: string
  /** What the token has there, for whoever asks why it was refused. */
  readonly found: (token: SignedToken) => unknown
}

/** The first no, in the order of the checks. */
export function firstRefusal(checks: readonly Check[], token: SignedToken): Refusal | undefined {
  for (const { refuse } of checks) {
    const why = refuse(token)
    if (why) return why
  }
  return undefined
}

/** The rules for the tokens of one issuer. */
export interface TokenRules {
  /** What its tokens may be signed with. */
  readonly algorithms: readonly Algorithm[]
  /** What a signed token must meet to be an access token for this API, in their order. */
  readonly checks: readonly Check[]
  /** True where its tokens can show that a user is a member of the directory: only Entra has guests. */
  readonly showsMembers: boolean
  /** Who a token speaks for, once it is not refused. */
  readonly toPrincipal: (claims: Claims) => Principal
  /** The App ID URI that its clients put before a scope's name; `undefined`: scopes are asked for by their names. */
  readonly scopeBase: string | undefined
  /** The only clients whose tokens may carry neither scopes nor roles. */
  readonly rolelessClients: ReadonlySet<string>
  /** Whether a caller is let in at all, where a function of the application decides on its directory. Rejects where that cannot be said. */
  readonly admit?: ((principal: Principal) => Promise<Admission>) | undefined
}
