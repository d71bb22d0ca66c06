/** The rules of stages 4 and 5 for the tokens of one issuer: Entra's, or those of another OpenID provider. */

import type { Claims, Principal } from '../claims/principal.js'
import type { Algorithm, VerificationKey } from '../keys/jwks.js'
import type { Refusal } from '../refusals/refusal.js'

/** The placeholder for a tenant's ID in the issuer of documents of many tenants (Microsoft: "Validate the issuer"). */
export const tenantPlaceholder = '{tenantid}'

/** A token whose signature, `exp` and `nbf` are valid, and the key that verified it. */
export interface SignedToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Claims
  readonly key: VerificationKey
}

/** The decision about one caller. */
export interface Admission {
  /** Why the caller is refused, if so. */
  readonly refusal?: Refusal | undefined
  /** Time of the clock, in milliseconds, until which the decision is valid. */
  readonly until?: number | undefined
}

/** One check of a signed token. It never throws, whatever the claims are and whatever failed before it. */
export interface Check {
  /** Stable, such as `entra.aud`. */
  readonly id: string
  /** The standard, or Microsoft's document, that requires it. */
  readonly source: string
  /** Why the token is refused; `undefined` if it passes. */
  readonly refuse: (token: SignedToken) => Refusal | undefined
  /** What the check accepts, in words. */
  readonly expected: string
  /** The token's value, for the explanation of a refusal. */
  readonly found: (token: SignedToken) => unknown
  /** True if it reads the key: without one it cannot be explained. */
  readonly readsKey?: true
}

/** The first refusal, in the order of the checks. */
export function firstRefusal(checks: readonly Check[], token: SignedToken): Refusal | undefined {
  for (const { refuse } of checks) {
    const why = refuse(token)
    if (why) return why
  }
  return undefined
}

/** The rules for the tokens of one issuer. */
export interface TokenRules {
  /** The algorithms that its tokens may be signed with. */
  readonly algorithms: readonly Algorithm[]
  /**
   * True if the header must name the key by `kid` and have no other reference to one, as Entra's does. False: `jku`, `x5u`, `x5c` and `cty`
   * (unless it names a JWT) are ignored, and of a token without `kid` its `alg` decides, where one key fits (OpenID Connect Core §10.1).
   */
  readonly strictHeader: boolean
  /** The checks that a signed token must pass to be an access token for this API, in this order. */
  readonly checks: readonly Check[]
  /** True for a directory of Entra: only its tokens can show that a user is a member, not a guest, and whether an AI agent acts. */
  readonly isDirectory: boolean
  /** True if groups are a grant of a user's token, as for a provider whose tokens may have nothing else; Entra's always have a scope. */
  readonly groupsAreGrants: boolean
  /** Builds the principal of a token that is not refused. */
  readonly toPrincipal: (claims: Claims) => Principal
  /** The App ID URI that its clients put before a scope's name; `undefined`: clients request scopes by their names. */
  readonly scopeBase: string | undefined
  /** The URI at which the users of a directory sign in, for claims challenges; `undefined`: its clients understand none. */
  readonly authorizationUri?: ((tenantId: string) => string) | undefined
  /** The only clients whose tokens may carry neither scopes nor roles. */
  readonly rolelessClients: ReadonlySet<string>
  /** Whether a caller may call at all, if a function of the application decides on its directory. Rejects if that cannot be determined. */
  readonly admit?: ((principal: Principal) => Promise<Admission>) | undefined
}
